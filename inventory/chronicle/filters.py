"""How events are narrowed, on the page and in the interface."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from inventory.chronicle.models import MacHolding, PlatformEvent, Stay
from inventory.chronicle.words import CHOICES


class EventFilter(django_filters.FilterSet):  # type: ignore[misc]
    what = django_filters.ChoiceFilter(
        method="by_word", choices=[(word, word) for word in CHOICES], label="What happened"
    )
    type = django_filters.CharFilter(label="Type of event, as the platform calls it")
    source = django_filters.NumberFilter(field_name="source_id", label="Id of the source")
    vm = django_filters.NumberFilter(field_name="vm_id", label="Id of the machine")
    user = django_filters.CharFilter(
        field_name="user_name", lookup_expr="iexact", label="Who did it"
    )
    q = django_filters.CharFilter(method="by_text", label="Machine or person")
    since = django_filters.IsoDateTimeFilter(
        field_name="happened_at", lookup_expr="gte", label="From"
    )
    until = django_filters.IsoDateTimeFilter(
        field_name="happened_at", lookup_expr="lt", label="Before"
    )

    class Meta:
        model = PlatformEvent
        fields: tuple[str, ...] = ()

    def by_word(self, rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any]:
        return rows.filter(type__in=CHOICES[word])

    def by_text(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        return rows.filter(Q(vm_name__istartswith=text) | Q(user_name__istartswith=text))


class StayFilter(django_filters.FilterSet):  # type: ignore[misc]
    """By number, not by choice: a refused choice would tell what exists."""

    vm = django_filters.NumberFilter(field_name="vm_id", label="Id of the machine")
    place_kind = django_filters.ChoiceFilter(choices=Stay.Place.choices, label="Kind of place")

    class Meta:
        model = Stay
        fields: tuple[str, ...] = ()


class MacHoldingFilter(django_filters.FilterSet):  # type: ignore[misc]
    vm = django_filters.NumberFilter(field_name="vm_id", label="Id of the machine")

    class Meta:
        model = MacHolding
        fields: tuple[str, ...] = ()
