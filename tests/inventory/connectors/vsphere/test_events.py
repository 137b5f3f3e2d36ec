"""Reading the log of a simulated vCenter: windows, continuity, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.connectors.base import Doubt, Event, EventCursor, EventsRead
from inventory.connectors.vsphere import events
from inventory.connectors.vsphere.mapping.events import ASKED, event
from tests.inventory.connectors.vsphere.conftest import Build
from tests.peers.certificates import self_signed
from tests.peers.fault_proxy import Fault, FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration


@pytest.fixture
def small() -> Iterator[Vcsim]:
    with start_vcsim(dc=1, cluster=1, host=2, vm=2, standalone_host=0, seed="events") as running:
        yield running


def read(
    connector_to: Build, peer: Any, since: EventCursor | None = None
) -> tuple[list[Event], EventsRead]:
    items = list(connector_to(peer, events_since=since or EventCursor()).collect())
    told = [item for item in items if isinstance(item, EventsRead)]
    assert len(told) == 1
    return [item for item in items if isinstance(item, Event)], told[0]


def newest(found: list[Event]) -> EventCursor:
    last = max(found, key=lambda one: (one.at, one.key))
    return EventCursor(at=last.at, key=last.key)


def test_events_are_read_only_when_it_is_said_since_when(small: Vcsim, connector_to: Build) -> None:
    small.forget_calls()
    items = list(connector_to(small).collect())

    assert not [item for item in items if isinstance(item, Event | EventsRead)]
    assert "CreateCollectorForEvents" not in small.calls()


def test_a_machine_s_beginning_says_where_it_is(small: Vcsim, connector_to: Build) -> None:
    found, told = read(connector_to, small)

    begun = [one for one in found if one.type == "VmCreatedEvent"]
    assert len(begun) == 2
    assert all(one.vm_ref and one.vm_name and one.host_ref for one in begun)
    assert {one.type for one in found} <= set(ASKED)
    assert told.problem == ""
    assert told.unreadable == 0
    assert told.until is not None
    assert told.oldest_at == min(one.at for one in found)


def test_the_next_reading_sees_the_newest_known_event_again_and_what_is_new(
    small: Vcsim, connector_to: Build
) -> None:
    cursor = newest(read(connector_to, small)[0])
    small.apply(ops=[{"op": "power_off", "vm": "DC0_C0_RP0_VM0"}])
    found, _ = read(connector_to, small, cursor)

    assert cursor.key in {one.key for one in found}
    assert "VmPoweredOffEvent" in {one.type for one in found if one.key > cursor.key}


@pytest.mark.parametrize("is_told_until", [True, False])
def test_what_is_written_after_the_clock_was_set_back_is_read(
    small: Vcsim, connector_to: Build, is_told_until: bool
) -> None:
    now = datetime.now(UTC)
    until = now - timedelta(minutes=1) if is_told_until else None
    ahead = EventCursor(at=now + timedelta(days=1), key=1, until=until)

    assert "VmCreatedEvent" in {one.type for one in read(connector_to, small, ahead)[0]}


def test_a_clock_that_was_put_right_by_little_hides_nothing_either() -> None:
    """Its time is past what is known again, but what was written meanwhile has earlier times."""
    now = datetime.now(UTC)
    known = EventCursor(at=now + events.OVERLAP, key=1, until=now)
    log = events._Log(known)

    assert log.since(now + 2 * events.OVERLAP) == now - events.OVERLAP


def test_more_than_is_read_at_once_is_told_to_be_cut(
    small: Vcsim, connector_to: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything, whole = read(connector_to, small)
    monkeypatch.setattr(events, "PAGE", 1)
    monkeypatch.setattr(events, "MOST", len(everything) - 1)
    found, told = read(connector_to, small)

    assert (whole.is_cut, told.is_cut) == (False, True)
    assert told.until == max(one.at for one in found)
    assert len(found) == len(everything) - 1


def test_no_collector_is_left_behind(small: Vcsim, connector_to: Build) -> None:
    for _ in range(events.PAGE // 20):  # a vCenter has room for 32
        read(connector_to, small)
    calls = small.calls()

    assert calls["DestroyCollector"] == calls["CreateCollectorForEvents"]


@pytest.mark.parametrize("method", ["CreateCollectorForEvents", "ReadNextEvents"])
@pytest.mark.parametrize("fault", [Fault.HTTP_500, Fault.OBJECT_NOT_FOUND, Fault.TRUNCATE])
def test_a_log_that_cannot_be_read_is_told_and_spoils_nothing(
    small: Vcsim, connector_to: Build, tmp_path: Path, method: str, fault: Fault
) -> None:
    with FaultProxy(small, self_signed(tmp_path)) as proxy:
        proxy.inject(fault, method=method)
        items = list(connector_to(proxy, events_since=EventCursor()).collect())

    told = [item for item in items if isinstance(item, EventsRead)]
    assert told[0].problem
    assert told[0].until is None
    assert not [item for item in items if isinstance(item, Doubt)]


def test_what_is_secret_in_an_order_is_not_kept() -> None:
    found = event(
        {
            "_type": "VmReconfiguredEvent",
            "key": "7",
            "createdTime": "2026-03-01T12:00:00Z",
            "userName": "ada",
            "configSpec": {"annotation": "password: hunter2"},
            "configChanges": {
                "modified": 'config.annotation: "a" -> "hunter2"; \nconfig.hardware.numCPU: 1 -> 2',
                "added": "",
            },
        }
    )

    assert found.detail == {"changes.modified": "config.annotation, config.hardware.numCPU"}
    assert "hunter2" not in str(found)


def told_by_an_extension(**said: Any) -> Event:
    return event(
        {
            "_type": "EventEx",
            "key": "7",
            "createdTime": "2026-03-01T12:00:00Z",
            "eventTypeId": "com.vmware.ovfs.DeployEvent",
            **said,
        }
    )


def test_what_an_extension_says_with_its_event_is_kept_but_for_secrets() -> None:
    found = told_by_an_extension(
        arguments=[
            {"_type": "KeyAnyValue", "key": "libraryItem", "value": "9f2c"},
            {"_type": "KeyAnyValue", "key": "downloadPassword", "value": "hunter2"},
            {"_type": "KeyAnyValue", "key": "options", "value": {"adminPassword": "hunter2"}},
        ]
    )

    assert found.type == "com.vmware.ovfs.DeployEvent"
    assert found.detail == {"arguments.libraryItem": "9f2c"}


@pytest.mark.parametrize("kind", ["VirtualMachine", "vim.VirtualMachine"])
def test_an_event_about_a_machine_may_name_it_as_its_object(kind: str) -> None:
    found = told_by_an_extension(objectType=kind, objectId="vm-7", objectName="web%2f7")

    assert (found.vm_ref, found.vm_name) == ("vm-7", "web/7")


def test_the_object_of_an_event_is_no_machine_unless_it_says_so() -> None:
    item = told_by_an_extension(objectType="LibraryItem", objectId="9f2c", objectName="rhel9")
    untold = told_by_an_extension(objectId="vm-7", objectName="web-7")

    assert (item.vm_ref, item.vm_name, untold.vm_ref, untold.vm_name) == ("", "", "", "")


def test_a_deployment_from_a_library_is_read_with_what_it_says(
    small: Vcsim, connector_to: Build
) -> None:
    told = {
        "_typeName": "EventEx",
        "eventTypeId": "com.vmware.vmtx.LibraryItemDeployEvent",
        "arguments": [{"key": "item", "value": {"_typeName": "string", "_value": "9f2c"}}],
    }
    small.apply(ops=[{"op": "post_event", "vm": "DC0_C0_RP0_VM0", "event": told}])
    found, _ = read(connector_to, small)

    [one] = [each for each in found if each.type == told["eventTypeId"]]
    assert (one.vm_name, one.detail["arguments.item"]) == ("DC0_C0_RP0_VM0", "9f2c")


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"_type": "VmCreatedEvent", "key": "1"},
        {"_type": "VmCreatedEvent", "key": "x", "createdTime": "2026-03-01T12:00:00Z"},
        {"key": "1", "createdTime": "2026-03-01T12:00:00Z"},
    ],
)
def test_an_event_without_key_type_or_time_is_none(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no key"):
        event(broken)


def test_the_window_begins_before_the_newest_known_event() -> None:
    assert timedelta(minutes=5) <= events.OVERLAP


def test_a_licence_key_is_not_kept() -> None:
    found = event(
        {
            "_type": "EventEx",
            "eventTypeId": "com.vmware.license.AddLicenseEvent",
            "key": "7",
            "createdTime": "2026-03-01T12:00:00Z",
            "fullFormattedMessage": "License AAAAA-BBBBB-CCCCC-DDDDD-EEEEE was added",
            "arguments": [{"key": "licenseKey", "value": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"}],
            "message": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
        }
    )

    assert found.message == "License …-EEEEE was added"
    assert found.detail["message"] == "…-EEEEE"
    assert "BBBBB" not in str(found)
