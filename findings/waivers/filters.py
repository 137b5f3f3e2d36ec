"""What lists of exceptions can be narrowed by: the same on the page, in exports, in the API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from findings import catalogue
from findings.models import Finding, Waiver, WaiverCover
from findings.waivers import states

ENDS_WITHIN = ((1, "Ends within a day"), (7, "Ends within a week"), (30, "Ends within 30 days"))
STATES = [*states.LABELS.items(), *states.REMARKS.items()]
_HUGE = 2**63


class WaiverFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Narrows a queryset that is already `visible_to` the person."""

    state = django_filters.MultipleChoiceFilter(choices=STATES, method="in_state", label="State")
    scope = django_filters.MultipleChoiceFilter(choices=Waiver.Scope.choices, label="Scope")
    check = django_filters.CharFilter(method="of_check", label="Check", max_length=80)
    requester = django_filters.CharFilter(
        field_name="requested_by__username", lookup_expr="iexact", label="Asked for by"
    )
    ends_within = django_filters.TypedChoiceFilter(
        choices=ENDS_WITHIN, coerce=int, method="ending", label="End"
    )
    finding = django_filters.NumberFilter(method="of_finding", label="Finding")
    asset = django_filters.NumberFilter(method="of_asset", label="Asset")

    class Meta:
        model = Waiver
        fields = ()

    def __init__(self, *args: Any, now: datetime, user: User, **kwargs: Any) -> None:
        self.now = now
        self.user = user
        super().__init__(*args, **kwargs)

    def in_state(
        self, waivers: QuerySet[Waiver], name: str, values: Iterable[str]
    ) -> QuerySet[Waiver]:
        """In any of these states."""
        wanted = Q()
        for value in values:
            wanted |= states.is_in(value, now=self.now)
        return waivers.filter(wanted)

    def of_check(self, waivers: QuerySet[Waiver], name: str, value: str) -> QuerySet[Waiver]:
        """About this check, or covering a finding of it that the person sees."""
        check = catalogue.check_or_none(value)
        names = catalogue.names_of(check) if check else (value,)
        covers = self._covers().filter(finding__check_id__in=names)
        return waivers.filter(
            Q(check_id__in=names) | Q(finding__check_id__in=names) | Q(Exists(covers))
        )

    def ending(self, waivers: QuerySet[Waiver], name: str, value: int) -> QuerySet[Waiver]:
        """In effect or to come, and over within so many days."""
        return waivers.filter(
            status=Waiver.Status.APPROVED,
            expires_at__gt=self.now,
            expires_at__lte=self.now + timedelta(days=value),
        )

    def of_finding(self, waivers: QuerySet[Waiver], name: str, value: Any) -> QuerySet[Waiver]:
        """About this finding, or covering it."""
        pk = _number(value)
        covers = self._covers().filter(finding=pk)
        return waivers.filter(Q(finding=pk) | Q(Exists(covers)))

    def of_asset(self, waivers: QuerySet[Waiver], name: str, value: Any) -> QuerySet[Waiver]:
        """About this asset, or covering a finding of it."""
        pk = _number(value)
        covers = self._covers().filter(finding__asset=pk)
        return waivers.filter(Q(asset=pk) | Q(finding__asset=pk) | Q(Exists(covers)))

    def _covers(self) -> QuerySet[WaiverCover]:
        return WaiverCover.objects.filter(
            waiver=OuterRef("pk"), finding__in=Finding.objects.visible_to(self.user)
        )


def _number(value: Any) -> int:
    """A number that a column holds; what is none of ours is no row's."""
    return int(value) if value == int(value) and 0 < value < _HUGE else 0
