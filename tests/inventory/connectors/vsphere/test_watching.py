"""What a simulated vCenter tells while it is watched, and what is read of it then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from inventory.connectors.base import (
    Changes,
    CollectionFailed,
    Count,
    Doubt,
    EventCursor,
    Gone,
    Unreadable,
    Watch,
    WatchForgotten,
)
from inventory.connectors.vsphere.watching import WATCHED
from inventory.records import Grant, Host, Image, Kind, Network, PowerState, Role, VirtualMachine
from tests.inventory.connectors.vsphere.conftest import Build
from tests.inventory.connectors.vsphere.metadata import type_of
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration
VM = "DC0_C0_RP0_VM0"


@pytest.fixture
def small() -> Iterator[Vcsim]:
    with start_vcsim(dc=1, cluster=1, host=2, vm=3, standalone_host=0, seed="watch") as running:
        yield running


@pytest.fixture
def watch(small: Vcsim, connector_to: Build) -> Iterator[Watch]:
    with ExitStack() as held:
        opened = held.enter_context(connector_to(small).watching())
        opened.begin()
        opened.prepare()
        yield opened


def told(watch: Watch, *, seconds: int = 5) -> Changes:
    """Everything until nothing comes any more."""
    found = watch.wait(seconds)
    while later := watch.wait(1):
        found |= later
    return found


def read(watch: Watch, changes: Changes, **options: Any) -> list[Any]:
    tags = options.get("tags", dict)
    return list(watch.read(changes, events_since=options.get("events_since"), tags=tags))


def of(type_: Any, items: list[Any]) -> list[Any]:
    return [item for item in items if isinstance(item, type_)]


def test_nothing_is_told_while_nothing_changes(watch: Watch) -> None:
    assert not watch.wait(1)


def test_a_changed_machine_says_what_it_is_now(small: Vcsim, watch: Watch) -> None:
    small.apply(ops=[{"op": "power_off", "vm": VM}])
    items = read(watch, told(watch))

    [machine] = of(VirtualMachine, items)
    assert machine.name == VM
    assert machine.power_state == PowerState.OFF
    assert not of((Doubt, Unreadable, Count), items)


def test_a_record_is_the_same_as_a_collection_makes_it(
    small: Vcsim, watch: Watch, connector_to: Build
) -> None:
    small.apply(
        ops=[
            {"op": "custom_field", "name": "Owner"},
            {"op": "custom_value", "target": VM, "name": "Owner", "value": "ops"},
            {"op": "tag", "target": VM, "category": "Tier", "name": "gold"},
            {"op": "migrate", "vm": VM, "host": "DC0_C0_H1"},
            {"op": "host_options", "host": "DC0_C0_H0", "options": {"Syslog.global.logHost": "x"}},
            {"op": "host_lockdown", "host": "DC0_C0_H0", "mode": "strict", "exceptions": ["root"]},
            {"op": "create_dvportgroup", "switch": "DVS0", "name": "new", "vlan": 7},
        ]
    )
    changes = told(watch)
    watch.prepare()  # as after a collection: no event tells of fields and tags here
    mine = {
        (type(one), one.uid): one
        for one in of(msgspec.Struct, read(watch, changes))
        if hasattr(one, "uid")
    }
    theirs = {
        (type(one), one.uid): one for one in connector_to(small).collect() if hasattr(one, "uid")
    }

    kinds = {type_ for type_, _ in mine}
    assert {VirtualMachine, Host, Network} <= kinds
    for key, record in mine.items():
        assert record == theirs[key]


def test_a_new_machine_and_its_folder_are_told(small: Vcsim, watch: Watch) -> None:
    small.apply(
        ops=[
            {"op": "create_folder", "name": "deep", "parent": {"path": "/DC0/vm"}},
            {"op": "create_vm", "name": "born", "folder": "deep", "on": True},
        ]
    )
    changes = told(watch)
    machines = {one.name: one for one in of(VirtualMachine, read(watch, changes))}

    assert machines["born"].folder == "/DC0/vm/deep"
    assert not changes.is_wide


def test_who_is_gone_is_asked_for_by_name(small: Vcsim, watch: Watch) -> None:
    [before] = [ref for ref in told_refs(small, watch) if ref]
    small.apply(ops=[{"op": "destroy", "target": VM}])
    changes = told(watch)

    assert before in changes.left
    assert [one.ref for one in of(Gone, read(watch, changes))] == [before]


def told_refs(small: Vcsim, watch: Watch) -> list[str]:
    small.apply(ops=[{"op": "power_off", "vm": VM}])
    return [one.ref for one in of(VirtualMachine, read(watch, told(watch)))]


def test_who_left_the_list_and_is_still_there_is_a_doubt(small: Vcsim, watch: Watch) -> None:
    [ref] = told_refs(small, watch)
    known = next(one for one in watch._named if one == ref)  # type: ignore[attr-defined]
    items = read(watch, Changes(left=frozenset({known})))

    assert not of(Gone, items)
    assert [one.code for one in of(Doubt, items)] == ["withheld"]


def test_what_is_gone_by_the_time_it_is_read_spoils_nothing(small: Vcsim, watch: Watch) -> None:
    small.apply(ops=[{"op": "power_off", "vm": {"type": "VirtualMachine"}}])
    changes = told(watch)
    small.apply(ops=[{"op": "destroy", "target": VM}])
    items = read(watch, changes)

    assert len(of(VirtualMachine, items)) == 2
    assert not of((Doubt, Unreadable), items)


def test_a_folder_that_is_renamed_asks_for_everything(small: Vcsim, watch: Watch) -> None:
    small.apply(ops=[{"op": "create_folder", "name": "one", "parent": {"path": "/DC0/vm"}}])
    assert not told(watch).is_wide
    small.apply(ops=[{"op": "rename", "target": {"type": "Folder", "exact": "one"}, "name": "two"}])

    assert told(watch).is_wide


def test_a_template_is_an_image(small: Vcsim, watch: Watch) -> None:
    small.apply(ops=[{"op": "power_off", "vm": VM}, {"op": "mark_template", "vm": VM}])
    items = read(watch, told(watch))

    assert [one.name for one in of(Image, items)] == [VM]


def test_an_event_about_rights_brings_all_rights(small: Vcsim, watch: Watch) -> None:
    since = EventCursor(at=datetime.now(UTC))
    assert not of((Role, Grant), read(watch, Changes(), events_since=since))
    small.apply(
        ops=[
            {
                "op": "create_role",
                "name": "Night shift",
                "privileges": ["VirtualMachine.Interact.PowerOff"],
            },
            {"op": "grant", "principal": "CORP\\ola", "role": "Night shift", "entity": VM},
            {"op": "post_event", "event": {"_typeName": "PermissionAddedEvent"}},
        ]
    )
    items = read(watch, Changes(), events_since=since)

    assert "Night shift" in {one.name for one in of(Role, items)}
    [grant] = [one for one in of(Grant, items) if one.principal == "CORP\\ola"]
    assert grant.entity_path == f"/DC0/vm/{VM}"
    assert {one.kind for one in of(Count, items)} == {Kind.ROLE, Kind.GRANT, Kind.PRINCIPAL}
    watch.settle()
    assert not of((Role, Grant), read(watch, Changes(), events_since=since))  # told once


def test_a_lost_session_ends_the_watch(small: Vcsim, watch: Watch) -> None:
    small.apply(ops=[{"op": "expire_sessions"}])

    with pytest.raises(CollectionFailed):
        watch.wait(1)


def test_a_version_the_platform_forgot_is_said(watch: Any) -> None:
    watch._end()
    watch._collector = type(watch._session.content.root_folder)("gone-1", "PropertyCollector")

    with pytest.raises(WatchForgotten):
        watch.wait(1)


def test_everything_that_is_watched_exists(small: Vcsim) -> None:
    for type_, paths in WATCHED.items():
        for path in paths:
            assert type_of(type_, path) is not None, f"{type_}.{path}"


def test_no_session_is_left(small: Vcsim, connector_to: Build) -> None:
    with connector_to(small).watching() as opened:
        opened.begin()
    assert small.sessions() == 0
