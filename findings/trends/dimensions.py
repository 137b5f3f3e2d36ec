"""By what posture can be looked at: each way to divide it, and what one part of it covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db.models import QuerySet

from accounts.models import Team, User
from findings import catalogue
from findings.models import DailyPosture
from findings.trends import reading
from inventory.models import Source
from policies import frameworks, registry
from policies.models import Area, Statement

NONE, UNKNOWN = "none", "unknown"


class Part(msgspec.Struct, frozen=True):
    """One part: an area, a team, … `filters` find the same in the list of findings."""

    value: str
    label: str
    filters: tuple[tuple[str, str], ...]


class Dimension(msgspec.Struct, frozen=True):
    """A way to divide posture. `column` is what its rows are told apart by."""

    name: str
    label: str
    parts: dict[str, Part]
    column: str
    of: dict[Any, tuple[str, ...]]  # value of the column → parts it belongs to

    def part(self, value: str) -> Part | None:
        return self.parts.get(value)

    def members(self, value: str) -> list[Any]:
        """The values of the column that make up one part."""
        return [member for member, parts in self.of.items() if value in parts]

    def rows(self, user: User) -> QuerySet[DailyPosture]:
        """The rows that count each thing once in this dimension, of what the person may see."""
        if self.column == "classification":
            rows = DailyPosture.objects.filter(grain=DailyPosture.Grain.CLASS)
        elif self.column == "team":
            rows = DailyPosture.objects.filter(grain=DailyPosture.Grain.TEAM)
        else:
            return reading.grain_for(user)
        return rows if user.sees_everything else rows.filter(team__in=user.team_ids)


LABELS = {
    "area": "Area",
    "statement": "Statement",
    "framework": "Framework",
    "source": "Source",
    "team": "Team",
    "classification": "Classification",
    "check": "Check",
}


def dimension(name: str, user: User, *, sources: Sequence[Source]) -> Dimension | None:
    """The dimension of this name with the parts that this person may know of, or None."""
    if name == "source":
        return _plain(name, "source", [(s.pk, s.name, "source") for s in sources])
    if name == "team":
        return _teams(user)
    if name == "classification":
        return _classifications(user)
    makers = {"area": _areas, "statement": _statements, "framework": _frameworks, "check": _checks}
    return _of_checks(name, makers[name]()) if name in makers else None


def _plain(name: str, column: str, members: list[tuple[int, str, str]]) -> Dimension:
    parts = {str(pk): Part(str(pk), text, ((key, str(pk)),)) for pk, text, key in members}
    return Dimension(name, LABELS[name], parts, column, {pk: (str(pk),) for pk, _, _ in members})


def _teams(user: User) -> Dimension:
    seen = Team.objects.all() if user.sees_everything else Team.objects.filter(members=user)
    found = _plain("team", "team", [(team.pk, team.name, "team") for team in seen])
    if user.sees_everything:
        found.parts[NONE] = Part(NONE, "No team", (("team", NONE),))
        found.of[None] = (NONE,)
    return found


def _classifications(user: User) -> Dimension:
    """The classifications that were ever counted of what the person sees. One query."""
    rows = DailyPosture.objects.filter(grain=DailyPosture.Grain.CLASS)
    if not user.sees_everything:
        rows = rows.filter(team__in=user.team_ids)
    parts: dict[str, Part] = {}
    of: dict[Any, tuple[str, ...]] = {}
    said = rows.order_by("classification").values_list("classification", flat=True).distinct()
    for value in said:
        key = UNKNOWN if value is None else value or NONE
        label = {UNKNOWN: "Unknown", NONE: "Not set"}.get(key, key)
        parts[key] = Part(key, label, (("classification", key),))
        of[value] = (key,)
    return Dimension("classification", LABELS["classification"], parts, "classification", of)


# --- what checks are divided by ----------------------------------------------------------------

Members = dict[str, tuple[str, list[str], tuple[tuple[str, str], ...]]]  # label, checks, filters


def _of_checks(name: str, members: Members) -> Dimension:
    parts: dict[str, Part] = {}
    of: dict[Any, tuple[str, ...]] = {}
    for value, (label, checks, filters) in members.items():
        parts[value] = Part(value, label, filters)
        for check in checks:
            of[check] = (*of.get(check, ()), value)
    return Dimension(name, LABELS[name], parts, "check_id", of)


def _areas() -> Members:
    by_area = catalogue.checks_by_area()
    return {
        area.value: (area.label, _names(by_area.get(area, [])), (("area", area.value),))
        for area in (Area(each) for each in catalogue.AREAS)
    }


def _statements() -> Members:
    return {
        statement.code: (
            f"{statement.code} {statement.title}",
            catalogue.names_for_statements([statement.code]),
            (("statement", statement.code),),
        )
        for statement in Statement.objects.all()
        if catalogue.names_for_statements([statement.code])
    }


def _checks() -> Members:
    return {
        check.id: (check.title, list(catalogue.names_of(check)), (("check", check.id),))
        for check in registry.all_checks()
    }


def _frameworks() -> Members:
    """Each framework as a whole, then its controls as “framework:control”."""
    found: Members = {}
    for framework in frameworks.shipped():
        found[framework.slug] = _mapped(framework.title, sorted(framework.checks))
        for control, checks in framework.controls.items():
            found[f"{framework.slug}:{control}"] = _mapped(control, list(checks))
    return found


def _mapped(label: str, ids: list[str]) -> tuple[str, list[str], tuple[tuple[str, str], ...]]:
    names = _names([registry.get(each) for each in ids])
    return label, names, tuple(("check", each) for each in ids)


def _names(checks: Sequence[Any]) -> list[str]:
    return [name for check in checks for name in catalogue.names_of(check)]
