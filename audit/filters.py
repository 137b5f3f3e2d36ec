"""What the audit log is searched by, on its page and over REST alike."""

from __future__ import annotations

import django_filters
from django import forms
from django.db.models import QuerySet

from audit.models import Entry


class EntryFilter(django_filters.FilterSet):  # type: ignore[misc]
    who = django_filters.CharFilter(
        field_name="actor_label", lookup_expr="icontains", max_length=200, label="Who"
    )
    actor = django_filters.NumberFilter(
        field_name="actor_id", min_value=0, max_value=2**63 - 1, widget=forms.HiddenInput
    )
    action = django_filters.CharFilter(lookup_expr="istartswith", max_length=100, label="Action")
    target = django_filters.CharFilter(method="on_target", max_length=200, label="On what")
    since = django_filters.DateFilter(
        field_name="at",
        lookup_expr="date__gte",
        label="From (day)",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = django_filters.DateFilter(
        field_name="at",
        lookup_expr="date__lte",
        label="To (day)",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    via = django_filters.ChoiceFilter(
        choices=[(way, way) for way in ("page", "api", "command", "system")],
        label="By way of",
        empty_label="Any",
    )

    class Meta:
        model = Entry
        fields = ("who", "actor", "action", "target", "since", "until", "via")

    def on_target(self, entries: QuerySet[Entry], name: str, value: str) -> QuerySet[Entry]:
        """Exactly one thing as `type:id`, else whatever has this in its name."""
        kind, colon, key = value.partition(":")
        if colon and "." in kind:
            return entries.filter(target_type=kind, target_id=key)
        return entries.filter(target_label__icontains=value)
