"""Workers are killed at random moments; the database ends as if nobody had been.

Two sources read the same simulator. One is collected in peace, the other by workers that are killed
twice in each run; after every round of changes both must say the same.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models import BooleanField, ExpressionWrapper, Q

from findings.models import Finding, FindingEvent
from inventory import sources
from inventory.models import (
    AssetVersion,
    MacHolding,
    PlatformEvent,
    Source,
    StagedEvent,
    StagedRecord,
    Stay,
    SyncRun,
)
from policies.models import Tally, Verdict
from tests.faults.workers import (
    LEASE_SECONDS,
    Workers,
    collect_under_fire,
    wait_until_reaped,
)
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

KILLS = 40
MOST_ROUNDS = 30  # a kill that comes after the end does not count
IS_HERE = ExpressionWrapper(Q(gone_at=None), BooleanField())
IS_OPEN = ExpressionWrapper(Q(valid_to=None), BooleanField())


@pytest.fixture
def vcsim() -> Iterator[Vcsim]:
    with start_vcsim(cluster=1, host=3, standalone_host=0, vm=40, pg=2) as running:
        yield running


@pytest.fixture
def workers() -> Iterator[Workers]:
    started = Workers()
    yield started
    started.stop()


def add_source(vcsim: Vcsim, name: str) -> Source:
    return sources.add(
        by=None,
        name=name,
        url=vcsim.url,
        username=vcsim.username,
        password=vcsim.password,
        trust="pin",
        trust_pem=Path(vcsim.cert_pem).read_text(),
        attribute_mapping={},
        interval_minutes=60,
        now=datetime.now(UTC),
    )


def collect_in_peace(source: Source, workers: Workers) -> float:
    """Collect without a kill; returns how many seconds the last attempt took.

    On a busy machine a connection may break all the same: then the run is tried again.
    """
    run = SyncRun.objects.create(source=source, requested_at=datetime.now(UTC))
    while not run.is_over:
        started = time.monotonic()
        workers.begin(run.pk)
        workers.wait()
        wait_until_reaped(run)
    assert run.state == SyncRun.State.COMPLETE, run.causes
    return time.monotonic() - started


def canonical(source: Source) -> dict[str, Any]:
    """Everything we say about a source, without ids and moments."""
    of_source = {"asset__source": source}
    last = source.runs.latest("id")
    findings = Finding.objects.filter(**of_source)
    return {
        "assets": sorted(
            source.assets.values_list("kind", "uid", "digest", "missed_runs", IS_HERE)
        ),
        "versions": sorted(
            AssetVersion.objects.filter(**of_source).values_list(
                "asset__kind", "asset__uid", "digest", IS_OPEN
            )
        ),
        "verdicts": sorted(
            Verdict.objects.filter(**of_source).values_list(
                "asset__kind", "asset__uid", "check_id", "outcome", "reason"
            )
        ),
        "findings": sorted(
            findings.values_list(
                "check_id", "asset__uid", "key", "state", "resolution", "reopened_count", "message"
            )
        ),
        "events": sorted(
            FindingEvent.objects.filter(finding__in=findings).values_list(
                "finding__check_id", "finding__asset__uid", "finding__key", "kind", "message"
            )
        ),
        # Who signs in is the collecting itself, and each source has its own.
        "told": sorted(
            PlatformEvent.objects.filter(source=source)
            .exclude(type__contains="Session")
            .values_list("key", "type", "vm__uid", "host_ref")
        ),
        "stays": sorted(
            (*stay[:3], str(stay[3]), *stay[4:])
            for stay in Stay.objects.filter(source=source).values_list(
                "vm__uid", "place_kind", "place_ref", "is_running", "basis", IS_OPEN
            )
        ),
        "addresses": sorted(
            MacHolding.objects.filter(source=source).values_list(
                "vm__uid", "nic_key", "mac", IS_OPEN
            )
        ),
        "tallies": sorted(
            Tally.objects.filter(run=last).values_list("check_id", "passed", "failed", "unknown")
        ),
        "counts": last.counts,
    }


def change(vcsim: Vcsim, number: int) -> None:
    """What happens in the estate between two collections; every tenth machine goes for good."""
    name = f"DC0_C0_RP0_VM{number}"
    if number % 5 == 4:
        vcsim.apply(ops=[{"op": "destroy", "target": name}])
    elif number % 2:
        vcsim.apply(ops=[{"op": "power_off", "vm": name}])
    else:
        vcsim.apply(ops=[{"op": "create_snapshot", "vm": name, "name": f"round {number}"}])


def test_forty_kills_leave_the_database_as_a_run_without_faults_does(
    vcsim: Vcsim, workers: Workers, settings: LazySettings
) -> None:
    settings.SYNC_LEASE_SECONDS, settings.SYNC_RETRY_SECONDS = LEASE_SECONDS, 0
    seed = int(os.environ.get("VMGOV_KILL_SEED", "20261123"))
    chance = random.Random(seed)  # noqa: S311
    peaceful, besieged = add_source(vcsim, "peaceful"), add_source(vcsim, "besieged")
    kills = 0

    for number in range(MOST_ROUNDS):
        if kills >= KILLS:
            break
        change(vcsim, number)
        duration = collect_in_peace(peaceful, workers)
        kills += collect_under_fire(besieged, workers, within=duration, chance=chance)
        assert canonical(peaceful) == canonical(besieged), f"round {number}, seed {seed}"

    assert kills >= KILLS
    assert StagedRecord.objects.count() == 0
    assert StagedEvent.objects.count() == 0
    assert not SyncRun.objects.filter(state__in=["running", "queued"]).exists()
    # A kill between the simulator's answer to Login and our note of it leaves a session that only
    # the platform's own idle time ends; this simulator gives its cookie no earlier.
    assert vcsim.sessions() <= kills // 10
