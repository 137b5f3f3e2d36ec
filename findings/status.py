"""The state machine of a finding, in one place.

Evaluation alone opens, re-opens and resolves. People move what is open along `TRIAGE`. An exception
covers an open finding for as long as the clock says. What a person reads is `status_of`.
"""

from __future__ import annotations

from enum import StrEnum

from findings.models import Finding

Triage = Finding.Triage


class Status(StrEnum):
    NEW = "new"
    TRIAGED = "triaged"
    IN_PROGRESS = "in_progress"
    AWAITING_PROOF = "awaiting_proof"
    EXCEPTED = "excepted"
    RESOLVED = "resolved"


LABELS: dict[Status, str] = {
    Status.NEW: "New",
    Status.TRIAGED: "Triaged",
    Status.IN_PROGRESS: "In progress",
    Status.AWAITING_PROOF: "Fixed, waiting for proof",
    Status.EXCEPTED: "Excepted",
    Status.RESOLVED: "Resolved",
}

# From → where a person may move it. Back from "waiting for proof" also by a collection that sees
# the deviation again (`findings.lifecycle`).
TRIAGE: dict[str, frozenset[str]] = {
    Triage.NEW: frozenset({Triage.TRIAGED, Triage.IN_PROGRESS, Triage.AWAITING_PROOF}),
    Triage.TRIAGED: frozenset({Triage.NEW, Triage.IN_PROGRESS, Triage.AWAITING_PROOF}),
    Triage.IN_PROGRESS: frozenset({Triage.TRIAGED, Triage.AWAITING_PROOF}),
    Triage.AWAITING_PROOF: frozenset({Triage.IN_PROGRESS}),
}


def may_move(finding: Finding, to: str) -> bool:
    """Whether a person may set this status now."""
    return finding.state == Finding.State.OPEN and to in TRIAGE[finding.triage]


def status_of(finding: Finding) -> Status:
    """What the finding is to a reader. Needs `with_exception(now=…)`."""
    if finding.state == Finding.State.RESOLVED:
        return Status.RESOLVED
    if finding.excepted_until is not None:
        return Status.EXCEPTED
    return Status(finding.triage)
