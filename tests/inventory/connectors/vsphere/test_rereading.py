"""What a watch reads again when an event tells of it: tags, names, licences, alarms, libraries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from inventory.connectors.base import (
    BlindSpot,
    Changes,
    CollectionFailed,
    Count,
    Doubt,
    EventCursor,
    Tags,
    Watch,
)
from inventory.connectors.vsphere import rereading
from inventory.connectors.vsphere.mapping.events import ASKED
from inventory.connectors.vsphere.rereading import TOLD_BY
from inventory.records import Host, Image, Kind, PlatformSettings, VirtualMachine
from tests.inventory.connectors.vsphere.conftest import Build
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration
VM, OTHER = "DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"
STORE = {"type": "Datastore", "name": "LocalDS_0"}
TAGGED = (VirtualMachine, Host, Image)
LIBRARIES = [
    {"op": "tag", "target": VM, "category": "Tier", "name": "gold"},
    {"op": "library", "name": "Kept", "datastore": STORE},
    {"op": "library", "name": "Old", "datastore": STORE},
    {"op": "library_item", "library": "Kept", "name": "rhel9", "type": "ovf"},
    {"op": "library_item", "library": "Old", "name": "nt4", "type": "ovf"},
    {"op": "power_off", "vm": "DC0_C0_RP0_VM2"},
    {"op": "mark_template", "vm": "DC0_C0_RP0_VM2"},
]


def posted(type_: str, **event: Any) -> dict[str, Any]:
    """The operation that writes an event; the simulator wants an extended one to name an object."""
    about = {"eventTypeId": type_, "objectType": "Folder", "objectId": "group-d1"}
    named = {"_typeName": "EventEx", **about} if "." in type_ else {"_typeName": type_}
    return {"op": "post_event", "event": {**named, **event}}


class Platform:
    """A simulated vCenter with a watch over it, and what was published of it last."""

    def __init__(self, vcsim: Vcsim, watch: Watch, published: dict[str, Tags | None]) -> None:
        self.vcsim = vcsim
        self.watch = watch
        self.published = published
        self.since = EventCursor(at=datetime.now(UTC))

    def told(self, *types: str, **event: Any) -> list[Any]:
        """What is read after the platform wrote these events, and nothing else changed."""
        for type_ in types:
            self.vcsim.apply(ops=[posted(type_, **event)])
        return self.read()

    def read(self, changes: Changes | None = None) -> list[Any]:
        return list(
            self.watch.read(
                changes or Changes(), events_since=self.since, tags=lambda: self.published
            )
        )

    def apply(self, *ops: dict[str, Any]) -> Changes:
        """What the watch is told of the operations."""
        self.vcsim.apply(ops=list(ops))
        found = self.watch.wait(2)
        while later := self.watch.wait(1):
            found |= later
        return found


@pytest.fixture
def platform(connector_to: Build) -> Iterator[Platform]:
    options: dict[str, Any] = {"dc": 1, "cluster": 1, "host": 2, "vm": 3, "standalone_host": 0}
    with start_vcsim(**options, seed="again", scenario={"ops": LIBRARIES}) as vcsim:
        published = {
            one.ref: one.tags for one in connector_to(vcsim).collect() if isinstance(one, TAGGED)
        }
        with connector_to(vcsim).watching() as watch:
            watch.begin()
            watch.prepare()
            yield Platform(vcsim, watch, published)


def of(type_: Any, items: list[Any]) -> dict[str, Any]:
    return {item.name: item for item in items if isinstance(item, type_)}


def counts(items: list[Any]) -> dict[Kind, int]:
    return {item.kind: item.expected for item in items if isinstance(item, Count)}


def test_every_event_that_makes_something_doubtful_is_asked_for() -> None:
    types = [type_ for part in TOLD_BY.values() for type_ in part]

    assert set(types) <= set(ASKED)
    assert len(types) == len(set(types))


def test_a_tag_is_told_of_whom_it_was_attached_to_or_taken_from(platform: Platform) -> None:
    platform.apply(
        {"op": "tag", "target": OTHER, "category": "Tier", "name": "lead"},
        {"op": "untag", "target": VM, "category": "Tier", "name": "gold"},
        {"op": "tag", "target": "DC0_C0_H0", "category": "Tier", "name": "lead"},
    )
    items = platform.told("com.vmware.cis.tagging.attach", "com.vmware.cis.tagging.detach")

    assert {name: one.tags for name, one in of(VirtualMachine, items).items()} == {
        OTHER: {"Tier": ("lead",)},
        VM: {},
    }
    assert of(Host, items)["DC0_C0_H0"].tags == {"Tier": ("lead",)}
    assert not of(PlatformSettings, items)
    assert counts(items) == {}


def test_tags_are_compared_with_what_is_published_and_not_with_what_was_read(
    platform: Platform,
) -> None:
    """A collection may have read them before the watch did, and other ones."""
    assert not of(TAGGED, platform.told("com.vmware.cis.tagging.attach"))
    platform.published = {
        ref: {"Tier": ("silver",)} for ref, tags in platform.published.items() if tags
    }
    items = platform.read()

    assert {name: one.tags for name, one in of(TAGGED, items).items()} == {VM: {"Tier": ("gold",)}}


def test_a_machine_that_changed_as_well_is_told_once_with_its_tags(platform: Platform) -> None:
    changes = platform.apply(
        {"op": "power_off", "vm": VM},
        {"op": "tag", "target": VM, "category": "Tier", "name": "lead"},
        posted("com.vmware.cis.tagging.attach"),
    )
    machines = [one for one in platform.read(changes) if isinstance(one, VirtualMachine)]

    assert [(one.name, one.tags) for one in machines] == [(VM, {"Tier": ("gold", "lead")})]


def test_a_tag_of_an_item_of_a_library_brings_the_libraries(platform: Platform) -> None:
    item = next(
        one
        for one in of(Image, platform.told("com.vmware.cl.SyncLibraryEvent")).values()
        if one.library_ref
    )
    platform.watch.settle()
    platform.published[item.ref] = {"Tier": ("lead",)}
    items = platform.told("com.vmware.cis.tagging.detach")

    assert of(Image, items)[item.name].tags == {}


def test_a_value_of_a_custom_attribute_is_told_without_any_event(platform: Platform) -> None:
    platform.apply({"op": "custom_field", "name": "Owner"})
    platform.watch.prepare()
    changes = platform.apply({"op": "custom_value", "target": VM, "name": "Owner", "value": "ada"})

    assert of(VirtualMachine, platform.read(changes))[VM].attributes == {"Owner": "ada"}


def test_an_attribute_that_was_defined_meanwhile_is_told_by_its_name(platform: Platform) -> None:
    changes = platform.apply(
        {"op": "custom_field", "name": "Owner"},
        {"op": "custom_value", "target": VM, "name": "Owner", "value": "ada"},
    )
    assert of(VirtualMachine, platform.read(changes))[VM].attributes == {}
    items = platform.told("CustomFieldDefAddedEvent", fieldKey=1, name="Owner")

    assert of(VirtualMachine, items)[VM].attributes == {"Owner": "ada"}


def test_a_renamed_attribute_is_told_of_all_that_carry_it(platform: Platform) -> None:
    platform.apply(
        {"op": "custom_field", "name": "Owner"},
        {"op": "custom_value", "target": VM, "name": "Owner", "value": "ada"},
        {"op": "custom_value", "target": "DC0_C0_H0", "name": "Owner", "value": "bob"},
    )
    platform.watch.prepare()
    platform.vcsim.apply(
        set=[{"type": "CustomFieldsManager", "values": {"field[name=Owner].name": "Keeper"}}]
    )
    items = platform.told("CustomFieldDefRenamedEvent", fieldKey=1, name="Owner", newName="Keeper")

    assert of(VirtualMachine, items)[VM].attributes == {"Keeper": "ada"}
    assert of(Host, items)["DC0_C0_H0"].attributes == {"Keeper": "bob"}


def test_licences_are_read_again(platform: Platform) -> None:
    added = {"licenseKey": "00000-00000-00000-00000-ABCDE", "editionKey": "esx", "name": "New"}
    platform.vcsim.apply(
        set=[
            {
                "type": "LicenseManager",
                "values": {"licenses": [{**added, "total": 4, "used": 0, "costUnit": "cpu"}]},
            }
        ]
    )
    items = platform.told("com.vmware.license.AddLicenseEvent")

    [vcenter] = of(PlatformSettings, items).values()
    assert [one.name for one in vcenter.licences or ()] == ["New"]
    assert counts(items) == {Kind.PLATFORM: 1}
    assert not of(TAGGED, items)


def test_definitions_of_alarms_are_read_again(platform: Platform) -> None:
    platform.vcsim.apply(set=[{"type": "Alarm", "values": {"info.enabled": False}}])
    items = platform.told("AlarmReconfiguredEvent")

    [vcenter] = of(PlatformSettings, items).values()
    assert {one.enabled for one in vcenter.alarms or ()} == {False}


def test_libraries_are_read_again_with_all_images(platform: Platform) -> None:
    platform.apply(
        {"op": "remove_library", "name": "Old"},
        {"op": "library_item", "library": "Kept", "name": "rhel10", "type": "ovf"},
    )
    items = platform.told("com.vmware.cl.DeleteLibraryEvent")

    [vcenter] = of(PlatformSettings, items).values()
    assert [one.name for one in vcenter.libraries or ()] == ["Kept"]
    assert set(of(Image, items)) == {"rhel9", "rhel10", "DC0_C0_RP0_VM2"}
    assert counts(items) == {Kind.PLATFORM: 1, Kind.IMAGE: 3}
    assert not of(VirtualMachine, items)


def test_what_stands_in_libraries_is_told_only_when_they_were_read_again(
    platform: Platform,
) -> None:
    platform.told("com.vmware.cl.SyncLibraryEvent")
    platform.watch.settle()
    changes = platform.apply({"op": "power_off", "vm": VM})

    assert not of(Image, platform.read(changes))


def test_an_event_is_settled_by_being_published(platform: Platform) -> None:
    """What was read and could not be published would be lost otherwise."""
    platform.told("com.vmware.license.RemoveLicenseEvent")
    assert of(PlatformSettings, platform.read())
    platform.watch.settle()

    assert not of(PlatformSettings, platform.read())


def test_too_many_objects_are_left_to_a_collection(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereading, "AT_MOST", 4)
    items = platform.told("CustomFieldDefRemovedEvent", fieldKey=1, name="Owner")

    assert [one.code for one in items if isinstance(one, Doubt)] == ["too-many"]
    assert not of(TAGGED, items)


@pytest.mark.parametrize(
    ("event", "seen"),
    [
        ("com.vmware.cis.tagging.attach", {"tags"}),
        ("com.vmware.cl.SyncLibraryEvent", {"libraries"}),
    ],
)
def test_an_interface_that_refuses_is_a_blind_spot_and_nothing_is_counted(
    platform: Platform, event: str, seen: set[str]
) -> None:
    platform.apply({"op": "rest", "status": 403})
    items = platform.told(event)

    assert {one.property for one in items if isinstance(one, BlindSpot)} >= seen
    assert Kind.IMAGE not in counts(items)


def test_what_is_refused_once_is_a_doubt(platform: Platform) -> None:
    platform.vcsim.faults([{"method": "GetAlarm", "fault": "RuntimeFault"}])
    items = platform.told("AlarmCreatedEvent")

    assert [one for one in items if isinstance(one, BlindSpot | Doubt)]


def test_a_list_that_is_refused_ends_the_watch(platform: Platform) -> None:
    platform.vcsim.faults([{"method": "RetrieveAllPermissions", "fault": "RuntimeFault"}])
    with pytest.raises(CollectionFailed):
        platform.told("com.vmware.cis.CreateGlobalPermission")
