"""The list of exceptions as somebody asked for it, and one exception as they may see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from accounts.models import Team, User
from findings import catalogue
from findings.listing import Chip
from findings.models import Finding, Waiver, WaiverCover
from findings.querysets import effective
from findings.waivers import controls, covering, limits, scopes, states
from findings.waivers.filters import STATES, WaiverFilter
from inventory.models import Asset
from policies.models import SeverityChoices, Verdict
from policies.spec import Check
from ui import fragments, pages

ORDER = ("-requested_at", "-id")
EXAMPLES = 5
TABS = (
    ("", "All"),
    ("pending", "To decide"),
    ("effective", "In effect"),
    ("scheduled", "Scheduled"),
    ("outgrown", "Outgrown"),
    ("lapsed", "Lapsed"),
    ("unused", "Unused"),
    ("overlapping", "Overlapping"),
    ("expired", "Expired"),
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An exception in the list: what it is about in words, and how much of that one sees."""

    waiver: Waiver
    state: str
    subject: str
    covers: int
    severity: str


class Listing:
    """One person's view of exceptions under one query string."""

    def __init__(self, query: QueryDict, *, user: User, now: datetime) -> None:
        self.user = user
        self.now = now
        self.query = query
        self.everything = Waiver.objects.visible_to(user)
        self.filters = WaiverFilter(query, self.everything, now=now, user=user)

    @property
    def is_understood(self) -> bool:
        return bool(self.filters.is_valid())

    @property
    def waivers(self) -> QuerySet[Waiver]:
        """What the filters leave; nothing when they cannot be understood."""
        return self.filters.qs if self.is_understood else Waiver.objects.none()

    def counts(self) -> dict[str, int]:
        """How many there are in each state, whatever the filters say. One query."""
        wanted = {
            value: Count("pk", filter=states.is_in(value, now=self.now))
            for value, _ in TABS
            if value
        }
        found = self.everything.aggregate(total=Count("*"), **wanted)
        return {**found, "": found["total"]}

    def ending_soon(self) -> int:
        """How many that are in effect end within 30 days."""
        soon = {"state": [states.State.EFFECTIVE.value], "ends_within": 30}
        found: int = WaiverFilter(soon, self.everything, now=self.now, user=self.user).qs.count()
        return found

    def page(self) -> pages.Page[Waiver]:
        return pages.page(
            with_subjects(self.waivers),
            order=ORDER,
            query=self.query,
            total=self.waivers.count(),
            one="exception",
            many="exceptions",
        )

    def rows(self, waivers: list[Waiver]) -> list[Row]:
        """What the list says of each. Two queries more, however many there are."""
        covered = covered_counts(waivers, user=self.user)
        return [
            Row(
                waiver=waiver,
                state=states.state_of(waiver, now=self.now),
                subject=subject_of(waiver, user=self.user),
                covers=covered.get(waiver.pk, 0),
                severity=gravest_of(waiver),
            )
            for waiver in waivers
        ]

    def tabs(self, counts: dict[str, int]) -> list[dict[str, Any]]:
        chosen = self.query.getlist("state")
        return [
            {
                "label": label,
                "address": fragments.with_values(self.query, "state", [value] if value else []),
                "is_here": chosen == ([value] if value else []),
                "count": counts[value],
            }
            for value, label in TABS
        ]

    def chips(self) -> list[Chip]:
        """The filters that are on, without the tab that says so itself."""
        words = {"state": dict(STATES), "scope": dict(Waiver.Scope.choices)}
        shown = []
        for name in self.filters.filters:
            values = [value for value in self.query.getlist(name) if value.strip()]
            if name == "state" and len(values) == 1 and values[0] in dict(TABS):
                continue
            for value in values:
                rest = [other for other in values if other != value]
                shown.append(
                    Chip(
                        label=str(self.filters.form[name].label),
                        word="is",
                        value=words.get(name, {}).get(value, value),
                        without=fragments.with_values(self.query, name, rest),
                    )
                )
        return shown

    @property
    def address(self) -> str:
        query = self.query.copy()
        query.pop("after", None)
        return query.urlencode()


def with_subjects(waivers: QuerySet[Waiver]) -> QuerySet[Waiver]:
    """With everything that says what an exception is about."""
    return waivers.select_related(
        "requested_by",
        "reviewer",
        "decided_by",
        "ended_by",
        "finding__asset__source",
        "asset__source",
    ).defer("finding__evidence", "finding__asset__record", "asset__record")


def subject_of(waiver: Waiver, *, user: User) -> str:
    """What it is about, in words: names come from platforms and are not inert yet."""
    match waiver.scope:
        case Waiver.Scope.FINDING if waiver.finding is not None:
            return f"{waiver.finding.message} ({waiver.finding.asset.name})"
        case Waiver.Scope.ASSET if waiver.asset is not None:
            what = catalogue.title_of(waiver.check_id) if waiver.check_id else "Everything"
            return f"{what} on {waiver.asset.name}"
        case Waiver.Scope.CHECK:
            return f"{catalogue.title_of(waiver.check_id)}, everywhere{_limited(waiver, user)}"
    if waiver.picked:
        return f"{waiver.picked} picked findings"
    said = ", ".join(f"{name} {value}" for name, value in _words(waiver.query))
    return f"Findings with {said}{_limited(waiver, user)}"


def _limited(waiver: Waiver, user: User) -> str:
    if waiver.teams is None:
        return ""
    return " on their teams' machines" if waiver.requested_by_id != user.pk else " on your machines"


def _words(query: str) -> list[tuple[str, str]]:
    said = []
    for name, values in QueryDict(query).lists():
        label = name.replace("__not", " not").replace("_", " ")
        said.append((label, " or ".join(str(value) for value in values)))
    return said


def covered_counts(waivers: Sequence[Waiver], *, user: User) -> dict[int, int]:
    """Of each exception, how many open findings it covers of those that the person sees."""
    rows = (
        WaiverCover.objects.filter(
            waiver__in=waivers,
            finding__in=Finding.objects.visible_to(user).open(),
        )
        .order_by()
        .values("waiver")
        .annotate(n=Count("*"))
    )
    return {row["waiver"]: row["n"] for row in rows}


def gravest_of(waiver: Waiver) -> str:
    """The severity that was approved; empty before."""
    return "" if waiver.gravest is None else SeverityChoices.values[waiver.gravest]


# --- one exception ----------------------------------------------------------------------------


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """The check that has to pass: whether it does now, and where it does not."""

    check_id: str
    check: Check | None
    asked: int
    failing: list[tuple[Asset, str]]

    @property
    def holds(self) -> bool:
        return self.check is not None and not self.failing


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One exception in numbers, all of them of what the person sees."""

    state: str
    covers: int
    matches: int
    more: int  # matches and is not covered
    severity: str
    examples: list[Finding]
    control: Control | None
    overlaps: list[tuple[Waiver, int]]
    address: str  # the list of findings with the same number
    matching_address: str
    more_address: str


def detail(waiver: Waiver, *, user: User, now: datetime) -> Detail:
    """What one exception does now."""
    matching = scopes.of_waiver(waiver, now=now).visible_to(user)
    reach = limits.reach(matching)
    is_approved = waiver.status == Waiver.Status.APPROVED
    covered = Finding.objects.visible_to(user).open().filter(covers__waiver=waiver)
    more = 0
    if is_approved and waiver.expires_at > now:
        # Of many that match few are covered: those are counted, not the others.
        more = reach.count - matching.filter(covering.is_covered_by(waiver)).count()
    shown = covered if waiver.decided_at and waiver.status != Waiver.Status.REJECTED else matching
    return Detail(
        state=states.state_of(waiver, now=now),
        covers=covered.count(),
        matches=reach.count,
        more=more,
        severity=reach.severity,
        examples=list(
            shown.select_related("asset__source")
            .defer("asset__record", "evidence")
            .order_by("severity_rank", "-opened_at", "id")[:EXAMPLES]
        ),
        control=_control(waiver, shown) if waiver.control_check_id else None,
        overlaps=_overlaps(waiver, user=user, now=now),
        address=f"/findings/?state=open&exception={waiver.pk}",
        matching_address=matching_address(waiver),
        more_address=_more_address(waiver),
    )


def matching_address(scoped: scopes.Scoped) -> str:
    """The list of findings that an exception is about."""
    match scoped.scope:
        case Waiver.Scope.FINDING:
            return f"/findings/{scoped.finding_id}/"
        case Waiver.Scope.ASSET:
            check = f"&check={scoped.check_id}" if scoped.check_id else ""
            return f"/findings/?state=open&asset={scoped.asset_id}{check}"
        case Waiver.Scope.CHECK:
            query = QueryDict(f"check={scoped.check_id}", mutable=True)
        case _:
            query = QueryDict(scoped.query, mutable=True)
    if scoped.teams is not None:
        query.setlist("team", _in_both(query.getlist("team"), scoped.teams))
    return f"/findings/?state=open&{query.urlencode()}"


def _more_address(waiver: Waiver) -> str:
    """The list of what matches an exception and is not covered by it."""
    address = matching_address(waiver)
    return f"{address}&exception__not={waiver.pk}" if "?" in address else address


def _in_both(named: list[str], teams: list[int]) -> list[str]:
    """Of the teams that an exception is limited to, those that its filter names; all without."""
    if not named:
        return [str(pk) for pk in teams]
    known = Team.objects.filter(pk__in=teams).values_list("pk", "name")
    both = [str(pk) for pk, name in known if str(pk) in named or name in named]
    return both or ["0"]  # no team: nothing is in the list


def _control(waiver: Waiver, findings: QuerySet[Finding]) -> Control:
    check = controls.check_of(waiver)
    assets = controls.assets_of(findings)
    failing = list(controls.failing(check, assets).select_related("source").defer("record")[:20])
    names = catalogue.names_of(check) if check else ()
    said = dict(
        Verdict.objects.filter(asset__in=failing, check_id__in=names).values_list(
            "asset_id", "outcome"
        )
    )
    return Control(
        check_id=waiver.control_check_id,
        check=check,
        asked=assets.count(),
        failing=[(asset, said.get(asset.pk, "unknown")) for asset in failing],
    )


def _overlaps(waiver: Waiver, *, user: User, now: datetime) -> list[tuple[Waiver, int]]:
    """Others in effect that cover the same, as far as the person may see them."""
    if waiver.status != Waiver.Status.APPROVED:
        return []
    shared = WaiverCover.objects.filter(waiver=waiver, finding=OuterRef("covers__finding"))
    seen = Q(covers__finding__in=Finding.objects.visible_to(user).open())
    others = (
        Waiver.objects.visible_to(user)
        .filter(effective(now=now))
        .exclude(pk=waiver.pk)
        .annotate(shared=Count("covers", filter=Q(Exists(shared)) & seen, distinct=True))
        .filter(shared__gt=0)
        .order_by("pk")
    )
    return [(other, other.shared) for other in others[:EXAMPLES]]  # type: ignore[attr-defined]
