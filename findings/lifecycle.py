"""Evaluate → reconcile: verdicts become findings, for ever the same one per check, asset and key.

A finding is opened by a violation and resolved only by a verdict that proves it gone. UNKNOWN and
ERROR resolve nothing: they mark it as no longer verifiable. What people decided is left alone,
except that a claim of being fixed goes back when a later collection still sees the deviation.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Greatest

from findings import rules
from findings.announcing import outbox
from findings.announcing.outbox import Topic
from findings.models import Finding, FindingEvent, FindingSpell
from findings.priority import RANK, due_at, priority, tier
from findings.rewriting import rewrite
from inventory.clock import database_now
from inventory.models import Asset, SyncRun
from policies.evaluate import Evaluation
from policies.judging import Judgement
from policies.spec import Outcome, Severity, Violation

LONGEST_KEY = 200
BATCH = 1_000
State = Finding.State
Resolution: TypeAlias = Finding.Resolution
Event: TypeAlias = FindingEvent.Kind
Identity = tuple[str, int, str]


class Changes:
    """What one reconciliation did: rows to write and events to tell."""

    def __init__(self, *, run_id: int, now: datetime) -> None:
        self.run_id = run_id
        self.now = now
        # Followers of `updated_at` must not be told of a row before others that were written
        # earlier, so it is the moment of writing and not the one the facts are true of.
        self.written_at = database_now()
        self.rules = rules.current()
        self.tiers: dict[int, int] = {}  # asset → risk tier
        self.created: list[Finding] = []
        self.updated: list[Finding] = []
        self.reopened: list[Finding] = []
        self.dated: list[Finding] = []  # got a priority and a due date from us
        self.resolved: list[Finding] = []
        self.claimed_still_seen: list[Finding] = []
        self.events: list[FindingEvent] = []

    def tell(self, finding: Finding, kind: Event, message: str = "", **detail: Any) -> None:
        self.events.append(
            FindingEvent(
                finding=finding,
                kind=kind,
                at=self.now,
                run_id=self.run_id,
                message=message,
                detail=detail,
            )
        )

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(str(event.kind) for event in self.events).items()))


def reconcile(judgement: Judgement) -> Changes:
    """Bring one source's findings in line with what was judged, in the caller's transaction."""
    changes = Changes(run_id=judgement.run_id, now=judgement.now)
    changes.tiers = _tiers(judgement, changes)
    known = {(f.check_id, f.asset_id, f.key): f for f in _asked_about(judgement)}
    answers = {(one.check_id, judgement.asset_of(one)): one for one in judgement.result.evaluations}
    seen = _raise_all(judgement, known, changes)
    retired = Asset.objects.filter(source_id=judgement.source_id, gone_at__isnull=False)
    if judgement.scope is not None:
        retired = retired.filter(pk__in=judgement.scope.assets)
    gone = set(retired.values_list("pk", flat=True))
    for identity, finding in known.items():
        if finding.state == State.OPEN and identity not in seen:
            _follow(finding, answers.get(identity[:2]), judgement, changes, gone=gone)
    _write(changes)
    _refute(changes)
    _announce(judgement, changes)
    return changes


def _asked_about(judgement: Judgement) -> QuerySet[Finding]:
    """The findings that the judgement can have another answer for."""
    findings = Finding.objects.filter(source_id=judgement.source_id).defer("words")
    scope = judgement.scope
    if scope is None:
        return findings
    return findings.filter(Q(asset_id__in=scope.assets) | Q(check_id__in=scope.checks))


def _tiers(judgement: Judgement, changes: Changes) -> dict[int, int]:
    """The risk tier of each asset that fails a check now."""
    failing = {
        judgement.asset_of(one)
        for one in judgement.result.evaluations
        if one.outcome == Outcome.FAIL
    }
    labels = Asset.objects.filter(source_id=judgement.source_id, pk__in=failing).values_list(
        "pk", "classification", "criticality"
    )
    return {
        pk: tier(changes.rules, classification=classification, criticality=criticality)
        for pk, classification, criticality in labels
    }


# --- violations open, re-open or refresh ------------------------------------------------------


def _raise_all(
    judgement: Judgement, known: dict[Identity, Finding], changes: Changes
) -> set[Identity]:
    seen = set()
    for evaluation in judgement.result.evaluations:
        if evaluation.outcome != Outcome.FAIL:
            continue
        severity = judgement.configured[evaluation.check_id].severity
        asset_id = judgement.asset_of(evaluation)
        for violation in evaluation.violations:
            identity = (evaluation.check_id, asset_id, _key(violation))
            seen.add(identity)
            finding = known.get(identity)
            if finding is None:
                _open(identity, violation, severity, changes)
            elif finding.state == State.RESOLVED:
                _reopen(finding, violation, severity, changes)
            else:
                _refresh(finding, violation, severity, changes)
    return seen


def _open(identity: Identity, violation: Violation, severity: Severity, changes: Changes) -> None:
    check_id, asset_id, key = identity
    finding = Finding(
        check_id=check_id,
        asset_id=asset_id,
        key=key,
        first_opened_at=changes.now,
        opened_at=changes.now,
    )
    _describe(finding, violation, severity)
    _date(finding, severity, changes)
    changes.created.append(finding)
    changes.tell(finding, Event.OPENED, violation.message, severity=severity.value)


def _reopen(finding: Finding, violation: Violation, severity: Severity, changes: Changes) -> None:
    finding.state, finding.resolution, finding.resolved_at = State.OPEN, "", None
    finding.opened_at = changes.now
    finding.reopened_count += 1
    finding.stale_since, finding.stale_reason = None, ""
    finding.triage, finding.claimed_at = Finding.Triage.NEW, None
    finding.due_by_hand, finding.warned_at, finding.breached_at = False, None, None
    _describe(finding, violation, severity)
    _date(finding, severity, changes)
    changes.updated.append(finding)
    changes.reopened.append(finding)
    changes.tell(finding, Event.REOPENED, violation.message, severity=severity.value)


def _refresh(finding: Finding, violation: Violation, severity: Severity, changes: Changes) -> None:
    was = (finding.message, finding.seen, finding.expected, finding.evidence, finding.severity)
    was_stale = finding.stale_since is not None
    if finding.triage == Finding.Triage.AWAITING_PROOF:
        changes.claimed_still_seen.append(finding)
    level = priority(severity, changes.tiers[finding.asset_id])
    if level != finding.priority:
        finding.priority = level
        finding.due_at = due_at(changes.rules, level, start=finding.opened_at)
        changes.dated.append(finding)
    _describe(finding, violation, severity)
    now = (finding.message, finding.seen, finding.expected, finding.evidence, finding.severity)
    if was == now and not was_stale:
        return
    if was_stale:
        finding.stale_since, finding.stale_reason = None, ""
        changes.tell(finding, Event.FRESH, "It can be verified again.")
    if was[0] != now[0] or was[4] != now[4]:  # evidence alone moves too often to tell of
        changes.tell(finding, Event.CHANGED, violation.message, before=was[0], severity=now[4])
    finding.confirmed_at, finding.updated_at = changes.now, changes.written_at
    changes.updated.append(finding)


def _describe(finding: Finding, violation: Violation, severity: Severity) -> None:
    finding.severity, finding.severity_rank = severity.value, RANK[severity]
    finding.message = violation.message
    finding.seen = violation.seen
    finding.expected = violation.expected
    finding.evidence = msgspec.to_builtins(violation.evidence)


def _date(finding: Finding, severity: Severity, changes: Changes) -> None:
    finding.confirmed_at, finding.updated_at = changes.now, changes.written_at
    finding.priority = priority(severity, changes.tiers[finding.asset_id])
    finding.due_at = due_at(changes.rules, finding.priority, start=changes.now)


def _key(violation: Violation) -> str:
    """The violation's key; one too long for a column is shortened to a digest, always the same."""
    if len(violation.key) <= LONGEST_KEY:
        return violation.key
    return "sha256:" + hashlib.sha256(violation.key.encode("utf-8", "replace")).hexdigest()


# --- what is not violated any more is resolved, or no longer verifiable ------------------------


def _follow(
    finding: Finding,
    answer: Evaluation | None,
    judgement: Judgement,
    changes: Changes,
    *,
    gone: set[int],
) -> None:
    if finding.asset_id in gone:
        _resolve(finding, Resolution.ASSET_GONE, changes)
    elif finding.check_id not in judgement.configured:
        _resolve(finding, Resolution.CHECK_DISABLED, changes)
    elif answer is None:  # a pass
        _resolve(finding, Resolution.FIXED, changes)
    elif answer.outcome == Outcome.NOT_APPLICABLE:
        _resolve(finding, Resolution.NOT_APPLICABLE, changes, reason=answer.reason)
    elif answer.outcome == Outcome.FAIL and not answer.incomplete:
        _resolve(finding, Resolution.FIXED, changes)
    else:
        _mark_stale(finding, answer, changes)


def _resolve(
    finding: Finding, resolution: Resolution, changes: Changes, *, reason: str = ""
) -> None:
    if finding.stale_since is None:
        finding.confirmed_at = max(finding.confirmed_at, finding.opened_at)
    finding.state, finding.resolution = State.RESOLVED, resolution
    finding.resolved_at, finding.updated_at = changes.now, changes.written_at
    finding.stale_since, finding.stale_reason = None, ""
    changes.updated.append(finding)
    changes.resolved.append(finding)
    changes.tell(finding, Event.RESOLVED, reason, resolution=resolution.value)


def _mark_stale(finding: Finding, answer: Evaluation, changes: Changes) -> None:
    missing = answer.incomplete or answer.reason
    reason = (
        f"The check failed to run: {missing}"
        if answer.outcome == Outcome.ERROR
        else f"The platform did not say: {missing}"
    )
    if finding.stale_since is not None and finding.stale_reason == reason:
        return
    if finding.stale_since is None:
        finding.stale_since = changes.now
        changes.tell(finding, Event.STALE, reason)
    finding.stale_reason = reason
    finding.updated_at = changes.written_at
    changes.updated.append(finding)


# --- writing ----------------------------------------------------------------------------------

REWRITTEN = (
    "state",
    "severity",
    "severity_rank",
    "message",
    "seen",
    "expected",
    "evidence",
    "opened_at",
    "confirmed_at",
    "resolved_at",
    "resolution",
    "reopened_count",
    "stale_since",
    "stale_reason",
    "updated_at",
)
BEGUN_ANEW = (
    "triage",
    "claimed_at",
    "priority",
    "due_at",
    "due_by_hand",
    "warned_at",
    "breached_at",
)


def _hold(changes: Changes) -> None:
    """Lock what will be written in one order, as everybody does who locks several findings."""
    ids = {finding.pk for finding in (*changes.updated, *changes.dated)}
    ids |= {finding.pk for finding in changes.claimed_still_seen}
    held = Finding.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    list(held.values_list("pk", flat=True))


def _write(changes: Changes) -> None:
    _hold(changes)
    Finding.objects.bulk_create(changes.created, batch_size=BATCH)
    rewrite(changes.updated, REWRITTEN)
    rewrite(changes.reopened, BEGUN_ANEW)
    rewrite(changes.dated, ("priority", "updated_at"))
    # A due date that a person set meanwhile stays: the condition is part of the update.
    rewrite(changes.dated, ("due_at",), only="NOT due_by_hand")
    FindingSpell.objects.bulk_create(
        (
            FindingSpell(finding=finding, opened_at=finding.opened_at)
            for finding in (*changes.created, *changes.reopened)
        ),
        batch_size=BATCH,
    )
    FindingSpell.objects.filter(finding__in=changes.resolved, closed_at=None).update(
        closed_at=Greatest(F("opened_at"), Value(changes.now))
    )
    FindingEvent.objects.bulk_create(changes.events, batch_size=BATCH)


def _refute(changes: Changes) -> None:
    """Send back what was said to be fixed before this collection began, and is seen again."""
    if not changes.claimed_still_seen:
        return
    began = SyncRun.objects.values_list("started_at", flat=True).get(pk=changes.run_id)
    claims = Finding.objects.select_for_update(no_key=True).filter(
        pk__in=[finding.pk for finding in changes.claimed_still_seen],
        triage=Finding.Triage.AWAITING_PROOF,
        claimed_at__lt=began or changes.now,
    )
    refuted = list(claims.order_by("pk"))
    Finding.objects.filter(pk__in=[finding.pk for finding in refuted]).update(
        triage=Finding.Triage.IN_PROGRESS,
        claimed_at=None,
        version=F("version") + 1,
        updated_at=changes.written_at,
    )
    already_told = len(changes.events)
    for finding in refuted:
        changes.tell(finding, Event.REFUTED, "A collection after the fix still sees it.")
    FindingEvent.objects.bulk_create(changes.events[already_told:], batch_size=BATCH)


def _announce(judgement: Judgement, changes: Changes) -> None:
    """One announcement for all of it: whoever relays reads the events between these two."""
    if changes.events:
        outbox.announce(
            Topic.FINDINGS_MOVED,
            subject_type="source",
            subject_id=judgement.source_id,
            by=None,
            at=changes.now,
            detail={
                "first_event": changes.events[0].pk,
                "last_event": changes.events[-1].pk,
                "counts": changes.counts(),
            },
        )
