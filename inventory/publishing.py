"""Stage → publish: what was staged becomes what is true, in one transaction.

Changed assets get a new version and the old one is closed. Only a COMPLETE run marks anything
missing; an asset is retired at its second complete miss, an interval after the first. A kind that
shrinks beyond the guard holds the run for a person. The fencing token is checked first, inside the
transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from inventory import ledger
from inventory.chronicle import arriving, following
from inventory.errors import RunCancelled
from inventory.models import BlindSpot, Quarantine, Source, SyncRun
from inventory.raw import execute, fetch
from inventory.records import Kind

MISSES_BEFORE_RETIREMENT = 2
NEARLY = 0.9  # of an interval: collections take differently long
GUARD_OBJECTS = 10
GUARD_SHARE = 0.10
ANALYZE_FROM = 5_000  # staged rows; below, the planner guesses well enough


def publish(held: ledger.Claim, *, now: datetime) -> SyncRun:
    """Make the staged records the current ones, or hold the run; or raise LeaseLost, RunCancelled.

    Returns the run: `published_at` is set when it was published. When not, its state is HELD, or
    CANCELLED when a later collection was published while this one waited for a person.
    """
    with transaction.atomic():
        # Rows that only refer to the source, such as the next run, may be written meanwhile.
        source = Source.objects.select_for_update(no_key=True).get(pk=held.source_id)
        run = ledger.hold_row(held)
        if run.published_at is not None:
            return run  # an earlier attempt got this far
        if run.cancel_requested_at is not None:
            raise RunCancelled(f"run {run.pk} was cancelled")
        newer = source.runs.collections().filter(pk__gt=run.pk, published_at__isnull=False).first()
        if newer is not None:
            ledger.supersede(run, by=newer)
            return run
        ledger.supersede_held(run)
        whole = is_whole(run)
        losses = _losses(run) if whole else {}
        if run.release_approved_at is None and losses:
            return _hold(run, losses)
        at = (
            now
            if source.newest_at is None
            else max(now, source.newest_at + timedelta(microseconds=1))
        )
        _analyze(run)
        run.counts, _, moved = write(
            run,
            at=at,
            seen_until=source.complete_at,
            whole=list(Kind) if whole else [],
            retired_when_missing_since=at - _grace(source),
        )
        moved |= arriving.publish(source, run, at=at)
        arriving.note_silence(source, since=source.published_at, at=at)
        following.follow(source, moved)
        _replace_notes(run, at=at)
        source.instance_uuid = run.notes["identity"].get("instance_uuid", source.instance_uuid)
        source.product = run.notes["identity"].get("product", source.product)
        source.warnings = run.notes.get("warnings", [])
        source.published_at = at
        if whole:
            source.complete_at = at
        source.save()
        run.published_at, run.phase = at, SyncRun.Phase.EVALUATING
        run.notes = {}
        ledger.renew(run)  # beats waited for this transaction, however long it took
        run.save()
        _forget_staged(run)
        return run


def is_whole(run: SyncRun) -> bool:
    """Whether everything there is was collected, so that what was not seen is really missing."""
    kinds = run.completeness  # of those there were when it was collected
    return bool(kinds) and all(each["complete"] for each in kinds.values()) and not run.causes


def complete_kinds(run: SyncRun) -> frozenset[Kind]:
    """The kinds whose list was whole in this run."""
    return frozenset(k for k in Kind if run.completeness.get(k.value, {}).get("complete"))


def unread_kinds(run: SyncRun) -> frozenset[Kind]:
    """The kinds of which some object is there but could not be read in this run."""
    return frozenset(k for k in Kind if run.completeness.get(k.value, {}).get("unreadable"))


# --- the shrink guard -------------------------------------------------------------------------


def _losses(run: SyncRun) -> dict[str, tuple[int, int]]:
    """Kinds that would lose too much at once: {kind: (newly missing, known before)}."""
    rows = fetch(
        """
        SELECT a.kind, count(*) FILTER (WHERE s.uid IS NULL AND q.ref IS NULL AND NOT
            (%(is_blind_to_libraries)s AND a.record->'library_ref' IS NOT NULL)), count(*)
        FROM inventory_asset a
        LEFT JOIN inventory_stagedrecord s
          ON s.run_id = %(run)s AND s.token = %(token)s AND s.kind = a.kind AND s.uid = a.uid
        LEFT JOIN jsonb_to_recordset(%(unreadable)s::jsonb) AS q(kind text, ref text)
          ON q.kind = a.kind AND q.ref = a.ref
        WHERE a.source_id = %(source)s AND a.gone_at IS NULL AND a.missing_since IS NULL
        GROUP BY a.kind
        """,
        _names(run),
    )
    return {kind: (lost, known) for kind, lost, known in rows if is_too_much(lost, known)}


def is_too_much(lost: int, known: int) -> bool:
    """Whether so many of a kind went at once that a person should look at it first."""
    return lost > 0 and (lost > max(GUARD_OBJECTS, known * GUARD_SHARE) or lost == known)


def _hold(run: SyncRun, losses: dict[str, tuple[int, int]]) -> SyncRun:
    run.state, run.phase = SyncRun.State.HELD, SyncRun.Phase.WAITING
    run.lease_expires_at = None
    run.causes = [
        ledger.cause(
            "shrunk",
            f"{lost} of {known} of kind {kind} were not seen any more.",
            "If they were really removed, release the run. If not, look at what the account may "
            "read, then discard the run and collect again.",
        )
        for kind, (lost, known) in sorted(losses.items())
    ]
    run.save()
    return run


# --- writing ----------------------------------------------------------------------------------


def write(
    run: SyncRun,
    *,
    at: datetime,
    seen_until: datetime | None,
    whole: Collection[Kind],
    retired_when_missing_since: datetime | None = None,
) -> tuple[dict[str, dict[str, int]], set[int], set[int]]:
    """What was staged becomes what is true; of the `whole` kinds, the rest is missing.

    What has been missing since `retired_when_missing_since` or before is retired; None retires
    nothing. Returns the counts by kind, the assets of which anything is new, and the machines
    among them.
    """
    names = {**_names(run), "at": at, "seen_until": seen_until or at}
    new = fetch(INSERT_NEW, names)
    changed = fetch(UPDATE_CHANGED, names)
    seen_again = fetch(SEEN_AGAIN, names)
    begun = [row[0] for row in (*changed, *seen_again)]
    execute(CLOSE_VERSIONS, {**names, "ids": begun})
    execute(OPEN_VERSIONS, {**names, "ids": [*(row[0] for row in new), *begun]})
    execute(ASSIGN_TEAMS, names)
    names |= {"kinds": list(whole), "retired_when": retired_when_missing_since}
    missing, retired = _miss(names) if whole else ([], [])
    staged = fetch(
        "SELECT kind, count(*) FROM inventory_stagedrecord"
        " WHERE run_id = %(run)s AND token = %(token)s GROUP BY kind",
        names,
    )
    counts = {
        kind: {"seen": seen, "new": 0, "changed": 0, "unchanged": seen, "missing": 0, "retired": 0}
        for kind, seen in staged
    }
    for label, rows in (
        ("new", new),
        ("changed", changed),
        ("missing", missing),
        ("retired", retired),
    ):
        for _, kind in rows:
            of_kind = counts.setdefault(
                kind,
                dict.fromkeys(("seen", "new", "changed", "unchanged", "missing", "retired"), 0),
            )
            of_kind[label] += 1
            if label in {"new", "changed"}:
                of_kind["unchanged"] -= 1
    touched = (*new, *changed, *seen_again, *missing, *retired)
    return counts, {pk for pk, _ in touched}, {pk for pk, kind in touched if kind == Kind.VM}


def _miss(names: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    missed = fetch(MARK_MISSING, names)
    retired = [(pk, kind) for pk, kind, is_over in missed if is_over]
    missing = [(pk, kind) for pk, kind, is_over in missed if not is_over]
    execute(NOTE_MISSING, {**names, "ids": [pk for pk, _ in missing]})
    execute(RETIRE, {**names, "ids": [pk for pk, _ in retired]})
    execute(CLOSE_VERSIONS, {**names, "ids": [pk for pk, _ in retired]})
    return missing, retired


INSERT_NEW = """
INSERT INTO inventory_asset (source_id, kind, uid, ref, name, record, digest,
    first_seen_at, last_seen_at, changed_at, missed_runs, power_since)
SELECT %(source)s, s.kind, s.uid, s.ref, s.name, s.record, s.digest, %(at)s, %(at)s, %(at)s, 0,
    CASE WHEN s.record->>'power_state' IS NOT NULL THEN %(at)s::timestamptz END
FROM inventory_stagedrecord s
WHERE s.run_id = %(run)s AND s.token = %(token)s AND NOT EXISTS (
    SELECT FROM inventory_asset a
    WHERE a.source_id = %(source)s AND a.kind = s.kind AND a.uid = s.uid)
RETURNING id, kind
"""

# A retired asset that is seen again counts as changed: it gets a version from now on. The facts of
# a changed asset have not been judged yet, so nothing may call it compliant until they are.
UPDATE_CHANGED = """
UPDATE inventory_asset a
SET ref = s.ref, name = s.name, record = s.record, digest = s.digest, last_seen_at = %(at)s,
    changed_at = %(at)s, missing_since = NULL, missed_runs = 0, gone_at = NULL, evaluated_at = NULL,
    power_since = CASE
        WHEN s.record->>'power_state' IS NULL THEN NULL
        WHEN a.power_state IS DISTINCT FROM left(s.record->>'power_state', 20) THEN %(at)s
        ELSE a.power_since END
FROM inventory_stagedrecord s
WHERE s.run_id = %(run)s AND s.token = %(token)s
  AND a.source_id = %(source)s AND a.kind = s.kind AND a.uid = s.uid
  AND (a.digest <> s.digest OR a.gone_at IS NOT NULL)
RETURNING a.id, a.kind
"""

CLOSE_VERSIONS = """
UPDATE inventory_assetversion SET valid_to = %(at)s
WHERE asset_id = ANY(%(ids)s) AND valid_to IS NULL
"""

NOTE_MISSING = """
UPDATE inventory_assetversion SET missing_since = %(at)s
WHERE asset_id = ANY(%(ids)s) AND valid_to IS NULL AND missing_since IS NULL
"""

OPEN_VERSIONS = """
INSERT INTO inventory_assetversion (asset_id, run_id, record, digest, valid_from)
SELECT id, %(run)s, record, digest, %(at)s FROM inventory_asset WHERE id = ANY(%(ids)s)
"""

# It gets a version of its own, so that the one before keeps since when it was missing.
SEEN_AGAIN = """
UPDATE inventory_asset a SET missing_since = NULL, missed_runs = 0, last_seen_at = %(at)s
FROM inventory_stagedrecord s
WHERE s.run_id = %(run)s AND s.token = %(token)s
  AND a.source_id = %(source)s AND a.kind = s.kind AND a.uid = s.uid AND a.missing_since IS NOT NULL
RETURNING a.id, a.kind
"""

ASSIGN_TEAMS = """
UPDATE inventory_asset a SET team_id = t.id
FROM (SELECT b.id AS asset_id, x.id FROM inventory_asset b
      LEFT JOIN accounts_team x ON lower(x.name) = lower(b.team_name)
      WHERE b.source_id = %(source)s AND b.team_id IS DISTINCT FROM x.id) t
WHERE a.id = t.asset_id
"""

# What a blind spot hides is not missing: items of libraries that the account may no longer see.
MARK_MISSING = """
UPDATE inventory_asset a
SET missing_since = coalesce(a.missing_since, %(at)s), missed_runs = a.missed_runs + 1,
    last_seen_at = CASE WHEN a.missing_since IS NULL
        THEN greatest(a.last_seen_at, %(seen_until)s) ELSE a.last_seen_at END
WHERE a.source_id = %(source)s AND a.gone_at IS NULL AND a.kind = ANY(%(kinds)s)
  AND NOT EXISTS (SELECT FROM inventory_stagedrecord s
    WHERE s.run_id = %(run)s AND s.token = %(token)s AND s.kind = a.kind AND s.uid = a.uid)
  AND NOT EXISTS (SELECT FROM jsonb_to_recordset(%(unreadable)s::jsonb) AS q(kind text, ref text)
    WHERE q.kind = a.kind AND q.ref = a.ref)
  AND NOT (%(is_blind_to_libraries)s AND a.kind = 'image' AND a.record->'library_ref' IS NOT NULL)
RETURNING a.id, a.kind,
    coalesce(a.missed_runs >= %(misses)s AND a.missing_since <= %(retired_when)s, false)
"""

RETIRE = "UPDATE inventory_asset SET gone_at = %(at)s WHERE id = ANY(%(ids)s)"


def _replace_notes(run: SyncRun, *, at: datetime) -> None:
    """What could not be read, as of this run; what still cannot be read keeps its first date."""
    for item in run.notes["unreadable"]:
        Quarantine.objects.update_or_create(
            source_id=run.source_id,
            kind=item["kind"],
            ref=item["ref"],
            defaults={"run": run, "name": item["name"], "reason": item["reason"]},
            create_defaults={
                "run": run,
                "name": item["name"],
                "reason": item["reason"],
                "first_seen_at": at,
            },
        )
    for item in run.notes["blind_spots"]:
        said = {key: item[key] for key in ("count", "example", "explanation")}
        BlindSpot.objects.update_or_create(
            source_id=run.source_id,
            kind=item["kind"],
            property=item["property"],
            defaults={"run": run, **said},
            create_defaults={"run": run, "first_seen_at": at, **said},
        )
    Quarantine.objects.filter(source_id=run.source_id).exclude(run=run).delete()
    BlindSpot.objects.filter(source_id=run.source_id).exclude(run=run).delete()


def _grace(source: Source) -> timedelta:
    """How long a thing is missing before it is retired."""
    intervals: float = settings.RETIRE_AFTER_INTERVALS
    return timedelta(minutes=source.interval_minutes) * intervals * NEARLY


def _names(run: SyncRun) -> dict[str, Any]:
    return {
        "source": run.source_id,
        "run": run.pk,
        "token": run.staged_token,
        "misses": MISSES_BEFORE_RETIREMENT,
        "unreadable": json.dumps(
            [{"kind": item["kind"], "ref": item["ref"]} for item in run.notes["unreadable"]]
        ),
        "is_blind_to_libraries": any(
            (item["kind"], item["property"]) == (Kind.IMAGE, "libraries")
            for item in run.notes["blind_spots"]
        ),
    }


def _analyze(run: SyncRun) -> None:
    if sum(state["collected"] for state in run.completeness.values()) >= ANALYZE_FROM:
        execute("SELECT inventory_analyze('inventory_stagedrecord')", {})


def _forget_staged(run: SyncRun) -> None:
    execute("DELETE FROM inventory_stagedrecord WHERE run_id = %(run)s", {"run": run.pk})
    arriving.forget_staged(run)
