"""Stage → publish, for events: what was staged becomes part of the chronicle, each event once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from django.db.models import Max, Min

from inventory.chronicle.models import BlindInterval, StagedEvent
from inventory.connectors.base import EventsRead
from inventory.models import Source, SyncRun
from inventory.raw import fetch
from ui import clock

COPY = "COPY inventory_stagedevent (run_id, token, key, event) FROM STDIN"
FORGOTTEN = "The platform had forgotten these events when they were asked for."
NO_LOG = "No log comes with its collections: what happened between two of them is not told."
TOO_MANY = "More events are written than are read at once: the next reading goes on."


def publish(source: Source, run: SyncRun, *, at: datetime) -> set[int]:
    """Write the run's new events, move the source's cursor, and note what could not be seen.

    Returns the machines that the new events are about. Belongs into the publishing transaction,
    after the assets were written.
    """
    fetch(_LINK, {"source": source.pk, "at": at})
    told = run.notes.get("events")
    if told is None:
        if not run.is_increment:
            _note_untold(source, NO_LOG, at=at)
        return set()
    read = msgspec.convert(told, EventsRead)
    skew = timedelta(seconds=read.skew_seconds)
    skew = skew if abs(skew) >= timedelta(seconds=1) else timedelta()
    rows = _insert(run, skew=skew)
    _note_reading(source, run, read, at=at, skew=skew)
    run.events = {"new": len(rows), "unreadable": read.unreadable, "problem": read.problem}
    return {vm for (vm,) in rows if vm is not None}


def forget_staged(run: SyncRun) -> None:
    fetch("DELETE FROM inventory_stagedevent WHERE run_id = %s RETURNING 1", [run.pk])


def _insert(run: SyncRun, *, skew: timedelta) -> list[tuple[int | None]]:
    return fetch(_INSERT, {"run": run.pk, "token": run.staged_token, "skew": skew})


def _goes_on(source: Source, run: SyncRun) -> bool:
    """Whether the newest known event came again: if not, the platform has forgotten it."""
    key = source.events_key
    if key is None:
        return True
    came = StagedEvent.objects.filter(run=run, token=run.staged_token or 0, key=key)
    times = came.values_list("event__at", flat=True)
    return any(datetime.fromisoformat(time) == source.events_at for time in times)


def _known_until(source: Source) -> datetime | None:
    """Until when, by our clock, all that had happened was told."""
    at, key = source.events_at, source.events_key
    if source.events_until is not None or at is None or key is None:
        return source.events_until
    newest = source.events.filter(key=key, created_at=at).first()
    return newest.happened_at if newest else at


def _note_reading(
    source: Source, run: SyncRun, read: EventsRead, *, at: datetime, skew: timedelta
) -> None:
    """How far the log is known now, and which time nobody told of. While the log cannot be read
    that time goes on; what the platform kept meanwhile ends it without a trace, and what it did
    not keep stays untold for ever.
    """
    known = _known_until(source)
    if read.problem or read.until is None:
        _note_untold(source, read.problem or "The platform did not say how far it told.", at=at)
        return
    until = read.until - skew
    if read.is_cut and known is not None and until <= known:  # it did not get to what is new
        _note_untold(source, TOO_MANY, at=at)
        return
    lost = _lost(source, run, read, known=known, skew=skew)
    source.blind_intervals.filter(what=BlindInterval.What.EVENTS, ended_at=None).delete()
    if lost is not None and lost[0] < lost[1]:
        source.blind_intervals.update_or_create(
            what=BlindInterval.What.EVENTS,
            began_at=lost[0],
            defaults={"ended_at": lost[1], "cause": FORGOTTEN},
        )
    _move_cursor(source, run, until=read.until)
    source.events_until = until if known is None else max(until, known)
    source.save(update_fields=["events_until"])
    if read.is_cut:
        _note_untold(source, TOO_MANY, at=at)


def _lost(
    source: Source, run: SyncRun, read: EventsRead, *, known: datetime | None, skew: timedelta
) -> tuple[datetime, datetime] | None:
    """From when to when the platform does not tell any more what happened."""
    names = {"run": run.pk, "token": run.staged_token, "until": read.until}
    if known is None:  # its log was never read: what it kept of the time that it could not be?
        still = source.blind_intervals.filter(what=BlindInterval.What.EVENTS, ended_at=None).first()
        first = fetch(_FIRST, {**names, "since": datetime.min.replace(tzinfo=UTC)})[0][0]
        return (still.began_at, first - skew) if still else None
    if _goes_on(source, run):
        return None
    return known, fetch(_FIRST, {**names, "since": known + skew})[0][0] - skew


def _move_cursor(source: Source, run: SyncRun, *, until: datetime) -> None:
    """Go on after the newest event: of one later than the platform's own clock, its clock was
    wrong when it wrote that. If the one that is known was forgotten and no newer one came, none
    has to come again: it was told once that the log was cut.
    """
    names = {"run": run.pk, "token": run.staged_token, "until": until}
    newest = fetch(_NEWEST, names)
    at, key = source.events_at, source.events_key
    if newest and (at is None or newest[0][0] >= at or at > until):
        source.events_at, source.events_key = newest[0]
    elif key is not None and not _goes_on(source, run):
        source.events_key = None


def _note_untold(source: Source, cause: str, *, at: datetime) -> None:
    """That what happens is not told from where it is known; once, until it is told again."""
    of_events = source.blind_intervals.filter(what=BlindInterval.What.EVENTS)
    if of_events.filter(ended_at=None).exists():
        return
    known = _known_until(source) or _first_collected(source) or at
    ended = of_events.aggregate(last=Max("ended_at"))["last"]
    of_events.update_or_create(
        source=source,
        what=BlindInterval.What.EVENTS,
        began_at=max(known, ended or known),
        defaults={"ended_at": None, "cause": cause},
    )


def _first_collected(source: Source) -> datetime | None:
    first: datetime | None = source.runs.aggregate(first=Min("published_at"))["first"]
    return first


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


# A machine that was registered again is called otherwise since; it was called so before.
_INSERT = """
INSERT INTO inventory_platformevent (source_id, key, type, created_at, happened_at, user_name,
    message, vm_id, vm_ref, vm_name, host_ref, host_name, detail)
SELECT r.source_id, s.key, left(s.event->>'type', 200), (s.event->>'at')::timestamptz,
    (s.event->>'at')::timestamptz - %(skew)s, left(coalesce(s.event->>'user', ''), 300),
    coalesce(s.event->>'message', ''), coalesce(a.id, earlier.asset_id),
    left(coalesce(s.event->>'vm_ref', ''), 200), coalesce(s.event->>'vm_name', ''),
    left(coalesce(s.event->>'host_ref', ''), 200), coalesce(s.event->>'host_name', ''),
    coalesce(s.event->'detail', '{}')
FROM inventory_stagedevent s
JOIN inventory_syncrun r ON r.id = s.run_id
LEFT JOIN LATERAL (
    SELECT id FROM inventory_asset
    WHERE source_id = r.source_id AND kind IN ('vm', 'image') AND ref = s.event->>'vm_ref'
    ORDER BY gone_at IS NULL DESC, missing_since IS NULL DESC, id DESC LIMIT 1
) a ON s.event->>'vm_ref' IS NOT NULL
LEFT JOIN LATERAL (
    SELECT v.asset_id FROM inventory_assetversion v JOIN inventory_asset x ON x.id = v.asset_id
    WHERE v.kind IN ('vm', 'image') AND v.record->>'ref' = s.event->>'vm_ref'
      AND x.source_id = r.source_id
    ORDER BY v.valid_from DESC LIMIT 1
) earlier ON a.id IS NULL
WHERE s.run_id = %(run)s AND s.token = %(token)s
ON CONFLICT (source_id, key, created_at) DO NOTHING
RETURNING vm_id
"""

_NEWEST = """
SELECT (event->>'at')::timestamptz AS at, key FROM inventory_stagedevent
WHERE run_id = %(run)s AND token = %(token)s AND (event->>'at')::timestamptz <= %(until)s
ORDER BY at DESC, key DESC LIMIT 1
"""

_FIRST = """
SELECT coalesce(min((event->>'at')::timestamptz), %(until)s) FROM inventory_stagedevent
WHERE run_id = %(run)s AND token = %(token)s AND (event->>'at')::timestamptz > %(since)s
"""

# Events that came before the first collection of their machine, or before the first that knew what
# the platform calls it now.
_LINK = """
UPDATE inventory_platformevent e SET vm_id = a.id
FROM inventory_asset a
WHERE a.source_id = %(source)s AND a.changed_at = %(at)s AND a.kind IN ('vm', 'image')
  AND e.source_id = a.source_id AND e.vm_ref = a.ref AND e.vm_id IS NULL
RETURNING 1
"""
