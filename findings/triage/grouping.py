"""The list as groups: how many of what, each a link to its findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec
from django.db.models import Count, Min, Q, QuerySet

from accounts.models import Team, User
from findings import catalogue
from findings.filters import SET_TO_NONE
from findings.models import Finding
from inventory.models import Asset
from policies.models import SeverityChoices, Statement

MOST = 100
GROUPS = {
    "check": "Check",
    "asset": "Asset",
    "team": "Team",
    "statement": "Statement",
    "assignee": "Assignee",
}
_FIELDS = {"check": "check_id", "asset": "asset_id", "team": "team_id", "assignee": "assignee_id"}


class Group(msgspec.Struct, kw_only=True):
    """Findings that have one thing in common. `filter` is what narrows the list to them."""

    label: str
    filter: tuple[str, str]
    address: str = ""
    total: int = 0
    overdue: int = 0
    severities: list[int] = []
    asset: Asset | None = None

    @property
    def by_severity(self) -> list[tuple[str, int]]:
        return list(zip(SeverityChoices.values, self.severities, strict=True))


def groups(findings: QuerySet[Finding], by: str, *, late: Q) -> tuple[list[Group], bool]:
    """The gravest and largest groups, and whether there are more. `late`: what is overdue."""
    if by == "statement":
        return _by_statement(_counted(findings, "check_id", late=late))
    rows = list(_counted(findings, _FIELDS[by], late=late)[: MOST + 1])
    name = {"check": _checks, "asset": _assets, "team": _teams, "assignee": _people}[by]
    keys = [row[_FIELDS[by]] for row in rows[:MOST]]
    labels = name(keys)
    found = [
        _group(row, labels(row[_FIELDS[by]]), (by, _value(row[_FIELDS[by]]))) for row in rows[:MOST]
    ]
    if by == "asset":
        assets = Asset.objects.select_related("source").defer("record").in_bulk(keys)
        for group, key in zip(found, keys, strict=True):
            group.asset = assets.get(key)
    return found, len(rows) > MOST


def _counted(findings: QuerySet[Finding], field: str, *, late: Q) -> QuerySet[Any]:
    ranks: dict[str, Any] = {
        f"rank_{rank}": Count("pk", filter=Q(severity_rank=rank))
        for rank in range(len(SeverityChoices.values))
    }
    rows: QuerySet[Any] = (
        findings.order_by()
        .values(field)
        .annotate(worst=Min("severity_rank"), n=Count("*"), late=Count("pk", filter=late), **ranks)
        .order_by("worst", "-rank_0", "-rank_1", "-n", field)
    )
    return rows


def _group(row: dict[str, Any], label: str, narrowed: tuple[str, str]) -> Group:
    return Group(
        label=label,
        filter=narrowed,
        total=row["n"],
        overdue=row["late"],
        severities=[row[f"rank_{rank}"] for rank in range(len(SeverityChoices.values))],
    )


def _by_statement(rows: QuerySet[Any]) -> tuple[list[Group], bool]:
    """Findings of a check count for each statement that the check serves."""
    titles = dict(Statement.objects.values_list("code", "title"))
    found: dict[str, Group] = {}
    for row in rows:
        check = catalogue.check_or_none(row["check_id"])
        for code in check.statements if check else ():
            one = _group(row, f"{code} {titles.get(code, '')}".strip(), ("statement", code))
            if code not in found:
                found[code] = one
                continue
            sums = zip(found[code].severities, one.severities, strict=True)
            found[code].severities = [a + b for a, b in sums]
            found[code].total += one.total
            found[code].overdue += one.overdue
    ordered = sorted(found.values(), key=lambda g: ([-n for n in g.severities], g.label))
    return ordered, False


def _value(key: object) -> str:
    return SET_TO_NONE if key is None else str(key)


def _checks(keys: list[Any]) -> Callable[[Any], str]:
    return catalogue.title_of


def _assets(keys: list[Any]) -> Callable[[Any], str]:
    return str


def _teams(keys: list[Any]) -> Callable[[Any], str]:
    return _named(Team.objects.in_bulk([key for key in keys if key is not None]), "No team")


def _people(keys: list[Any]) -> Callable[[Any], str]:
    return _named(User.objects.in_bulk([key for key in keys if key is not None]), "Nobody")


def _named(rows: dict[Any, Any], nobody: str) -> Callable[[Any], str]:
    names: defaultdict[Any, str] = defaultdict(lambda: nobody)
    names.update({key: str(row) for key, row in rows.items()})
    return lambda key: names[key]
