"""Findings as of a moment: which were open then, and which opened or closed in a stretch of time.

Read from spells, so that what opened again since is still found where it was.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from findings.models import FindingSpell

if TYPE_CHECKING:
    from findings.models import Finding

LABELS = {
    "open_at": "Open at",
    "began_since": "Opened, or again, since",
    "began_before": "Opened, or again, before",
    "ended_since": "Closed since",
    "ended_before": "Closed before",
}


def open_at(moment: datetime) -> Q:
    """The condition that a finding was open at a moment."""
    return Q(Exists(spells_at(moment).filter(finding=OuterRef("pk"))))


def spells_at(moment: datetime) -> QuerySet[FindingSpell]:
    return FindingSpell.objects.filter(opened_at__lte=moment).filter(
        Q(closed_at__isnull=True) | Q(closed_at__gt=moment)
    )


class PastFilters(django_filters.FilterSet):  # type: ignore[misc]
    """What a list of findings can be asked about the past."""

    open_at = django_filters.IsoDateTimeFilter(label=LABELS["open_at"], method="_was_open")
    began_since = django_filters.IsoDateTimeFilter(label=LABELS["began_since"], method="_leave")
    began_before = django_filters.IsoDateTimeFilter(label=LABELS["began_before"], method="_leave")
    ended_since = django_filters.IsoDateTimeFilter(label=LABELS["ended_since"], method="_leave")
    ended_before = django_filters.IsoDateTimeFilter(label=LABELS["ended_before"], method="_leave")
    now: datetime

    @property
    def clock(self) -> datetime:
        """The moment that the list is about: now, or the one it was asked for."""
        moment: datetime | None = self.form.cleaned_data.get("open_at")
        return moment or self.now

    @property
    def is_open(self) -> Q:
        """The condition that a finding is, or was then, open."""
        moment: datetime | None = self.form.cleaned_data.get("open_at")
        return open_at(moment) if moment else Q(state="open")

    def filter_queryset(self, queryset: QuerySet[Finding]) -> QuerySet[Finding]:
        found: QuerySet[Finding] = super().filter_queryset(queryset)
        for field, name in (("opened_at", "began"), ("closed_at", "ended")):
            found = self._within(found, field, name)
        return found

    def _within(self, queryset: QuerySet[Finding], field: str, name: str) -> QuerySet[Finding]:
        """Of one and the same spell: it may not begin in one and end in another."""
        said = self.form.cleaned_data
        bounds = {
            f"{field}__{way}": said[f"{name}_{word}"]
            for way, word in (("gte", "since"), ("lt", "before"))
            if said.get(f"{name}_{word}")
        }
        if not bounds:
            return queryset
        # With a moment: the spell that it was open in then.
        spells = spells_at(said["open_at"]) if said.get("open_at") else FindingSpell.objects.all()
        spells = spells.filter(finding=OuterRef("pk"), **bounds)
        return queryset.filter(Exists(spells))

    def _was_open(self, queryset: QuerySet[Finding], name: str, value: Any) -> QuerySet[Finding]:
        return queryset.filter(open_at(value))

    def _leave(self, queryset: QuerySet[Finding], name: str, value: Any) -> QuerySet[Finding]:
        return queryset
