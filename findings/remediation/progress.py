"""How far a plan is, read from its findings: proven by a collection, never by anybody's word."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from django.db.models import Case, Count, Exists, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models import CharField as Text

from accounts.models import User
from findings.models import Finding, FindingEvent, Plan, TaskFinding, WaiverCover
from findings.querysets import effective


class Proof(StrEnum):
    """Where one finding of a plan stands. Each is in exactly one of these, but for REFUTED."""

    PROVEN = "proven"
    WAITING = "waiting"
    EXCEPTED = "excepted"
    UNVERIFIABLE = "unverifiable"
    OPEN = "open"
    REFUTED = "refuted"  # open or excepted or unverifiable, after a claim that did not hold


LABELS: dict[Proof, str] = {
    Proof.PROVEN: "Proven",
    Proof.WAITING: "Fixed, waiting for proof",
    Proof.EXCEPTED: "Excepted",
    Proof.UNVERIFIABLE: "Cannot be verified",
    Proof.OPEN: "To do",
    Proof.REFUTED: "Failed proof",
}
PARTS = (Proof.PROVEN, Proof.WAITING, Proof.EXCEPTED, Proof.UNVERIFIABLE, Proof.OPEN)

State = Finding.State
Resolution = Finding.Resolution
AWAITING = Finding.Triage.AWAITING_PROOF


def conditions(*, now: datetime, prefix: str = "") -> dict[Proof, Q]:
    """The condition of each on findings; `prefix` leads to them, as in `"finding__"`.

    A check that was switched off proves nothing: what it had found cannot be verified.
    """

    def is_(**fields: Any) -> Q:
        return Q(**{f"{prefix}{name}": value for name, value in fields.items()})

    subject = OuterRef("finding_id" if prefix else "pk")
    opened_at = OuterRef(f"{prefix}opened_at")
    covers = WaiverCover.objects.filter(finding=subject).filter(effective("waiver__", now=now))
    refutals = FindingEvent.objects.filter(
        finding=subject, kind=FindingEvent.Kind.REFUTED, at__gte=opened_at
    )
    switched_off = is_(state=State.RESOLVED, resolution=Resolution.CHECK_DISABLED)
    claimed = is_(state=State.OPEN, triage=AWAITING)
    unclaimed = is_(state=State.OPEN) & ~is_(triage=AWAITING)
    excepted = unclaimed & Q(Exists(covers))
    uncovered = unclaimed & ~Q(Exists(covers))
    return {
        Proof.PROVEN: proven(prefix),
        Proof.WAITING: claimed,
        Proof.EXCEPTED: excepted,
        Proof.UNVERIFIABLE: switched_off | (uncovered & is_(stale_since__isnull=False)),
        Proof.OPEN: uncovered & is_(stale_since__isnull=True),
        Proof.REFUTED: unclaimed & Q(Exists(refutals)),
    }


def proven(prefix: str = "") -> Q:
    """Resolved by evaluation since it joined (only what is open can join)."""
    return Q(**{f"{prefix}state": State.RESOLVED}) & ~Q(
        **{f"{prefix}resolution": Resolution.CHECK_DISABLED}
    )


def part(*, now: datetime) -> Case:
    """Which of `PARTS` the finding of a row of `TaskFinding` is in."""
    where = conditions(now=now, prefix="finding__")
    cases = [When(where[one], then=Value(one.value)) for one in PARTS]
    return Case(*cases, default=Value(Proof.OPEN.value), output_field=Text())


def failed(*, now: datetime) -> Case:
    """Whether a claim about the finding of a row of `TaskFinding` did not hold."""
    where = conditions(now=now, prefix="finding__")[Proof.REFUTED]
    return Case(When(where, then=Value(True)), default=Value(False))  # noqa: FBT003


class Progress(msgspec.Struct, kw_only=True):
    """The findings of a plan or a task, counted as one reader sees them."""

    proven: int = 0
    waiting: int = 0
    excepted: int = 0
    unverifiable: int = 0
    open: int = 0
    refuted: int = 0  # of the ones that are neither proven nor waiting
    gone: int = 0  # of the proven: its asset is gone
    inapplicable: int = 0  # of the proven: it no longer applies
    blind: int = 0  # of the waiting: cannot be seen at the moment, so nothing can prove them
    claimable: int = 0
    proven_at: datetime | None = None

    @property
    def total(self) -> int:
        return self.proven + self.waiting + self.excepted + self.unverifiable + self.open

    @property
    def unproven(self) -> int:
        return self.total - self.proven

    @property
    def fixed(self) -> int:
        """Of the proven: seen to be mended."""
        return self.proven - self.gone - self.inapplicable

    @property
    def rest(self) -> int:
        """All that is neither proven nor waiting."""
        return self.excepted + self.unverifiable + self.open

    @property
    def is_done(self) -> bool:
        return self.total > 0 and self.unproven == 0

    @property
    def percent(self) -> int:
        """Proven, of what there is, rounded down: 100 means all of it."""
        return 100 * self.proven // self.total if self.total else 0


def of_plans(
    plans: Iterable[Plan | int], *, user: User | None, now: datetime
) -> dict[int, Progress]:
    """Plan → its progress, over what the reader may see. None is evaluation, which sees all."""
    ids = [plan if isinstance(plan, int) else plan.pk for plan in plans]
    return _counted(_seen(user).filter(plan__in=ids), "plan_id", ids, now)


def of_tasks(tasks: Iterable[int], *, user: User, now: datetime) -> dict[int, Progress]:
    """Task → its progress, over what the reader may see."""
    ids = list(tasks)
    return _counted(_seen(user).filter(task__in=ids), "task_id", ids, now)


def _seen(user: User | None) -> QuerySet[TaskFinding]:
    present = TaskFinding.objects.present()
    return present if user is None else present.visible_to(user)


def _counted(
    memberships: QuerySet[TaskFinding], key: str, ids: Iterable[int], now: datetime
) -> dict[int, Progress]:
    is_stale = Q(finding__stale_since__isnull=False)
    rows = (
        memberships.order_by()
        .annotate(part=part(now=now), failed=failed(now=now))
        .values(key, "part")
        .annotate(
            n=Count("*"),
            refuted=Count("pk", filter=Q(failed=True)),
            blind=Count("pk", filter=is_stale),
            gone=Count("pk", filter=Q(finding__resolution=Resolution.ASSET_GONE)),
            inapplicable=Count("pk", filter=Q(finding__resolution=Resolution.NOT_APPLICABLE)),
            open_now=Count("pk", filter=Q(finding__state=State.OPEN)),
            proven_at=Max("finding__resolved_at"),
        )
    )
    found = {pk: Progress() for pk in ids}
    for row in rows:
        one = found[row[key]]
        setattr(one, row["part"], row["n"])
        one.refuted += row["refuted"]
        match row["part"]:
            case Proof.PROVEN:
                one.gone, one.inapplicable = row["gone"], row["inapplicable"]
                one.proven_at = row["proven_at"]
            case Proof.WAITING:
                one.blind = row["blind"]
            case Proof.OPEN | Proof.UNVERIFIABLE:
                one.claimable += row["open_now"]
    return found


# --- standing ---------------------------------------------------------------------------------


def with_standing(plans: QuerySet[Plan], user: User) -> QuerySet[Plan]:
    """Annotate `standing`: open, done or closed, as it is over what the reader may see."""
    inside = TaskFinding.objects.present().visible_to(user).filter(plan=OuterRef("pk"))
    return plans.annotate(
        standing=Case(
            When(status=Plan.Status.CLOSED, then=Value(Plan.Status.CLOSED.value)),
            When(
                Q(Exists(inside)) & ~Q(Exists(inside.exclude(proven("finding__")))),
                then=Value(Plan.Status.DONE.value),
            ),
            default=Value(Plan.Status.OPEN.value),
            output_field=Text(),
        )
    )


def standing_of(plan: Plan, progress: Progress) -> str:
    """The same for one plan whose progress was counted."""
    if plan.status == Plan.Status.CLOSED:
        return Plan.Status.CLOSED.value
    return (Plan.Status.DONE if progress.is_done else Plan.Status.OPEN).value
