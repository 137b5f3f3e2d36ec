"""A watch is killed, and the vCenter restarted, at random: nothing is lost and none doubled."""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from findings import pipeline
from inventory.models import (
    Asset,
    AssetVersion,
    BlindInterval,
    PlatformEvent,
    Source,
    StagedEvent,
    StagedRecord,
    Stay,
    SyncRun,
    Watch,
)
from tests.integration.live import add_source, collecting, eventually, is_live, watching
from tests.peers.certificates import self_signed
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
KILLS = int(os.environ.get("VMGOV_WATCH_KILLS", "6"))
ESTATE: dict[str, Any] = {
    "cluster": 1,
    "host": 3,
    "standalone_host": 0,
    "vm": 10,
    "pg": 2,
    "seed": "watch-kills",
    "instance_uuid": "5e8f2e9e-0000-4000-8000-00000000c0de",
}


@pytest.fixture
def vcsim() -> Iterator[Vcsim]:
    with start_vcsim(**ESTATE) as running:
        yield running


def change(vcsim: Vcsim, draw: random.Random, number: int) -> None:
    """Something happens, with its events."""
    name, host = f"DC0_C0_RP0_VM{draw.randrange(10)}", f"DC0_C0_H{draw.randrange(3)}"
    vcsim.apply(
        ops=draw.choice(
            [
                [{"op": "migrate", "vm": name, "host": host}],
                [{"op": "create_snapshot", "vm": name, "name": f"round {number}"}],
                [{"op": "create_vm", "name": f"new-{number}", "on": True}],
                [{"op": "add_nic", "vm": name}],
                [{"op": "host_options", "host": host, "options": {"Syslog.global.logHost": "x"}}],
            ]
        )
    )


def test_killing_the_watch_loses_and_doubles_nothing(vcsim: Vcsim) -> None:
    seed = int(os.environ.get("VMGOV_KILL_SEED", "20261129"))
    draw = random.Random(seed)  # noqa: S311
    watched = add_source(vcsim, "watched")
    with collecting(), watching() as process:
        eventually(lambda: is_live(watched))
        for number in range(KILLS):
            change(vcsim, draw, number)
            time.sleep(draw.uniform(0, 3))
            process.kill()
            change(vcsim, draw, number + KILLS)
            process.begin()
            if draw.random() < 0.5:
                eventually(lambda: is_live(watched))
        until_all_is_published(watched)
        assert present(watched) == present(peaceful(vcsim)), f"seed {seed}"
    assert_whole(watched)
    told = PlatformEvent.objects.exclude(type__contains="Session")
    keys = {
        source: sorted(told.filter(source=source).values_list("key", "created_at"))
        for source in Source.objects.all()
    }
    mine, theirs = keys.values()
    assert mine == theirs
    # A kill between the answer to Login and our note of it leaves a session that only the
    # platform's idle time ends; this simulator gives its cookie no earlier.
    assert vcsim.sessions() <= 2


def test_a_vcenter_that_is_restarted_is_watched_again(tmp_path: Path) -> None:
    """Its log begins anew: what it had not told is a blind interval, what it had told stays."""
    certificate = self_signed(tmp_path)
    with start_vcsim(**ESTATE, certificate=certificate) as vcsim:
        watched = add_source(vcsim, "watched")
        address = f"{vcsim.host}:{vcsim.port}"
        with collecting(), watching():
            eventually(lambda: is_live(watched))
            vcsim.apply(ops=[{"op": "migrate", "vm": "DC0_C0_RP0_VM1", "host": "DC0_C0_H2"}])
            eventually(lambda: PlatformEvent.objects.filter(type="VmMigratedEvent").exists())
            vcsim.stop()
            eventually(lambda: Watch.objects.get().failures > 0)
            assert Watch.objects.get().problem
            with start_vcsim(**ESTATE, listen=address, certificate=certificate) as again:
                until_all_is_published(watched, seconds=120)
                again.apply(ops=[{"op": "power_off", "vm": "DC0_C0_RP0_VM1"}])
                eventually(lambda: Asset.objects.get(name="DC0_C0_RP0_VM1").power_state == "off")
                until_all_is_published(watched)
                assert present(watched) == present(peaceful(again))

    assert_whole(watched)
    assert PlatformEvent.objects.filter(type="VmMigratedEvent").count() == 1
    blind = BlindInterval.objects.filter(source=watched, what=BlindInterval.What.EVENTS)
    assert blind.exists()


def until_all_is_published(source: Source, *, seconds: float = 90) -> None:
    now = datetime.now(UTC)
    eventually(lambda: is_live(source, since=now), seconds=seconds)


def peaceful(vcsim: Vcsim) -> Source:
    """Another source that is collected once, now."""
    source = add_source(vcsim, "peaceful", is_watched=False)
    run = SyncRun.objects.create(source=source, requested_at=datetime.now(UTC))
    pipeline.work(run.pk, now=datetime.now(UTC))
    eventually(lambda: SyncRun.objects.get(pk=run.pk).state == SyncRun.State.COMPLETE)
    return source


def present(source: Source) -> list[tuple[str, str, str]]:
    there = source.assets.present().filter(missing_since=None)
    return sorted(there.values_list("kind", "uid", "digest"))


def assert_whole(source: Source) -> None:
    """Every history is a chain, and nothing is left lying about."""
    versions: defaultdict[int, list[Any]] = defaultdict(list)
    rows = AssetVersion.objects.filter(asset__source=source).order_by("valid_from")
    for row in rows.values_list("asset_id", "valid_from", "valid_to"):
        versions[row[0]].append(row[1:])
    for chain in versions.values():
        assert all(one[1] is not None and one[1] <= other[0] for one, other in pairwise(chain))
    stays: defaultdict[int, list[Any]] = defaultdict(list)
    on_hosts = Stay.objects.filter(source=source, place_kind="host").order_by("valid_from")
    for stay in on_hosts.values_list("vm_id", "valid_from", "valid_to"):
        stays[stay[0]].append(stay[1:])
    for chain in stays.values():
        assert all(one[1] is not None and one[1] <= other[0] for one, other in pairwise(chain))
    assert not StagedRecord.objects.exists()
    assert not StagedEvent.objects.exists()
    assert not SyncRun.objects.filter(state="running").exists()
