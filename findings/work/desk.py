"""What lies on somebody's desk: one section for each thing that this person may do.

Every section starts from what the person sees, and each of its numbers is the length of the list
that it leads to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from allauth.mfa.models import Authenticator
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum, Window

from accounts import second_factor
from accounts.models import User
from accounts.roles import NEED_A_SECOND_FACTOR, Separation, conflict
from findings import rules
from findings.announcing.words import refuted_address
from findings.models import Finding, FindingEvent, Notice, Waiver
from findings.posture import SourceLine
from findings.querysets import fix_of
from findings.trends import reading, worst
from findings.triage import visits
from inventory.models import Asset, BlindSpot, Source, SyncRun
from policies.coverage import CheckLine, Freshness, StatementLine, freshness
from policies.models import SeverityChoices, Statement

WEEK = timedelta(days=7)
SHOWN = 8
FINDINGS_SHOWN = 3  # of one machine
_ANSWERED_BY_ME = (Notice.Kind.MENTIONED, Notice.Kind.COMMENTED)
WAITING = (Waiver.Status.REQUESTED, Waiver.Status.IN_REVIEW)


class Mine(msgspec.Struct, frozen=True):
    """Findings that a person has to deal with, the next due first."""

    rows: list[Finding]
    total: int
    overdue: int
    week: int
    claimed: int  # said to be fixed, waiting for proof


def mine(user: User, *, now: datetime) -> Mine:
    """What is assigned to the person. Two queries: the counts beside the keys, then the rows."""

    def those(**condition: Any) -> Window:
        return Window(Count("pk", filter=Q(**condition)))

    own = Finding.objects.visible_to(user).filter(assignee=user).to_do(now=now)
    counted = own.annotate(
        total=those(),
        overdue=those(due_at__lt=now),
        week=those(due_at__gte=now, due_at__lt=now + WEEK),
        claimed=those(triage=Finding.Triage.AWAITING_PROOF),
    )
    order = (F("due_at").asc(nulls_last=True), "priority", "id")
    # Joined to nothing, so that somebody with thousands of findings waits no longer.
    keys = list(
        counted.order_by(*order).values_list("pk", "total", "overdue", "week", "claimed")[:SHOWN]
    )
    if not keys:
        return Mine([], 0, 0, 0, 0)
    rows = Finding.objects.visible_to(user).filter(pk__in=[key[0] for key in keys])
    return Mine(list(_with_assets(rows).order_by(*order)), *keys[0][1:])


class Told(msgspec.Struct, frozen=True):
    """What the person was told of and has not looked at."""

    answers: list[Notice]  # somebody waits for the person
    refuted: list[Finding]  # fixes that did not hold, each by itself …
    refuted_together: list[Together]  # … and several by one collection


class Together(msgspec.Struct, frozen=True):
    """Several fixes that one collection did not bear out, and the list of those still to do."""

    source: Source
    at: datetime
    count: int
    address: str


def told(user: User, *, now: datetime) -> Told:
    """Where somebody waits for the person's answer, and fixes that did not hold; until they looked.

    One query, and one more where several fixes did not hold at once.
    """
    refuted_kind = Q(kind=Notice.Kind.REFUTED)
    of_one = Q(kind__in=_ANSWERED_BY_ME, finding__isnull=False)
    rows = Notice.objects.visible_to(user).unread().filter(refuted_kind | of_one)
    rows = rows.select_related("finding__asset__source", "source", "announcement__by")
    found = list(rows.defer("finding__asset__record", "finding__evidence").order_by("-id")[:50])
    refuted = {
        row.finding_id: row.finding
        for row in found
        if row.finding and row.kind == Notice.Kind.REFUTED and row.finding.state == "open"
    }
    answers = [row for row in found if row.kind != Notice.Kind.REFUTED]
    together = [row for row in found if row.finding_id is None]
    return Told(
        answers[:SHOWN],
        list(refuted.values())[:SHOWN],
        _refuted_together(together, user, now=now)[:SHOWN],
    )


def _refuted_together(notices: list[Notice], user: User, *, now: datetime) -> list[Together]:
    """What is left to do of each, counted as its list counts it; nothing of those that are done."""
    if not notices:
        return []
    mine = Finding.objects.visible_to(user).to_do(now=now).filter(fix_of(user))
    seen_again = FindingEvent.objects.filter(kind=FindingEvent.Kind.REFUTED, finding__in=mine)
    rows = (
        seen_again.filter(at__in={one.at for one in notices})
        .order_by()
        .values_list("finding__source", "at")
        .annotate(n=Count("finding", distinct=True))
    )
    counts = {(source_id, at): n for source_id, at, n in rows}
    return [
        Together(one.source, one.at, count, refuted_address(one, status="to_do"))
        for one in notices
        if one.source and (count := counts.get((one.source.pk, one.at)))
    ]


class Fresh(msgspec.Struct, frozen=True):
    """What opened since somebody's last visit, and what of it nobody has."""

    since: datetime | None
    unassigned: int
    rows: list[Finding]
    by_severity: list[tuple[str, int]]


def fresh(user: User, *, now: datetime) -> Fresh:
    """New findings that nobody has, the gravest first. Three queries."""
    since = visits.previous(user) or now - WEEK
    rows = (
        Finding.objects.visible_to(user)
        .to_do(now=now)
        .filter(opened_at__gte=since.replace(second=0, microsecond=0), assignee=None)
    )
    ranks = {
        row["severity_rank"]: row["n"]
        for row in rows.order_by().values("severity_rank").annotate(n=Count("*"))
    }
    total = sum(ranks.values())
    ordered = rows.order_by("severity_rank", "-opened_at", "id")
    return Fresh(
        since=since.replace(second=0, microsecond=0),
        unassigned=total,
        rows=list(_with_assets(ordered)[:SHOWN]) if total else [],
        by_severity=[(SeverityChoices.values[rank], ranks[rank]) for rank in sorted(ranks)],
    )


class Requests(msgspec.Struct, frozen=True):
    """Exceptions that wait for somebody's decision, and those that end soon."""

    waiting: list[Waiver]
    waiting_count: int
    ending: list[Waiver]
    ending_count: int
    ending_days: int


def to_decide(user: User, *, now: datetime) -> Requests:
    """What others asked for and this person may decide; never their own. Three queries."""
    days = rules.current().exception_warn_days
    visible = Waiver.objects.visible_to(user).select_related("requested_by", "finding", "asset")
    waiting = list(
        visible.filter(status__in=WAITING).exclude(requested_by=user).order_by("requested_at", "id")
    )
    ends = visible.effective(now=now).filter(expires_at__lt=now + timedelta(days=days))
    ending = list(ends.order_by("expires_at", "id"))
    return Requests(waiting[:SHOWN], len(waiting), ending[:SHOWN], len(ending), days)


def asked(user: User, *, now: datetime) -> list[Waiver]:
    """What this person asked for and is waiting for, or loses soon. One query."""
    soon = Q(status=Waiver.Status.APPROVED, expires_at__gt=now, expires_at__lt=now + 2 * WEEK)
    rows = Waiver.objects.visible_to(user).filter(requested_by=user)
    return list(
        rows.filter(Q(status__in=WAITING) | soon)
        .select_related("requested_by", "finding", "asset")
        .order_by("expires_at", "id")[:SHOWN]
    )


class Machine(msgspec.Struct, frozen=True):
    """An asset with the gravest of its findings."""

    asset: Asset
    count: int
    serious: int
    severity: str
    findings: list[Finding]


def machines(user: User, *, now: datetime) -> list[Machine]:
    """The machines of one's teams, or all that one sees, with the gravest findings. Two queries."""
    rows = worst.assets(user, teams=user.team_ids or None)
    found = [row["asset"] for row in rows]
    to_do = Finding.objects.visible_to(user).filter(asset__in=found).to_do(now=now)
    gravest: defaultdict[int, list[Finding]] = defaultdict(list)
    for finding in to_do.defer("evidence").order_by("priority", "due_at", "id"):
        if len(gravest[finding.asset_id]) < FINDINGS_SHOWN:
            gravest[finding.asset_id].append(finding)
    return [
        Machine(
            row["asset"], row["count"], row["serious"], row["severity"], gravest[row["asset"].pk]
        )
        for row in rows
    ]


class Watch(msgspec.Struct, frozen=True):
    """Sources that need a hand, and what cannot be seen."""

    sources: int
    stale: list[SourceLine]
    held: list[SyncRun]
    failed: list[SourceLine]
    blind: list[dict[str, Any]]

    @property
    def trouble(self) -> int:
        return len({line.source.pk for line in (*self.stale, *self.failed)}) + len(self.held)


def watch(user: User, *, lines: Sequence[SourceLine]) -> Watch:
    """Sources that went stale, whose last run failed or is held, and blind spots. Two queries."""
    held: list[SyncRun] = []
    blind: list[dict[str, Any]] = []
    if user.sees_everything:  # runs and blind spots tell of everybody's machines
        held = list(
            SyncRun.objects.filter(state=SyncRun.State.HELD).select_related("source")[:SHOWN]
        )
        rows: Any = BlindSpot.objects.order_by().values("source", "source__name")
        blind = list(rows.annotate(spots=Count("*"), objects=Sum("count")).order_by("-objects"))
    failed = [
        line
        for line in lines
        if line.source.is_enabled and line.last and line.last.state == SyncRun.State.FAILED
    ]
    return Watch(len(lines), [line for line in lines if line.is_stale], held, failed, blind)


class Proof(msgspec.Struct, frozen=True):
    """The policy as an auditor asks about it: what holds, what does not, what nothing covers."""

    lines: list[StatementLine]
    freshness: Freshness

    def count(self, result: str) -> int:
        return sum(line.result == result for line in self.lines)


def proof(user: User, *, now: datetime, sources: Sequence[Source]) -> Proof:
    """Every statement with its answer, from what was counted last."""
    by_code: defaultdict[str, list[CheckLine]] = defaultdict(list)
    for line in reading.standing(user, sources=sources, now=now).values():
        for code in line.check.statements:
            by_code[code].append(line)
    statements = Statement.objects.all()
    found = [StatementLine(statement, by_code[statement.code]) for statement in statements]
    order = ["fail", "error", "unknown", "uncovered", "pass", "not_applicable"]
    found.sort(key=lambda line: order.index(line.result))
    return Proof(found, freshness(user, now=now))


class People(msgspec.Struct, frozen=True):
    """Accounts that somebody who manages people should look at."""

    without_factor: list[User]
    conflicting: list[tuple[User, Separation]]
    without_role: list[User]


def people() -> People:
    """Who lacks a second factor that a role of theirs needs, holds too much, or nothing."""
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type__in=second_factor.KINDS)
    rows = User.objects.filter(is_active=True).annotate(has_factor=Exists(factor))
    users = list(rows.prefetch_related("role_assignments").order_by("username"))
    clashes = [(user, conflict(user.roles)) for user in users]
    return People(
        [u for u in users if u.roles & NEED_A_SECOND_FACTOR and not getattr(u, "has_factor")],  # noqa: B009
        [(user, clash) for user, clash in clashes if clash],
        [user for user in users if not user.roles],
    )


def _with_assets(rows: QuerySet[Finding]) -> QuerySet[Finding]:
    return rows.select_related("asset__source").defer("asset__record", "evidence")
