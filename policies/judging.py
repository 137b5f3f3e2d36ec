"""Publish → evaluate: read one source's facts, ask every check, keep what is not a pass.

`judge` only reads and computes. `store` writes verdicts and tallies in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Exists, F, OuterRef, TextField
from django.db.models.functions import Cast

from inventory.models import Asset, AssetVersion, Quarantine, Source, SyncRun
from inventory.publishing import complete_kinds, unread_kinds
from inventory.records import AnyRecord, Kind, decode, kind_of
from policies.configuration import configured_checks, fingerprint
from policies.evaluate import Configured, Evaluation, Result, evaluate_tallied
from policies.models import Tally
from policies.spec import Estate, History, Outcome


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, when it was not everything: of these assets all checks, and some checks of
    all their assets.
    """

    assets: frozenset[int]
    checks: frozenset[str]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What every check says about one source's facts, and which facts those were."""

    source_id: int
    run_id: int
    published_at: datetime
    changed_at: datetime | None = None  # when a watch had last published what had changed
    now: datetime
    configured: dict[str, Configured]
    judged_as: str
    asset_ids: dict[tuple[Kind, str], int]
    result: Result
    scope: Scope | None = None  # None: every check was asked about everything

    def asset_of(self, evaluation: Evaluation) -> int:
        return self.asset_ids[evaluation.kind, evaluation.uid]


def judge(source: Source, *, now: datetime) -> Judgement | None:
    """Ask every check about the source's current facts; None when nothing was ever published."""
    run = newest_collection(source)
    if run is None or source.published_at is None:
        return None
    records: list[AnyRecord] = []
    asset_ids: dict[tuple[Kind, str], int] = {}
    history: dict[tuple[Kind, str], History] = {}
    for pk, encoded, first_seen_at, power_since in _current(source):
        record = decode(encoded)
        key = (kind_of(record), record.uid)
        records.append(record)
        asset_ids[key] = pk
        history[key] = History(first_seen_at=first_seen_at, power_since=power_since)
    configured = configured_checks()
    estate = Estate(
        records, complete=complete_kinds(run), unread=unread_kinds(run), history=history
    )
    return Judgement(
        source_id=source.pk,
        run_id=run.pk,
        published_at=source.published_at,
        changed_at=source.changed_at,
        now=now,
        configured={one.check.id: one for one in configured if one.enabled},
        judged_as=fingerprint(configured),
        asset_ids=asset_ids,
        result=evaluate_tallied(configured, estate, now=now, unread=unread(source, now)),
    )


def newest_collection(source: Source) -> SyncRun | None:
    """The run that says which kinds were read as a whole; None when nothing was ever published."""
    runs = source.runs.collections().filter(published_at__isnull=False)
    return runs.order_by("-published_at").first()


def asked_now() -> str:
    """How the checks are set: differs from a judgement's `judged_as` when they were set anew."""
    return fingerprint(configured_checks())


def judge_as_of(source: Source, *, moment: datetime, only: Container[str] | None = None) -> Result:
    """What the checks, as set now, say about the facts of a past moment. Writes nothing.

    `only` names the checks to ask; the estate around them is whole all the same.
    """
    run = (
        source.runs.collections()
        .filter(published_at__lte=moment, published_at__isnull=False)
        .order_by("-published_at")
        .first()
    )
    versions = AssetVersion.objects.filter(asset__source=source, valid_from__lte=moment).exclude(
        valid_to__lte=moment
    )
    rows = (
        versions.annotate(encoded=Cast("record", TextField()))
        .order_by("asset__kind", "asset__uid")
        .values_list("encoded", "asset__first_seen_at")
    )
    records, history = [], {}
    for encoded, first_seen_at in rows.iterator():
        record = decode(encoded)
        records.append(record)
        history[kind_of(record), record.uid] = History(first_seen_at=first_seen_at)
    _add_power_since(source, moment, history)
    estate = Estate(
        records,
        complete=complete_kinds(run) if run else frozenset(),
        unread=unread_kinds(run) if run else frozenset(),
        history=history,
    )
    asked = [one for one in configured_checks() if only is None or one.check.id in only]
    return evaluate_tallied(asked, estate, now=moment, unread=unread(source, moment))


def unread(source: Source, moment: datetime) -> frozenset[tuple[Kind, str]]:
    """What is there but cannot be read: we know it from an earlier collection, and it may differ.

    What has been readable again since is not remembered.
    """
    odd = Quarantine.objects.filter(
        source=source, kind=OuterRef("kind"), ref=OuterRef("ref"), first_seen_at__lte=moment
    )
    known = Asset.objects.filter(Exists(odd), source=source).values_list("kind", "uid")
    return frozenset((Kind(kind), uid) for kind, uid in known)


def _add_power_since(
    source: Source, moment: datetime, history: dict[tuple[Kind, str], History]
) -> None:
    """Derive from the versions since when each machine's power state was what it was."""
    with connection.cursor() as cursor:
        cursor.execute(POWER_SINCE, {"source": source.pk, "moment": moment})
        for uid, since in cursor.fetchall():
            key = (Kind.VM, uid)
            if key in history:
                history[key] = msgspec.structs.replace(history[key], power_since=since)


# The start of the last unbroken stretch of versions with the state of the version at that moment.
POWER_SINCE = """
SELECT uid, min(valid_from) FROM (
    SELECT a.uid, v.valid_from, v.record->>'power_state' AS state,
        bool_and(v.record->>'power_state' IS NOT DISTINCT FROM first_power) OVER w AS unbroken
    FROM inventory_assetversion v
    JOIN inventory_asset a ON a.id = v.asset_id
    CROSS JOIN LATERAL (
        SELECT x.record->>'power_state' AS first_power FROM inventory_assetversion x
        WHERE x.asset_id = a.id AND x.valid_from <= %(moment)s
        ORDER BY x.valid_from DESC LIMIT 1) newest
    WHERE a.source_id = %(source)s AND a.kind = 'vm' AND v.valid_from <= %(moment)s
    WINDOW w AS (PARTITION BY a.id ORDER BY v.valid_from DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
) stretches WHERE unbroken AND state IS NOT NULL GROUP BY uid
"""


def _current(source: Source) -> Iterator[tuple[int, str, datetime, datetime | None]]:
    return (
        Asset.objects.filter(source=source, gone_at__isnull=True)
        .annotate(encoded=Cast(F("record"), TextField()))
        .order_by("kind", "uid")
        .values_list("pk", "encoded", "first_seen_at", "power_since")
        .iterator(chunk_size=2000)
    )


# --- storing ----------------------------------------------------------------------------------


def store(judgement: Judgement) -> None:
    """Replace the source's verdicts and this run's tallies. Runs in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS fresh_verdict (asset_id bigint, check_id text,"
            " outcome text, reason text) ON COMMIT DROP"
        )
        cursor.execute("TRUNCATE fresh_verdict")
        with cursor.copy("COPY fresh_verdict FROM STDIN") as copy:
            for one in judgement.result.evaluations:
                reason = one.reason or one.incomplete
                copy.write_row((judgement.asset_of(one), one.check_id, one.outcome.value, reason))
        cursor.execute("ANALYZE fresh_verdict")
        # Never before the facts: a clock that was set back must not look like an old judgement.
        at = max(judgement.now, judgement.published_at)
        names: dict[str, Any] = {"source": judgement.source_id, "now": at}
        if judgement.scope is None:
            cursor.execute(DELETE_OLD, names)
        else:
            names |= {
                "assets": sorted(judgement.scope.assets),
                "checks": sorted(judgement.scope.checks),
            }
            cursor.execute(DELETE_OLD_OF_ASSETS, names)
            cursor.execute(DELETE_OLD_OF_CHECKS, names)
        cursor.execute(UPSERT, names)
        cursor.execute(MARK_EVALUATED, names)
    if judgement.scope is None:
        _keep_tallies(judgement)
    Source.objects.filter(pk=judgement.source_id).update(
        evaluated_at=at, judged_as=judgement.judged_as
    )


def _keep_tallies(judgement: Judgement) -> None:
    Tally.objects.filter(run_id=judgement.run_id).delete()
    Tally.objects.bulk_create(
        Tally(
            run_id=judgement.run_id,
            source_id=judgement.source_id,
            check_id=check_id,
            evaluated_at=judgement.now,
            passed=counts[Outcome.PASS],
            failed=counts[Outcome.FAIL],
            unknown=counts[Outcome.UNKNOWN],
            not_applicable=counts[Outcome.NOT_APPLICABLE],
            error=counts[Outcome.ERROR],
        )
        for check_id, counts in judgement.result.tally.items()
    )


DELETE_OLD = """
DELETE FROM policies_verdict v USING inventory_asset a
WHERE a.id = v.asset_id AND a.source_id = %(source)s AND NOT EXISTS (
    SELECT FROM fresh_verdict f WHERE f.asset_id = v.asset_id AND f.check_id = v.check_id)
"""

DELETE_OLD_OF_ASSETS = """
DELETE FROM policies_verdict v
WHERE v.asset_id = ANY(%(assets)s) AND NOT EXISTS (
    SELECT FROM fresh_verdict f WHERE f.asset_id = v.asset_id AND f.check_id = v.check_id)
"""

DELETE_OLD_OF_CHECKS = """
DELETE FROM policies_verdict v USING inventory_asset a
WHERE v.check_id = ANY(%(checks)s) AND a.id = v.asset_id AND a.source_id = %(source)s
  AND NOT EXISTS (
    SELECT FROM fresh_verdict f WHERE f.asset_id = v.asset_id AND f.check_id = v.check_id)
"""

UPSERT = """
INSERT INTO policies_verdict AS v (asset_id, check_id, outcome, reason, since)
SELECT asset_id, check_id, outcome, reason, %(now)s FROM fresh_verdict
ON CONFLICT (asset_id, check_id) DO UPDATE
SET outcome = excluded.outcome, reason = excluded.reason,
    since = CASE WHEN v.outcome <> excluded.outcome THEN excluded.since ELSE v.since END
WHERE (v.outcome, v.reason) IS DISTINCT FROM (excluded.outcome, excluded.reason)
"""

# `evaluated_at` says since when verdicts cover the asset's present facts; publish clears it.
MARK_EVALUATED = """
UPDATE inventory_asset SET evaluated_at = %(now)s
WHERE source_id = %(source)s AND gone_at IS NULL AND evaluated_at IS NULL
"""
