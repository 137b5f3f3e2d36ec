"""What platforms call things reads as people say it, and ids as the names they stand for."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from inventory import facts
from inventory.parts import Snapshot
from inventory.records import Kind, VirtualMachine
from inventory.spoken import SPOKEN
from tests.policies.builders import a_host, a_snapshot, a_vm

TAKEN = datetime(2026, 11, 28, 11, 29, tzinfo=UTC)


def test_a_word_of_the_platform_reads_in_words():
    assert facts.fact(a_host(lockdown_mode="lockdownNormal"), "lockdown_mode").text == "normal"
    vm = a_vm(tools_version_status="guestToolsNeedUpgrade")
    assert facts.fact(vm, "tools_version_status").text == "out of date"


def test_a_word_that_is_not_known_stands_as_the_platform_said_it():
    assert facts.words("tools_version_status", "guestToolsLunar") == "guestToolsLunar"
    assert facts.words("name", "lockdownNormal") == "lockdownNormal"


def test_no_two_words_of_one_field_read_alike():
    for field, said in SPOKEN.items():
        assert len(set(said.values())) == len(said), field


def test_the_snapshot_a_machine_runs_on_is_named():
    before, after = _running_on("snapshot-1"), _running_on("snapshot-2")

    assert facts.fact(before, "current_snapshot").text == "Nightly, 2026-11-28 11:29 UTC"
    [change] = [
        each for each in facts.difference(before, after) if each.field == "current_snapshot"
    ]
    assert change.before == "Nightly, 2026-11-28 11:29 UTC"


def test_the_id_of_a_snapshot_that_is_not_listed_stays():
    vm = a_vm(snapshots=None, current_snapshot="snapshot-9")

    assert facts.fact(vm, "current_snapshot").text == "snapshot-9"


def test_the_cluster_above_a_resource_pool_is_named():
    vm = a_vm(pool_ancestors=("resgroup-22", "domain-c23"))

    assert (Kind.CLUSTER, "domain-c23") in facts.refs_of(vm)

    def name_of(kind: Kind, ref: str) -> str | None:
        return {(Kind.CLUSTER, "domain-c23"): "OSL-Finance"}.get((kind, ref))

    told = facts.fact(vm, "pool_ancestors", name_of)
    assert told.text == "resgroup-22, OSL-Finance"


def test_several_pieces_stand_on_lines_of_their_own():
    vm = a_vm(snapshots=(_snapshot("a", "One"), _snapshot("b", "Two")))

    parts = facts.fact(vm, "snapshots").parts

    assert [part.split(" ")[0] for part in parts] == ["One", "Two"]
    assert facts.fact(a_vm(snapshots=None), "snapshots").parts == ()


def _running_on(uid: str) -> VirtualMachine:
    return a_vm(snapshots=(_snapshot(uid, "Nightly"),), current_snapshot=uid)


def _snapshot(uid: str, name: str) -> Snapshot:
    return msgspec.structs.replace(a_snapshot(uid=uid), name=name, created_at=TAKEN)
