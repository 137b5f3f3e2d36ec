"""The finding before and the one after, in the list somebody came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, F, Q, QuerySet, Value

from findings.models import Finding


def of(
    finding: Finding, rows: QuerySet[Finding], order: Sequence[str]
) -> tuple[int | None, int | None]:
    """The keys of the previous and the next. Fields are the finding's own; nulls are last."""
    both = _first(finding, rows, order, forward=False).union(
        _first(finding, rows, order, forward=True), all=True
    )
    found: dict[bool, int] = {forward: pk for pk, forward in both}
    return found.get(False), found.get(True)


def _first(
    finding: Finding, rows: QuerySet[Finding], order: Sequence[str], *, forward: bool
) -> Any:
    ordering = [_ordering(name, forward=forward) for name in order]
    beyond = rows.filter(_beyond(finding, order, forward=forward)).order_by(*ordering)
    way = Value(forward, output_field=BooleanField())
    return beyond.annotate(is_after=way).values_list("pk", "is_after")[:1]


def _ordering(name: str, *, forward: bool) -> Any:
    field = name.removeprefix("-")
    descending = name.startswith("-") == forward
    if not Finding._meta.get_field(field).null:
        return F(field).desc() if descending else F(field).asc()
    ends = {"nulls_last": True} if forward else {"nulls_first": True}
    return F(field).desc(**ends) if descending else F(field).asc(**ends)


def _beyond(finding: Finding, order: Sequence[str], *, forward: bool) -> Q:
    """What comes after it, or before it, in this order."""
    name, rest = order[0], order[1:]
    field = name.removeprefix("-")
    value = getattr(finding, field)
    then = _beyond(finding, rest, forward=forward) if rest else None
    null = Q(**{f"{field}__isnull": True})
    if value is None:
        further = Q(pk__in=[]) if forward else ~null
        return further if then is None else further | (null & then)
    way = "gt" if name.startswith("-") != forward else "lt"
    further = Q(**{f"{field}__{way}": value})
    if forward and Finding._meta.get_field(field).null:
        further |= null
    return further if then is None else further | (Q(**{field: value}) & then)
