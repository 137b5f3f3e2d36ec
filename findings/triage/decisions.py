"""What one person decides about one finding: one transaction, one winner, and a line in the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.errors import NotPossible
from accounts.models import User
from audit import trail
from findings.models import Finding
from findings.triage import acts, deeds
from findings.triage.acts import Act
from findings.triage.deeds import NOTHING_NEW, Actor
from findings.triage.errors import Outdated


@transaction.atomic
def decide(
    *,
    finding_id: int,
    acts: Sequence[Act],
    by: User,
    now: datetime,
    version: int | None = None,
    within: frozenset[str] | None = None,
) -> Finding:
    """Do all of the acts or none. `version` is the one the person looked at.

    Raises Finding.DoesNotExist for what they may not see, Outdated when somebody was quicker,
    NotAllowed and NotPossible. What is so already is no change and no error.
    """
    finding = locked(Finding.objects.visible_to(by)).get(pk=finding_id)
    if version is not None and finding.version != version:
        raise Outdated(finding)
    actor = Actor(user=by, now=now, within=within)
    for act in acts:
        _do(act, finding, actor)
    return finding


def _do(act: Act, finding: Finding, actor: Actor) -> None:
    deed = deeds.prepare(act, actor)
    done = deeds.carry_out(deed, [finding])
    if reasons := [reason for reason in done.skipped if reason != NOTHING_NEW]:
        raise NotPossible(reasons[0])
    if not done.changed:
        return
    deed.announce([finding])
    trail.record(
        actor.user,
        deed.permission,
        finding,
        before=done.before[finding.pk],
        after=acts.as_data(act),
    )


def locked(findings: QuerySet[Finding]) -> QuerySet[Finding]:
    """The rows, locked in the order of their keys and without what no act reads."""
    return findings.select_for_update(of=("self",), no_key=True).order_by("pk").defer(*UNREAD)


UNREAD = ("message", "seen", "expected", "evidence", "stale_reason", "words")


def relabelled(finding: Finding, wanted: Iterable[str]) -> list[Act]:
    """The acts that make these the labels of the finding."""
    names = {" ".join(name.split()).lower(): name for name in wanted}
    has = {label.name.lower(): label.name for label in finding.labels.all()}
    return [
        *(acts.AddLabel(label=name) for key, name in names.items() if key not in has),
        *(acts.RemoveLabel(label=name) for key, name in has.items() if key not in names),
    ]
