"""Who made a fact what it is, where the platform's log leaves no doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory import facts
from inventory.chronicle import authors
from inventory.chronicle.models import PlatformEvent
from inventory.models import AssetVersion
from inventory.records import PowerState, VirtualMachine
from tests.policies.builders import a_nic, a_vm

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
ANNA, BO = r"CORP\anna", r"CORP\bo"


def told(type_: str, *, by: str = ANNA, minute: int = 0, **more: Any) -> PlatformEvent:
    at = NOON + timedelta(minutes=minute)
    detail = more.pop("detail", {})
    return PlatformEvent(
        type=type_, user_name=by, created_at=at, happened_at=at, detail=detail, **more
    )


def reconfigured(paths: str, *, by: str = ANNA, minute: int = 0) -> PlatformEvent:
    return told("VmReconfiguredEvent", by=by, minute=minute, detail={"changes.modified": paths})


def by_label(was: VirtualMachine, is_: VirtualMachine, *events: PlatformEvent) -> dict[str, str]:
    changes = facts.difference(was, is_)
    return {each.label: each.by for each in authors.attributed(changes, is_, events)}


def test_who_moved_a_machine_is_named_when_the_move_ended_where_it_was_found():
    was, is_ = a_vm("web", host_ref="host-1"), a_vm("web", host_ref="host-2")

    assert by_label(was, is_, told("VmMigratedEvent", host_ref="host-2")) == {"Host": ANNA}
    assert by_label(was, is_, told("VmMigratedEvent", host_ref="host-3")) == {"Host": ""}


def test_of_several_moves_the_last_one_counts_and_has_to_fit():
    was, is_ = a_vm("web", host_ref="host-1"), a_vm("web", host_ref="host-2")
    there = told("VmMigratedEvent", host_ref="host-2")
    away = told("VmMigratedEvent", by=BO, minute=5, host_ref="host-1")
    again = told("VmMigratedEvent", by=BO, minute=9, host_ref="host-2")

    assert by_label(was, is_, there, away) == {"Host": ""}
    assert by_label(was, is_, there, away, again) == {"Host": BO}


def test_a_reconfiguration_counts_for_the_facts_that_it_names():
    was, is_ = a_vm("web", memory_mib=1024, cpu_count=1), a_vm("web", memory_mib=2048, cpu_count=2)

    found = by_label(was, is_, reconfigured("config.hardware.memoryMB"))

    assert found == {"CPUs": "", "Memory": ANNA}


def test_the_last_who_wrote_a_setting_is_named():
    was, is_ = a_vm("web", memory_mib=1024), a_vm("web", memory_mib=2048)
    first = reconfigured("config.hardware.memoryMB")
    other = reconfigured("config.annotation", by=BO, minute=3)
    last = reconfigured("config.annotation, config.hardware.memoryMB", by=BO, minute=5)

    assert by_label(was, is_, first, other) == {"Memory": ANNA}
    assert by_label(was, is_, first, other, last) == {"Memory": BO}


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("config.hardware.device(4000).connectable.connected", ANNA),
        ("config.hardware.device(4000)", ANNA),
        ("config.hardware.device(40001).connectable.connected", ""),
        ("config.hardware.device(400).connectable.connected", ""),
    ],
)
def test_a_device_is_known_by_its_key(path: str, who: str):
    was = a_vm("web", nics=(a_nic(key="4000", connected=True),))
    is_ = a_vm("web", nics=(a_nic(key="4000", connected=False),))

    [found] = by_label(was, is_, reconfigured(path)).values()

    assert found == who


def test_an_advanced_setting_is_known_by_its_name():
    was = a_vm("web", extra_config={"isolation.tools.copy.disable": "TRUE"})
    is_ = a_vm("web", extra_config={"isolation.tools.copy.disable": "FALSE"})

    named = reconfigured('config.extraConfig("isolation.tools.copy.disable").value')
    other = reconfigured('config.extraConfig("isolation.tools.paste.disable").value')

    assert list(by_label(was, is_, named).values()) == [ANNA]
    assert list(by_label(was, is_, other).values()) == [""]


def test_who_switched_it_is_named_when_it_was_found_so():
    was, is_ = a_vm("web", power_state=PowerState.ON), a_vm("web", power_state=PowerState.OFF)
    off, on = told("VmPoweredOffEvent"), told("VmPoweredOnEvent", by=BO, minute=2)

    assert by_label(was, is_, off) == {"Power state": ANNA}
    assert by_label(was, is_, off, on) == {"Power state": ""}


def test_who_started_it_is_named_when_the_moments_agree():
    was = a_vm("web", booted_at=NOON - timedelta(days=9))
    on = told("VmPoweredOnEvent")

    assert by_label(was, a_vm("web", booted_at=NOON), on) == {"Booted": ANNA}
    late = a_vm("web", booted_at=NOON + timedelta(hours=1))
    assert by_label(was, late, on) == {"Booted": ""}  # started again from the inside


def test_who_renamed_it_is_named_when_it_bears_that_name():
    was, is_ = a_vm("web", uid="u"), a_vm("www", uid="u")

    assert by_label(was, is_, told("VmRenamedEvent", detail={"newName": "www"}))["Name"] == ANNA
    assert by_label(was, is_, told("VmRenamedEvent", detail={"newName": "old"}))["Name"] == ""


def test_a_fact_that_no_event_tells_of_names_nobody():
    was, is_ = a_vm("web", tools_running=True), a_vm("web", tools_running=False)

    assert set(
        by_label(was, is_, reconfigured("config.tools"), told("VmPoweredOffEvent")).values()
    ) == {""}


def test_an_event_before_the_collection_before_does_not_count():
    events = [told("VmPoweredOffEvent"), told("VmPoweredOnEvent", minute=10)]

    inside = authors.between(events, NOON, NOON + timedelta(minutes=10))

    assert [one.type for one in inside] == ["VmPoweredOnEvent"]


def test_where_somebody_wrote_it_again_while_it_was_read_nobody_is_named():
    was, is_ = a_vm(cpu_count=2), a_vm(cpu_count=8)
    changes = facts.difference(was, is_)
    anna, bo = (
        reconfigured("config.hardware.numCPU", by=by, minute=minute)
        for by, minute in ((ANNA, 1), (BO, 5))
    )
    memory = reconfigured("config.hardware.memoryMB", by=BO, minute=5)

    assert [one.by for one in authors.attributed(changes, is_, [anna], [bo])] == [""]
    assert [one.by for one in authors.attributed(changes, is_, [anna], [memory])] == [ANNA]


def test_a_collection_reads_until_it_says_but_not_for_ever():
    version = AssetVersion(valid_from=NOON)
    assert authors.read_until(version) == NOON + authors.READING
    for minutes, reads in ((0, 0), (3, 3), (-5, 0), (60, 10)):
        version.read_until = NOON + timedelta(minutes=minutes)  # type: ignore[attr-defined]
        assert authors.read_until(version) == NOON + timedelta(minutes=reads)
