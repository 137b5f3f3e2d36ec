"""Stage → publish, for events: what was staged becomes part of the chronicle, each event once."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from inventory.chronicle.models import BlindInterval, StagedEvent
from inventory.connectors.base import EventsRead
from inventory.models import Source, SyncRun
from inventory.raw import fetch
from ui import clock

COPY = "COPY inventory_stagedevent (run_id, token, key, event) FROM STDIN"


def publish(source: Source, run: SyncRun, *, at: datetime) -> set[int]:
    """Write the run's new events, move the source's cursor, and note what could not be seen.

    Returns the machines that the new events are about. Belongs into the publishing transaction,
    after the assets were written.
    """
    fetch(_LINK, {"source": source.pk, "at": at})
    told = run.notes.get("events")
    if told is None:
        return set()
    read = msgspec.convert(told, EventsRead)
    skew = timedelta(seconds=read.skew_seconds)
    skew = skew if abs(skew) >= timedelta(seconds=1) else timedelta()
    rows = _insert(run, skew=skew)
    _note_blindness(source, read, at=at, skew=skew, is_continuous=_goes_on(source, run))
    _move_cursor(source, run)
    run.events = {"new": len(rows), "unreadable": read.unreadable, "problem": read.problem}
    return {vm for (vm,) in rows if vm is not None}


def forget_staged(run: SyncRun) -> None:
    fetch("DELETE FROM inventory_stagedevent WHERE run_id = %s RETURNING 1", [run.pk])


def _insert(run: SyncRun, *, skew: timedelta) -> list[tuple[int | None]]:
    return fetch(_INSERT, {"run": run.pk, "token": run.staged_token, "skew": skew})


def _move_cursor(source: Source, run: SyncRun) -> None:
    newest = fetch(_NEWEST, [run.pk, run.staged_token])
    if newest and (source.events_at is None or newest[0][0] >= source.events_at):
        source.events_at, source.events_key = newest[0]


def _goes_on(source: Source, run: SyncRun) -> bool:
    """Whether the newest known event came again: if not, the platform has forgotten it."""
    if source.events_at is None:
        return True
    known = {"run": run, "token": run.staged_token, "key": source.events_key}
    times = StagedEvent.objects.filter(**known).values_list("event__at", flat=True)
    return any(datetime.fromisoformat(time) == source.events_at for time in times)


def _newest_known(source: Source, *, skew: timedelta) -> datetime | None:
    """When, by our clock, the newest known event happened."""
    if source.events_at is None or source.events_key is None:
        return source.events_at
    newest = source.events.filter(key=source.events_key, created_at=source.events_at).first()
    return newest.happened_at if newest else source.events_at - skew


def _note_blindness(
    source: Source, read: EventsRead, *, at: datetime, skew: timedelta, is_continuous: bool
) -> None:
    """An interval that nobody told of. While the log cannot be read it is open; what the platform
    kept meanwhile closes it without a trace, and what it did not keep stays blind for ever.
    """
    known = _newest_known(source, skew=skew)
    still = BlindInterval.objects.filter(
        source=source, what=BlindInterval.What.EVENTS, ended_at=None
    ).first()
    if read.problem:
        if still is None:
            BlindInterval.objects.get_or_create(
                source=source,
                what=BlindInterval.What.EVENTS,
                began_at=known or at,
                defaults={"cause": read.problem},
            )
        return
    if still is not None:
        still.delete()
    if not is_continuous and known is not None:
        told_from = read.oldest_at or read.until
        ended = max(at if told_from is None else told_from - skew, known)
        BlindInterval.objects.update_or_create(
            source=source,
            what=BlindInterval.What.EVENTS,
            began_at=known,
            defaults={
                "ended_at": ended,
                "cause": "The platform had forgotten these events when they were asked for.",
            },
        )


def note_silence(source: Source, *, since: datetime | None, at: datetime) -> None:
    """That no collection was published for longer than two intervals."""
    if since is None or at - since <= timedelta(minutes=2 * source.interval_minutes):
        return
    often = clock.often(source.interval_minutes)
    BlindInterval.objects.update_or_create(
        source=source,
        what=BlindInterval.What.INVENTORY,
        began_at=since,
        defaults={
            "ended_at": at,
            "cause": f"No collection came, though one is due every {often}.",
        },
    )


_INSERT = """
INSERT INTO inventory_platformevent (source_id, key, type, created_at, happened_at, user_name,
    message, vm_id, vm_ref, vm_name, host_ref, host_name, detail)
SELECT r.source_id, s.key, left(s.event->>'type', 200), (s.event->>'at')::timestamptz,
    (s.event->>'at')::timestamptz - %(skew)s, left(coalesce(s.event->>'user', ''), 300),
    coalesce(s.event->>'message', ''), a.id, left(coalesce(s.event->>'vm_ref', ''), 200),
    coalesce(s.event->>'vm_name', ''), left(coalesce(s.event->>'host_ref', ''), 200),
    coalesce(s.event->>'host_name', ''), coalesce(s.event->'detail', '{}')
FROM inventory_stagedevent s
JOIN inventory_syncrun r ON r.id = s.run_id
LEFT JOIN LATERAL (
    SELECT id FROM inventory_asset
    WHERE source_id = r.source_id AND kind IN ('vm', 'image') AND ref = s.event->>'vm_ref'
    ORDER BY gone_at IS NULL DESC, missing_since IS NULL DESC, id DESC LIMIT 1
) a ON s.event->>'vm_ref' IS NOT NULL
WHERE s.run_id = %(run)s AND s.token = %(token)s
ON CONFLICT (source_id, key, created_at) DO NOTHING
RETURNING vm_id
"""

_NEWEST = """
SELECT (event->>'at')::timestamptz AS at, key FROM inventory_stagedevent
WHERE run_id = %s AND token = %s ORDER BY at DESC, key DESC LIMIT 1
"""

# Events that came before the first collection of their machine.
_LINK = """
UPDATE inventory_platformevent e SET vm_id = a.id
FROM inventory_asset a
WHERE a.source_id = %(source)s AND a.first_seen_at = %(at)s AND a.kind IN ('vm', 'image')
  AND e.source_id = a.source_id AND e.vm_ref = a.ref AND e.vm_id IS NULL
RETURNING 1
"""
