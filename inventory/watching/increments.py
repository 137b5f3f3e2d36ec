"""Changes → stage → publish: what a watch was told becomes what is true, in one transaction.

The same tables and the same statements as a collection's, for some objects instead of all. Nothing
is concluded from what is not among them: only an object that the platform, asked by name, does not
know, or a kind that was read as a whole, can be missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Exists, ForeignObjectRel, OuterRef

from inventory import publishing, staging
from inventory.chronicle import arriving, following
from inventory.clock import database_now
from inventory.connectors.base import NOTES, BlindSpot, Gone, Item, Unreadable
from inventory.models import Source, StagedRecord, SyncRun
from inventory.raw import execute, fetch
from inventory.records import AnyRecord, Kind, kind_of
from inventory.staging import CLAIMED
from inventory.watching import lease
from inventory.watching.lease import Held

State = SyncRun.State
KEPT = timedelta(days=7)  # for those who look after what a watch did lately


class Postponed(Exception):
    """A collection is under way, or waits for a person: what it says comes first."""


class NeedsCollection(Exception):
    """What was told cannot be taken for all there is to tell: only a collection can."""


class NothingNew(Exception):
    """Everything that was told is known already."""


class Increment(msgspec.Struct, frozen=True, kw_only=True):
    """What was published: the run that stands for it, and the assets of which something is new."""

    run: SyncRun
    source: Source
    changed: frozenset[int]


def publish(
    held: Held, items: Iterable[Item], *, now: datetime, unchanged_until: datetime | None
) -> Increment:
    """Publish what was read between two collections, in the caller's transaction.

    `now` is when the reading began; `unchanged_until` until when all that had been told was
    published. The source is locked, as by whoever publishes. Raise LeaseLost, Postponed,
    NeedsCollection or NothingNew; then the caller's transaction must not be committed.
    """
    source = Source.objects.select_for_update(no_key=True).get(pk=held.source_id)
    lease.hold_row(held)
    if is_busy(source):
        raise Postponed(f"A collection of {source.name} comes first.")
    take, gone, rows = _taken(source, list(items))
    run = _open(held, source, now=now, unchanged_until=unchanged_until)
    _stage(run, take, rows)
    at = now
    if source.newest_at is not None:
        at = max(now, source.newest_at + timedelta(microseconds=1))
    changed, events = _write(source, run, take, gone, at=at)
    if not changed and not events:
        raise NothingNew
    source.changed_at = at
    source.save(update_fields=["changed_at", "events_at", "events_key"])
    run.published_at, run.phase = at, SyncRun.Phase.EVALUATING
    run.notes = {}
    run.save()
    return Increment(run=run, source=source, changed=frozenset(changed))


def is_busy(source: Source) -> bool:
    """Whether a collection has begun to read, or has read and waits: it may know less than we do.

    Its facts would be published over newer ones.
    """
    runs = source.runs.collections()
    return (
        runs.filter(state__in=[State.RUNNING, State.HELD]).exists()
        or runs.filter(state=State.QUEUED, staged_token__isnull=False).exists()
    )


def forget(*, now: datetime, most: int = 10_000) -> int:
    """Forget increments that brought events alone and are `KEPT` no more; returns how many.

    The events stay. An increment that a version, a finding's history or anything else
    refers to stays.
    """
    idle = SyncRun.objects.filter(is_increment=True, finished_at__lt=now - KEPT)
    for relation in SyncRun._meta.get_fields(include_hidden=True):  # those without a name, too
        if isinstance(relation, ForeignObjectRel):
            referring = relation.related_model._base_manager
            idle = idle.exclude(Exists(referring.filter(**{relation.field.name: OuterRef("pk")})))
    ids = idle.order_by("pk").values_list("pk", flat=True)[:most]
    return SyncRun.objects.filter(pk__in=list(ids)).delete()[0]


def _taken(source: Source, items: list[Item]) -> tuple[staging.Take, list[str], list[staging.Row]]:
    """What came, sorted; or raise NeedsCollection when it is doubtful or too much at once."""
    gone = [item.ref for item in items if isinstance(item, Gone)]
    records = [item for item in items if not isinstance(item, (Gone, *NOTES))]
    strangers = _strangers(source, records, gone)
    take = staging.Take(expected_instance="")
    rows: list[staging.Row] = []
    for item in items:
        if isinstance(item, Gone):
            continue
        if isinstance(item, NOTES):
            take.note(item)
        elif item.ref not in strangers and (row := take.row(item)) is not None:
            rows.append(row)
    if reason := _why_not_enough(source, take):
        raise NeedsCollection(reason)
    if take.events_read is not None and take.events_read.problem:
        take.events_read, take.events = None, {}  # the next collection tells of it
    return take, gone, rows


def _strangers(source: Source, records: list[AnyRecord], gone: list[str]) -> set[str]:
    """The refs of objects that claim the identity of one that is still there.

    Only a collection can tell them apart, which sets them aside: raise NeedsCollection for those
    that none has met yet.
    """
    claims = {(kind_of(one), one.uid): one.ref for one in records if kind_of(one) in CLAIMED}
    there = source.assets.present().filter(
        kind__in=CLAIMED, uid__in={uid for _, uid in claims}, missing_since__isnull=True
    )
    known = {(Kind(kind), uid): ref for kind, uid, ref in there.values_list("kind", "uid", "ref")}
    strangers = {
        one.ref
        for one in records
        if known.get((kind_of(one), one.uid), one.ref) not in {one.ref, *gone}
    }
    met = source.quarantine.filter(ref__in=strangers).values_list("ref", flat=True)
    if strangers.difference(met):
        raise NeedsCollection("An object has the identity of one that is still there.")
    return strangers


def _why_not_enough(source: Source, take: staging.Take) -> str:
    """Why only a collection can tell; empty when what came is all there is to tell."""
    if take.doubts:
        return take.doubts[0].message
    if _are_known(source, take.unreadable):
        return "An object that was known can no longer be read."
    if blind := _newly_blind(source, take.blind_spots):
        return f"{blind.property} of kind {blind.kind} can no longer be read."
    return ""


def _are_known(source: Source, unreadable: list[Unreadable]) -> bool:
    """Whether any of them is known and was not set aside by the last collection already."""
    refs = {item.ref for item in unreadable}
    refs -= set(source.quarantine.filter(ref__in=refs).values_list("ref", flat=True))
    return bool(refs) and source.assets.present().filter(ref__in=refs).exists()


def _newly_blind(source: Source, told: list[BlindSpot]) -> BlindSpot | None:
    """A blind spot that the last collection did not tell of, and the next one has to."""
    known = set(source.blind_spots.values_list("kind", "property")) if told else set()
    return next((one for one in told if (one.kind, one.property) not in known), None)


def _open(
    held: Held, source: Source, *, now: datetime, unchanged_until: datetime | None
) -> SyncRun:
    moment = database_now()
    try:
        with transaction.atomic():
            return SyncRun.objects.create(
                source=source,
                is_increment=True,
                state=State.RUNNING,
                phase=SyncRun.Phase.PUBLISHING,
                requested_by="watch",
                requested_at=now,
                started_at=now,
                collected_at=now,
                read_until=max(moment, now),
                unchanged_until=unchanged_until,
                attempt=1,
                token=held.token,
                staged_token=held.token,
            )
    except IntegrityError:  # one_running_sync_per_source
        raise Postponed(f"A collection of {source.name} has just begun.") from None


def _stage(run: SyncRun, take: staging.Take, rows: list[Any]) -> None:
    staging.copy_rows(run.pk, run.token, rows)
    staging.copy_events(run.pk, run.token, take)
    run.notes = {"unreadable": [], "blind_spots": []}
    if take.events_read is not None:
        run.notes["events"] = msgspec.to_builtins(take.events_read)


def _write(
    source: Source, run: SyncRun, take: staging.Take, gone: list[str], *, at: datetime
) -> tuple[set[int], int]:
    """The assets of which something is new, and how many events were."""
    whole = [Kind(kind) for kind, state in take.completeness().items() if state["complete"]]
    _guard(source, run, gone, whole)
    run.counts, changed, moved = publishing.write(
        run, at=at, seen_until=source.complete_at, whole=whole
    )
    names = {
        "source": source.pk,
        "run": run.pk,
        "refs": gone,
        "at": at,
        "until": run.unchanged_until,
        "claimed": list(CLAIMED),
    }
    lost = {pk for (pk,) in (*fetch(MARK_GONE, names), *fetch(MARK_REPLACED, names))}
    execute(publishing.NOTE_MISSING, {"at": at, "ids": list(lost)})
    moved |= lost | arriving.publish(source, run, at=at)
    following.follow(source, moved)
    execute("DELETE FROM inventory_stagedrecord WHERE run_id = %(run)s", {"run": run.pk})
    arriving.forget_staged(run)
    return changed | lost, run.events.get("new", 0)


def _guard(source: Source, run: SyncRun, gone: list[str], whole: list[Kind]) -> None:
    """Raise NeedsCollection when so much went at once that a person should look at it."""
    there = source.assets.present().filter(missing_since__isnull=True)
    known, lost = there.filter(kind=Kind.VM).count(), there.filter(ref__in=gone).count()
    if publishing.is_too_much(lost, known):
        raise NeedsCollection(f"{lost} objects went at once.")
    for kind in whole:
        of_kind = there.filter(kind=kind)
        told = StagedRecord.objects.filter(run=run, token=run.token, kind=kind).values("uid")
        if publishing.is_too_much(of_kind.exclude(uid__in=told).count(), of_kind.count()):
            raise NeedsCollection(f"Many of kind {kind} went at once.")


# What the platform does not know by name is missing once; the next complete collection that does
# not find it either retires it.
MARK_GONE = """
UPDATE inventory_asset a
SET missing_since = %(at)s, missed_runs = 1,
    last_seen_at = greatest(a.last_seen_at, s.complete_at, %(until)s)
FROM inventory_source s
WHERE s.id = a.source_id AND a.source_id = %(source)s AND a.ref = ANY(%(refs)s)
  AND a.gone_at IS NULL AND a.missing_since IS NULL
RETURNING a.id
"""

# One object is one asset: a machine that became a template, or that got another identity, is not
# there any more as what it was.
MARK_REPLACED = """
UPDATE inventory_asset a
SET missing_since = %(at)s, missed_runs = 1,
    last_seen_at = greatest(a.last_seen_at, s.complete_at, %(until)s)
FROM inventory_source s, inventory_stagedrecord r
WHERE s.id = a.source_id AND a.source_id = %(source)s AND r.run_id = %(run)s AND r.ref = a.ref
  AND a.kind = ANY(%(claimed)s)
  AND (r.kind = a.kind OR r.kind IN ('vm', 'image') AND a.kind IN ('vm', 'image'))
  AND (r.kind, r.uid) <> (a.kind, a.uid)
  AND a.gone_at IS NULL AND a.missing_since IS NULL
  AND NOT EXISTS (SELECT FROM inventory_stagedrecord t
    WHERE t.run_id = %(run)s AND t.kind = a.kind AND t.uid = a.uid)
RETURNING a.id
"""
