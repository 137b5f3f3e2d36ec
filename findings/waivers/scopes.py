"""What an exception is about: a finding, an asset, a check, or what a filter finds.

Findings that were picked one by one are a filter of their ids.

A filter is a query string of the list of findings. An exception lasts for months, so it may only be
narrowed by what a finding *is*; what people do about findings, and text that whoever names a
machine can choose, would let findings wander in and out.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode

import msgspec
from django.http import QueryDict

from accounts.errors import NotPossible
from accounts.models import User
from findings import catalogue
from findings.filters import LONGEST_ID, NOT, FindingFilter
from findings.models import Finding, Waiver
from findings.querysets import FindingQuerySet
from inventory.models import Asset

LONGEST_QUERY = 2_000
MOST_PICKED = 100  # more than anybody looks at one by one; such a query is short enough, too
PICKED = "finding"
STABLE = frozenset(
    {
        "area",
        "asset",
        "check",
        "classification",
        "criticality",
        PICKED,
        "kind",
        "opened_before",
        "opened_since",
        "severity",
        "source",
        "statement",
        "team",
    }
)
# How a list is shown. Exceptions are about open findings anyhow.
PRESENTATION = frozenset({"after", "columns", "group", "sort", "view"})
# What lists are about by themselves, in the words of either filter.
USUAL = {"state": frozenset({"open"}), "status": frozenset({"to_do"})}


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks to except. `teams` None is the whole estate."""

    scope: str
    finding_id: int | None = None
    asset_id: int | None = None
    check_id: str = ""
    query: str = ""
    teams: list[int] | None = None


class Scoped(Protocol):
    """A Waiver or a Scope."""

    @property
    def scope(self) -> str: ...
    @property
    def finding_id(self) -> int | None: ...
    @property
    def asset_id(self) -> int | None: ...
    @property
    def check_id(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def teams(self) -> list[int] | None: ...


def of_finding(finding_id: int, *, user: User) -> Scope:
    """One open finding that the person sees, or raise NotPossible."""
    if not Finding.objects.visible_to(user).open().filter(pk=finding_id).exists():
        raise NotPossible("There is no such open finding.")
    return Scope(scope=Waiver.Scope.FINDING, finding_id=finding_id)


def of_asset(asset_id: int, *, user: User, check_id: str = "") -> Scope:
    """One asset that the person sees, for every check or for one; or raise NotPossible."""
    if not Asset.objects.visible_to(user).filter(pk=asset_id, gone_at=None).exists():
        raise NotPossible("There is no such asset.")
    name = _shipped(check_id) if check_id else ""
    return Scope(scope=Waiver.Scope.ASSET, asset_id=asset_id, check_id=name)


def of_check(check_id: str, *, user: User) -> Scope:
    """One check, on every asset the person sees; or raise NotPossible."""
    name = _shipped(check_id)
    return Scope(scope=Waiver.Scope.CHECK, check_id=name, teams=limits_of(user))


def picking(ids: Collection[object]) -> str:
    """The query that finds exactly these, or raise NotPossible where they are too many."""
    picked = sorted({str(pk) for pk in ids})
    if len(picked) > MOST_PICKED:
        raise NotPossible(
            f"At most {MOST_PICKED} findings can be picked for one exception. Ask for what a "
            "filter finds, or for fewer at a time."
        )
    return urlencode([(PICKED, pk) for pk in picked])


def of_query(query: str, *, user: User, now: datetime) -> Scope:
    """What a filter finds of what the person sees; or raise NotPossible. Of findings that were
    picked by id the person has to see each, and each has to be open.
    """
    text = understood(query, user=user, now=now)
    return Scope(scope=Waiver.Scope.QUERY, query=text, teams=limits_of(user))


def limits_of(user: User) -> list[int] | None:
    """The teams that what this person asks for stays limited to, whatever teams they join later."""
    if user.sees_everything:
        return None
    return sorted(user.teams.values_list("pk", flat=True))


def _shipped(check_id: str) -> str:
    check = catalogue.check_or_none(check_id)
    if check is None:
        raise NotPossible("There is no such check.")
    return check.id


def understood(query: str, *, user: User, now: datetime) -> str:
    """The query in its one spelling, or raise NotPossible naming what it may not depend on."""
    if len(query) > LONGEST_QUERY:
        raise NotPossible(f"A filter may be {LONGEST_QUERY:,} characters long.")
    said = _said(QueryDict(query.lstrip("?")))
    refused = [name for name in said if name.removesuffix(NOT) not in STABLE]
    if refused:
        raise NotPossible(
            f"An exception cannot depend on {_listed(refused)}: that changes from day to day. "
            "Take it out of the filter."
        )
    if not said:
        raise NotPossible("This filter leaves every finding. Narrow it.")
    text = urlencode(said, doseq=True)
    if not _filter(text, user=user, now=now).is_valid():
        raise NotPossible("This filter is not understood.")
    named = [*said.get("check", ()), *said.get(f"check{NOT}", ())]
    _refuse_unseen(said.get(PICKED, ()), user=user)
    if unknown := [name for name in named if not _is_check(name)]:
        raise NotPossible(f"There is no check {_listed(unknown)}.")
    return text


def _refuse_unseen(picked: Collection[str], *, user: User) -> None:
    picking(picked)
    ids = [int(pk) for pk in picked if pk.isascii() and pk.isdigit() and len(pk) <= LONGEST_ID]
    seen = Finding.objects.visible_to(user).open().filter(pk__in=ids).count() if picked else 0
    if missing := len(picked) - seen:
        raise NotPossible(
            f"{missing} of the {len(picked)} picked findings "
            f"{'is' if missing == 1 else 'are'} not open, or not yours to see. Pick again."
        )


def _said(data: QueryDict) -> dict[str, list[str]]:
    """What narrows, in one order; without how the list is shown."""
    said: dict[str, list[str]] = {}
    for name, values in sorted(data.lists()):
        kept = sorted({value for value in values if value.strip()})
        is_usual = set(kept) <= USUAL.get(name, frozenset())
        if kept and name not in PRESENTATION and not is_usual:
            said[name] = kept
    return said


def _is_check(check_id: str) -> bool:
    return catalogue.check_or_none(check_id) is not None


def _listed(names: list[str]) -> str:
    return ", ".join(f"“{name[:60]}”" for name in names)


def _filter(query: str, *, user: User, now: datetime) -> FindingFilter:
    return FindingFilter(QueryDict(query), Finding.objects.open(), now=now, user=user)


def matching(scoped: Scoped, *, asked_by: User, now: datetime) -> FindingQuerySet:
    """The open findings it is about. A filter that is no longer understood finds nothing."""
    found = _matching(scoped, asked_by=asked_by, now=now)
    return found if scoped.teams is None else found.filter(team_id__in=scoped.teams)


def _matching(scoped: Scoped, *, asked_by: User, now: datetime) -> FindingQuerySet:
    findings = Finding.objects.open()
    match scoped.scope:
        case Waiver.Scope.FINDING:
            return findings.filter(pk=scoped.finding_id or 0)
        case Waiver.Scope.ASSET:
            narrowed = findings.filter(asset_id=scoped.asset_id or 0)
            return narrowed.filter(check_id=scoped.check_id) if scoped.check_id else narrowed
        case Waiver.Scope.CHECK:
            return findings.filter(check_id=scoped.check_id)
    filters = _filter(scoped.query, user=asked_by, now=now)
    found: FindingQuerySet = filters.qs if filters.is_valid() else findings.none()
    return found


def of_waiver(waiver: Waiver, *, now: datetime) -> FindingQuerySet:
    """The open findings that an exception is about, whether it may cover them all or not."""
    return matching(waiver, asked_by=waiver.requested_by, now=now)
