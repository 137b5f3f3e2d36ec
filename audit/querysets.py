"""Every reusable read of the audit log, starting from what a person may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from audit.models import Entry  # noqa: F401


class Reader(Protocol):
    """Somebody who reads the log: a user, seen from below."""

    pk: Any

    @property
    def sees_everything(self) -> bool: ...


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, user: Reader) -> Self:
        """All of it for whoever sees the whole estate: entries name machines.

        For others what they did themselves and what was done to people.
        """
        if user.sees_everything:
            return self
        return self.filter(Q(actor_id=user.pk) | Q(target_type="accounts.user"))
