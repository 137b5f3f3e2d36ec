"""Reads of events and intervals, each starting from what a person may see."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import F, Q

from accounts.models import User

if TYPE_CHECKING:
    from inventory.chronicle.models import MacHolding, PlatformEvent, Stay  # noqa: F401

_Row = TypeVar("_Row", bound=models.Model)


class EventQuerySet(models.QuerySet["PlatformEvent"]):
    def visible_to(self, user: User) -> Self:
        """Events of machines one sees; what is about no machine is for whoever sees everything."""
        return self if user.sees_everything else self.filter(vm__team__in=user.team_ids)


class IntervalQuerySet(models.QuerySet[_Row]):
    def visible_to(self, user: User) -> Self:
        return self if user.sees_everything else self.filter(vm__team__in=user.team_ids)

    def at(self, moment: datetime) -> Self:
        """What was so at a moment, surely or possibly."""
        return self.between(moment, moment)

    def between(self, since: datetime, until: datetime) -> Self:
        """What was so at some time of a window, surely or possibly."""
        return self.filter(
            Q(valid_from__lte=until) | Q(began_after__lt=until),
            Q(valid_to__isnull=True) | Q(valid_to__gt=since),
        )


class StayQuerySet(IntervalQuerySet["Stay"]):
    def with_places(self) -> Self:
        return self.select_related("place", "vm__source", "vm__team").defer(
            "place__record", "vm__record"
        )


class MacHoldingQuerySet(IntervalQuerySet["MacHolding"]):
    def of(self, mac: str) -> Self:
        return self.filter(mac=mac)


def newest_first(rows: Any) -> Any:
    """Open intervals first, then the ones that ended last."""
    return rows.order_by(F("valid_to").desc(nulls_first=True), "-valid_from", "-pk")
