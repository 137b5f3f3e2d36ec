"""What is known about the policy: per check and per statement, over the assets a person may see.

A pass is not stored: it is an evaluated asset of the check's kind about which the check said
nothing else. What has not been evaluated is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from accounts.models import User
from inventory.models import Asset, Source
from inventory.records import Kind
from policies.configuration import configured_checks
from policies.evaluate import Configured
from policies.models import Statement, Verdict
from policies.spec import Check, Outcome


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many of each answer."""

    passed: int = 0
    failed: int = 0
    unknown: int = 0
    not_applicable: int = 0
    error: int = 0

    @property
    def total(self) -> int:
        """Every answer that says something about the policy: what does not apply is left out."""
        return self.passed + self.failed + self.unknown + self.error

    @property
    def worst(self) -> Outcome:
        """The answer to the whole: one failure fails it, and what is not known never passes."""
        if self.failed:
            return Outcome.FAIL
        if self.error:
            return Outcome.ERROR
        if self.unknown:
            return Outcome.UNKNOWN
        return Outcome.PASS if self.passed else Outcome.NOT_APPLICABLE

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            passed=self.passed + other.passed,
            failed=self.failed + other.failed,
            unknown=self.unknown + other.unknown,
            not_applicable=self.not_applicable + other.not_applicable,
            error=self.error + other.error,
        )


def add(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, start=Tally())


class CheckLine(msgspec.Struct, frozen=True):
    """A check as it is set, with what it says and how many findings are open."""

    configured: Configured
    tally: Tally
    open_findings: int

    @property
    def check(self) -> Check:
        return self.configured.check

    @property
    def not_known(self) -> int:
        """What could not be read and what could not be computed: neither may look like a pass."""
        return self.tally.unknown + self.tally.error


class StatementLine(msgspec.Struct, frozen=True):
    """A statement of the policy with the checks that cover it."""

    statement: Statement
    checks: list[CheckLine]

    @property
    def live(self) -> list[CheckLine]:
        return [line for line in self.checks if line.configured.enabled]

    @property
    def is_covered(self) -> bool:
        return bool(self.live)

    @property
    def tally(self) -> Tally:
        return add(line.tally for line in self.live)

    @property
    def not_known(self) -> int:
        return self.tally.unknown + self.tally.error

    @property
    def bases(self) -> list[str]:
        """How it can be known, in the words of the look: observed, imported, attested."""
        words = {"auto": "observed", "import": "imported", "attest": "attested"}
        return [words.get(each, each) for each in self.statement.basis.split(",") if each]

    @property
    def open_findings(self) -> int:
        return sum(line.open_findings for line in self.checks)

    @property
    def result(self) -> str:
        """One word for lists and filters."""
        if not self.is_covered:
            return "uncovered"
        return self.tally.worst.value


class Freshness(msgspec.Struct, frozen=True):
    """How old the facts behind the answers are: the oldest source decides."""

    sources: int
    oldest_at: datetime | None  # None: a source has never been read, or there is none
    evaluated_at: datetime | None
    stale: list[Source]  # read, but more than two of their intervals ago


def freshness(user: User, *, now: datetime) -> Freshness:
    sources = list(Source.objects.visible_to(user).filter(is_enabled=True))
    published = [source.published_at for source in sources]
    read = [moment for moment in published if moment]
    return Freshness(
        sources=len(sources),
        oldest_at=min(read) if read and len(read) == len(sources) else None,
        evaluated_at=min((s.evaluated_at for s in sources if s.evaluated_at), default=None),
        stale=[
            source
            for source in sources
            if source.published_at
            and now - source.published_at > timedelta(minutes=2 * source.interval_minutes)
        ],
    )


# An app above this one may keep the counts, so that nobody waits for them; it registers itself.
kept_by: list[Callable[[User], dict[str, CheckLine]]] = []


def check_lines(user: User) -> dict[str, CheckLine]:
    """Every registered check with its counts, by id: as they are kept, else counted."""
    return kept_by[-1](user) if kept_by else counted_lines(user)


def counted_lines(user: User) -> dict[str, CheckLine]:
    """The same from the answers themselves: four queries, each over the whole estate."""
    configured = configured_checks()
    present = Asset.objects.visible_to(user).present()
    subjects = _subjects(present)
    answers = _answers(user)
    findings = open_findings(user)
    lines = {}
    for one in configured:
        evaluated, waiting = subjects.get(one.check.kind, (0, 0))
        counts = answers.get(one.check.id, {})
        tally = _tally(counts, evaluated, waiting) if one.enabled else Tally()
        lines[one.check.id] = CheckLine(one, tally, findings.get(one.check.id, 0))
    return lines


def statement_lines(user: User, statements: Sequence[Statement]) -> list[StatementLine]:
    """The statements with the checks that name them."""
    by_code: defaultdict[str, list[CheckLine]] = defaultdict(list)
    for line in check_lines(user).values():
        for code in line.check.statements:
            by_code[code].append(line)
    return [StatementLine(statement, by_code[statement.code]) for statement in statements]


def _tally(counts: dict[str, int], evaluated: int, waiting: int) -> Tally:
    said = {outcome: counts.get(outcome.value, 0) for outcome in Outcome}
    return Tally(
        passed=max(0, evaluated - sum(said.values())),
        failed=said[Outcome.FAIL],
        unknown=said[Outcome.UNKNOWN] + waiting,
        not_applicable=said[Outcome.NOT_APPLICABLE],
        error=said[Outcome.ERROR],
    )


def _subjects(present: QuerySet[Asset]) -> dict[Kind, tuple[int, int]]:
    """Per kind, how many assets have been evaluated and how many wait for it."""
    rows = (
        present.order_by()
        .values("kind")
        .annotate(
            evaluated=Count("pk", filter=Q(evaluated_at__isnull=False)),
            waiting=Count("pk", filter=Q(evaluated_at__isnull=True)),
        )
    )
    return {Kind(row["kind"]): (row["evaluated"], row["waiting"]) for row in rows}


def _answers(user: User) -> dict[str, dict[str, int]]:
    """Per check, how many of each stored answer about evaluated, present assets."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    rows = stored(user).order_by().values("check_id", "outcome").annotate(n=Count("*"))
    for row in rows:
        found[row["check_id"]][row["outcome"]] = row["n"]
    return found


def stored(user: User) -> QuerySet[Verdict]:
    """The answers other than pass that count: about assets that exist and have been evaluated."""
    return Verdict.objects.visible_to(user).filter(
        asset__gone_at__isnull=True, asset__evaluated_at__isnull=False
    )


def open_findings(user: User) -> dict[str, int]:
    """Per check, how many findings are open. By related name: findings are kept further up."""
    model: Any = Asset._meta.get_field("findings").related_model
    rows = (
        model._default_manager.visible_to(user)
        .open()
        .order_by()
        .values("check_id")
        .annotate(n=Count("*"))
    )
    return {row["check_id"]: row["n"] for row in rows}


# --- one asset --------------------------------------------------------------------------------


class Answer(msgspec.Struct, frozen=True):
    """What one check says about one asset, with the reason when it is not a pass."""

    check: Check
    outcome: Outcome
    reason: str = ""
    since: datetime | None = None


def answers_about(asset: Asset) -> list[Answer]:
    """What every enabled check of its kind says about an asset, worst first."""
    rows = {row.check_id: row for row in asset.verdicts.all()}
    answers = []
    for one in configured_checks():
        if not one.enabled or one.check.kind != asset.kind:
            continue
        answers.append(_answer(one.check, rows.get(one.check.id), asset))
    order = [
        Outcome.FAIL,
        Outcome.ERROR,
        Outcome.UNKNOWN,
        Outcome.PASS,
        Outcome.NOT_APPLICABLE,
    ]
    return sorted(answers, key=lambda each: (order.index(each.outcome), each.check.id))


def _answer(check: Check, row: Verdict | None, asset: Asset) -> Answer:
    if asset.evaluated_at is None:
        return Answer(check, Outcome.UNKNOWN, "It has not been evaluated yet.")
    if row is None:
        return Answer(check, Outcome.PASS)
    return Answer(check, Outcome(row.outcome), row.reason, row.since)


# --- one check or statement -------------------------------------------------------------------


def assets_answered(user: User, checks: Sequence[str], outcome: Outcome) -> QuerySet[Asset]:
    """Present assets about which any of these checks says this, other than a pass."""
    rows = Verdict.objects.filter(asset=OuterRef("pk"), check_id__in=checks, outcome=outcome)
    return Asset.objects.visible_to(user).present().filter(Exists(rows), evaluated_at__isnull=False)


def reasons(user: User, check_id: str, *, limit: int = 20) -> dict[Outcome, list[dict[str, Any]]]:
    """Why a check says unknown or error: each reason with how many assets it is given for."""
    unclear = (Outcome.UNKNOWN, Outcome.ERROR)
    rows = (
        stored(user)
        .filter(check_id=check_id, outcome__in=unclear)
        .order_by()
        .values("outcome", "reason")
        .annotate(n=Count("asset"), example=Min("asset__name"))
        .order_by("-n", "reason")
    )
    found: dict[Outcome, list[dict[str, Any]]] = {outcome: [] for outcome in unclear}
    for row in rows:
        if len(found[Outcome(row["outcome"])]) < limit:
            found[Outcome(row["outcome"])].append(dict(row))
    return found


def waiting(user: User, kind: Kind) -> int:
    """How many assets of a kind have not been evaluated yet."""
    present = Asset.objects.visible_to(user).present()
    return present.filter(kind=kind, evaluated_at__isnull=True).count()
