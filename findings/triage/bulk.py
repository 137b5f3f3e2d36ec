"""One act on many findings: shown first, done in one transaction, undone once.

What is chosen is a list of ids or a filter, asked again as the person who acts. A filter that finds
another number than the person was shown does nothing and says so.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict

from accounts.errors import NotPossible
from accounts.models import User
from audit import trail
from findings.filters import FindingFilter, with_status
from findings.models import BulkAct, Comment, Finding, FindingEvent, Label
from findings.triage import acts, deeds, writing
from findings.triage.acts import Act
from findings.triage.decisions import UNREAD, locked
from findings.triage.deeds import Actor
from findings.triage.errors import Moved, NotAllowed

MOST = 10_000
UNDOABLE_FOR = timedelta(hours=24)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen: ids, or all that a query string of the list of findings finds."""

    ids: tuple[int, ...] = ()
    query: str | None = None

    def findings(self, user: User, *, now: datetime) -> QuerySet[Finding]:
        """The chosen ones that this person may see, or raise NotPossible."""
        visible = Finding.objects.visible_to(user)
        if self.query is None:
            return visible.filter(pk__in=[pk for pk in self.ids if 0 <= pk < 2**63])
        filters = FindingFilter(with_status(QueryDict(self.query)), visible, now=now, user=user)
        if not filters.is_valid():
            raise NotPossible("This filter is not understood, so nothing is chosen by it.")
        # By key, so that what the filter joins is not locked and no row comes twice.
        found: QuerySet[Finding] = filters.qs
        return visible.filter(pk__in=found.order_by().values("pk"))


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What an act would do."""

    words: str
    matched: int
    changes: int
    skipped: dict[str, int]  # reason → how many
    examples: list[Finding]

    @property
    def rest(self) -> int:
        """How many more will change than are shown as examples."""
        return self.changes - len(self.examples)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What an act did. `act` is what undoes it."""

    act: BulkAct
    words: str
    skipped: dict[str, int]  # reason → how many


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    restored: int
    left: dict[str, int]  # reason → how many


def preview(*, act: Act, choice: Choice, actor: Actor) -> Preview:
    """What the act would change and what it would leave alone, and why. Changes nothing."""
    deed = deeds.prepare(act, actor)
    chosen = _few_enough(choice.findings(actor.user, now=actor.now).order_by("pk").defer(*UNREAD))
    willing, skipped = deeds.sort_out(deed, chosen)
    first = Finding.objects.filter(pk__in=[finding.pk for finding in willing[:5]])
    return Preview(
        words=deed.words,
        matched=len(chosen),
        changes=len(willing),
        skipped=dict(skipped.most_common()),
        examples=list(first.select_related("asset").defer("asset__record").order_by("pk")),
    )


@transaction.atomic
def do(*, act: Act, choice: Choice, actor: Actor, shown: int | None = None) -> Result:
    """Do it to all that are chosen. `shown` is how many the person was shown.

    Raises Moved, NotAllowed, NotPossible.
    """
    deed = deeds.prepare(act, actor)
    chosen = _few_enough(locked(choice.findings(actor.user, now=actor.now)))
    if shown is not None and shown != len(chosen):
        raise Moved(shown=shown, matched=len(chosen))
    done = deeds.carry_out(deed, chosen)
    bulk = BulkAct.objects.create(
        by=actor.user,
        at=actor.now,
        act=acts.as_data(act),
        query=choice.query or "",
        changed=len(done.changed),
        skipped=done.skipped.total(),
        rows=[[f.pk, f.version, done.before[f.pk]] for f in done.changed],
    )
    deed.announce(done.changed, bulk=bulk.pk)
    trail.record(
        actor.user,
        deed.permission,
        bulk,
        after={
            "act": bulk.act,
            "query": bulk.query,
            "findings": [finding.pk for finding in done.changed],
            "skipped": dict(done.skipped),
        },
    )
    return Result(act=bulk, words=deed.words, skipped=dict(done.skipped.most_common()))


def _few_enough(findings: QuerySet[Finding]) -> list[Finding]:
    chosen = list(findings[: MOST + 1])
    if len(chosen) > MOST:
        raise NotPossible(f"At most {MOST:,} findings are changed at once. Narrow the filter.")
    return chosen


# --- undoing ----------------------------------------------------------------------------------


def is_undoable(bulk: BulkAct, *, by: User, now: datetime) -> bool:
    return (
        bulk.by_id == by.pk
        and bulk.undone_at is None
        and bulk.changed > 0
        and bulk.at <= now < bulk.at + UNDOABLE_FOR
    )


@transaction.atomic
def undo(*, bulk_id: int, actor: Actor) -> Undone:
    """Put back what nobody has touched since, once, within a day, by whoever did it.

    Raises BulkAct.DoesNotExist, NotAllowed, NotPossible.
    """
    bulk = BulkAct.objects.select_for_update().get(pk=bulk_id, by=actor.user)
    act = acts.from_data(bulk.act)
    permission = deeds.permission_for(act)
    if not actor.may(permission):
        raise NotAllowed("Your role does not let you do this to findings.")
    if not is_undoable(bulk, by=actor.user, now=actor.now):
        raise NotPossible("This can no longer be undone.")
    rows = {pk: (version, before) for pk, version, before in bulk.rows}
    visible = Finding.objects.visible_to(actor.user).filter(pk__in=list(rows))
    found, left = [], Counter[str]()
    for finding in locked(visible):
        reason = _touched(finding, rows[finding.pk][0], bulk)
        if reason:
            left[reason] += 1
        else:
            found.append(finding)
    if missing := len(rows) - len(found) - left.total():
        left["You may no longer see it."] += missing
    _restore(found, {pk: before for pk, (_, before) in rows.items()}, act, bulk, actor)
    bulk.undone_at, bulk.restored = actor.now, len(found)
    bulk.save(update_fields=["undone_at", "restored"])
    trail.record(
        actor.user,
        permission,
        bulk,
        before={"act": bulk.act},
        after={"undone": [finding.pk for finding in found], "left": dict(left)},
    )
    return Undone(restored=len(found), left=dict(left.most_common()))


def _touched(finding: Finding, version: int, bulk: BulkAct) -> str:
    if finding.version != version:
        return "Somebody changed it since."
    if finding.state != Finding.State.OPEN and deeds.only_open(acts.from_data(bulk.act)):
        return "It is resolved."
    if finding.opened_at > bulk.at:
        return "It came back since."
    return ""


def _restore(
    findings: list[Finding],
    before: dict[int, dict[str, Any]],
    act: Act,
    bulk: BulkAct,
    actor: Actor,
) -> None:
    ids = [finding.pk for finding in findings]
    values: dict[int, dict[str, Any]] = {pk: {} for pk in ids}
    if isinstance(act, acts.Say):
        comments = Comment.objects.filter(finding__in=ids, by=bulk.by, at=bulk.at)
        comments.filter(deleted_at=None).update(deleted_at=actor.now)
    elif isinstance(act, acts.AddLabel | acts.RemoveLabel):
        _restore_labels(ids, act)
    else:
        values = {pk: before[pk] for pk in ids}
    writing.write(values, counts=not isinstance(act, acts.Say))
    FindingEvent.objects.bulk_create(
        (
            FindingEvent(
                finding=finding,
                kind=deeds.kind_of(act),
                at=actor.now,
                by=actor.user,
                message="Undone.",
                detail={"undone": bulk.pk},
            )
            for finding in findings
        ),
        batch_size=deeds.BATCH,
    )


def _restore_labels(ids: list[int], act: acts.AddLabel | acts.RemoveLabel) -> None:
    through = Finding.labels.through
    label = Label.objects.filter(name__iexact=" ".join(act.label.split())).first()
    if label is None:
        return
    if isinstance(act, acts.AddLabel):
        through.objects.filter(label=label, finding__in=ids).delete()
    else:
        through.objects.bulk_create(
            (through(finding_id=pk, label=label) for pk in ids), ignore_conflicts=True
        )
