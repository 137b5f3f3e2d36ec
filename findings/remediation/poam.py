"""Plans of action and milestones: one row per finding, in the columns that auditors ask for."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import xlsxwriter
from django.db.models import Max, OuterRef, QuerySet, Subquery

from accounts.models import User
from findings import catalogue
from findings.models import FindingEvent, TaskFinding, WaiverCover
from findings.querysets import effective
from findings.remediation import progress
from findings.remediation.narrowing import title_of
from findings.remediation.progress import LABELS, Proof
from ui.exports import cell

HEADER = (
    "ID",
    "Plan",
    "Task",
    "Weakness",
    "Weakness description",
    "Asset",
    "Asset kind",
    "Source",
    "Statements",
    "Check",
    "Severity",
    "Priority",
    "Point of contact",
    "Team",
    "Scheduled completion",
    "Milestones",
    "Status",
    "Status date",
    "Failed proofs",
    "Comments",
    "Exception until",
    "Detector source",
    "Original detection date",
    "Completion date",
    "Address",
)
_LONGEST_CELL = 32_000  # a spreadsheet holds 32,767
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WIDTHS = (10, 28, 28, 34, 60, 24, 12, 14, 16, 24, 10, 9, 22, 16, 22, 48, 24, 22, 12, 40)


def rows(
    plan_ids: Sequence[int], user: User, *, now: datetime, origin: str
) -> Iterator[tuple[object, ...]]:
    """A row for each finding of these plans that the reader sees."""
    for one in _memberships(plan_ids, user, now).iterator(chunk_size=1_000):
        yield _row(one, user, now=now, origin=origin)


def _memberships(plan_ids: Sequence[int], user: User, now: datetime) -> QuerySet[TaskFinding]:
    told = FindingEvent.objects.filter(finding=OuterRef("finding_id")).order_by()
    claimed = told.filter(kind=FindingEvent.Kind.CLAIMED).values("finding")
    refuted = told.filter(kind=FindingEvent.Kind.REFUTED, at__gte=OuterRef("joined_at"))
    covers = (
        WaiverCover.objects.filter(finding=OuterRef("finding_id"))
        .filter(effective("waiver__", now=now))
        .order_by()
        .values("finding")
    )
    return (
        TaskFinding.objects.present()
        .visible_to(user)
        .filter(plan__in=plan_ids)
        .annotate(
            part=progress.part(now=now),
            has_failed=progress.failed(now=now),
            last_claimed_at=Subquery(claimed.annotate(at_last=Max("at")).values("at_last")),
            last_refuted_at=Subquery(
                refuted.values("finding").annotate(at_last=Max("at")).values("at_last")
            ),
            excepted_until=Subquery(covers.annotate(end=Max("waiver__expires_at")).values("end")),
        )
        .select_related(
            "plan__owner",
            "plan__team",
            "task__owner",
            "task__team",
            "task__asset",
            "finding__assignee",
            "finding__asset__source",
        )
        .defer("finding__asset__record", "finding__evidence", "task__asset__record")
        .order_by("plan_id", "task__position", "finding__severity_rank", "finding_id")
    )


def _row(one: TaskFinding, user: User, *, now: datetime, origin: str) -> tuple[object, ...]:
    finding, task, plan = one.finding, one.task, one.plan
    asset = finding.asset
    check = catalogue.check_or_none(finding.check_id)
    part = Proof(one.part)  # type: ignore[attr-defined]
    contact = finding.assignee or task.owner or plan.owner
    team = task.team or plan.team
    status = LABELS[part] + (", failed proof" if one.has_failed else "")  # type: ignore[attr-defined]
    return (
        f"VMGOV-{plan.pk}-{finding.pk}",
        plan.title,
        title_of(task, user),
        check.title if check else finding.check_id,
        finding.message,
        asset.name,
        asset.kind,
        asset.source.name,
        ", ".join(check.statements) if check else "",
        finding.check_id,
        finding.severity,
        f"P{finding.priority}",
        str(contact) if contact else "",
        team.name if team else "",
        _due(one),
        "; ".join(_milestones(one)),
        status,
        _status_date(one, part, now),
        1 if one.has_failed else 0,  # type: ignore[attr-defined]
        task.note or plan.goal,
        one.excepted_until,  # type: ignore[attr-defined]
        f"vmgov {finding.check_id} on {asset.source.platform}",
        finding.first_opened_at,
        finding.resolved_at if part is Proof.PROVEN else None,
        f"{origin}{finding.pk}/",
    )


def _due(one: TaskFinding) -> datetime | None:
    """The day of the task, else of the plan, else of the finding itself."""
    return one.task.due_at or one.plan.due_at or one.finding.due_at


def _milestones(one: TaskFinding) -> Iterator[str]:
    finding = one.finding
    claimed, refuted = one.last_claimed_at, one.last_refuted_at  # type: ignore[attr-defined]
    moments = (
        ("planned", one.joined_at),
        ("said to be fixed", claimed if claimed and claimed >= one.joined_at else None),
        ("failed proof", refuted),
        ("proven", finding.resolved_at),
        ("due", _due(one)),
    )
    for words, at in moments:
        if at is not None:
            yield f"{at.astimezone(UTC):%Y-%m-%d} {words}"


def _status_date(one: TaskFinding, part: Proof, now: datetime) -> datetime:
    finding = one.finding
    match part:
        case Proof.PROVEN:
            return finding.resolved_at or now
        case Proof.WAITING:
            return finding.claimed_at or now
        case Proof.UNVERIFIABLE:
            return finding.stale_since or finding.resolved_at or now
        case _:
            refuted: datetime | None = one.last_refuted_at  # type: ignore[attr-defined]
            return refuted or max(one.joined_at, finding.opened_at)


def as_xlsx(lines: Iterable[Sequence[object]]) -> bytes:
    """A workbook in which every cell is text or a number: no formula, no link, whatever it says."""
    file = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet("POA&M")
        # The mark by which a spreadsheet takes a cell for text also when somebody edits it.
        text = book.add_format({"num_format": "@", "quote_prefix": True, "valign": "top"})
        head = book.add_format({"bold": True, "bottom": 1})
        sheet.freeze_panes(1, 1)
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width)
        for column, name in enumerate(HEADER):
            sheet.write_string(0, column, name, head)
        at = 0
        for at, line in enumerate(lines, start=1):
            for column, value in enumerate(line):
                if isinstance(value, int) and not isinstance(value, bool):
                    sheet.write_number(at, column, value)
                else:
                    sheet.write_string(at, column, _text(value), text)
        sheet.autofilter(0, 0, max(at, 1), len(HEADER) - 1)
    return file.getvalue()


def _text(value: object) -> str:
    """The value as a cell of text: marked like in CSV, since people copy from one to the other."""
    return _UNPRINTABLE.sub("\ufffd", cell(value))[:_LONGEST_CELL]
