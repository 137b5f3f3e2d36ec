from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from inventory.connectors.vsphere.mapping import machines
from inventory.records import Image, Machine, PowerState, Snapshot, VirtualMachine
from tests.inventory.connectors.vsphere.pages import (
    a_property,
    a_text,
    an_estate,
    facts_of,
    recorded,
    withheld,
)

IDENTITY = a_text("config.instanceUuid", "50-aa")
TEMPLATE = a_property("config.template", "true", "xsd:boolean")


def a_machine(*properties: str, estate: Any = None) -> VirtualMachine:
    found = machines.machine(
        facts_of(IDENTITY, a_text("name", "web"), *properties), estate or an_estate()
    )
    assert isinstance(found, VirtualMachine)
    return found


def a_template(*properties: str, estate: Any = None) -> Image:
    found = machines.machine(
        facts_of(IDENTITY, a_text("name", "gold"), TEMPLATE, *properties), estate or an_estate()
    )
    assert isinstance(found, Image)
    return found


def option(key: str, content: str, type_: str = "xsd:string") -> str:
    return f'<OptionValue><key>{key}</key><value xsi:type="{type_}">{content}</value></OptionValue>'


def test_the_simulators_machine_is_read_whole() -> None:
    estate = an_estate()
    estate.network_by_key = {"dvportgroup-12": "dvportgroup-12"}
    [facts] = recorded("VirtualMachine")

    vm = machines.machine(facts, estate)

    assert isinstance(vm, VirtualMachine)
    assert vm.ref == "vm-29"
    assert vm.name == "DC0_C0_RP0_VM0"
    assert vm.power_state is PowerState.ON
    assert vm.cpu_count == 1
    assert vm.memory_mib == 32
    assert vm.firmware == "bios"
    assert vm.nics is not None
    assert vm.nics[0].network_ref == "dvportgroup-12"
    assert vm.nics[0].mac == (vm.nics[0].mac or "").lower()
    assert vm.disks is not None
    assert vm.disks[0].capacity_bytes == 10737418240
    assert vm.disks[0].mode == "persistent"
    assert [device.type for device in vm.devices or ()] == ["cdrom"]
    assert {file.type for file in vm.files or ()} >= {"config", "nvram", "diskExtent"}
    assert vm.extra_config == {}


def test_every_property_read_exists_in_the_vsphere_api() -> None:
    from tests.inventory.connectors.vsphere.metadata import type_of

    for path in machines.PATHS:
        assert type_of("VirtualMachine", path)


def test_what_is_unset_is_empty() -> None:
    vm = a_machine()

    assert vm.annotation == ""
    assert vm.snapshots == ()
    assert vm.nics == ()
    assert vm.disks == ()
    assert vm.devices == ()
    assert vm.extra_config == {}
    assert vm.attributes == {}
    assert vm.guest_nics == ()
    assert vm.encrypted is False
    assert vm.secure_boot is False


@pytest.mark.parametrize("build", [a_machine, a_template])
def test_what_is_withheld_is_unknown(build: Callable[..., Machine]) -> None:
    told = {"name", "config.instanceUuid", "config.template"}
    estate = an_estate()
    estate.tags = None  # they come by an interface of their own
    silent = [withheld(path) for path in machines.PATHS if path not in told]
    one = build(*silent, estate=estate)

    known = {
        name
        for name in one.__struct_fields__
        if getattr(one, name) is not None and name not in {"platform", "uid", "ref", "name", "type"}
    }
    assert known == set()


def test_a_property_of_a_withheld_section_is_withheld_too() -> None:
    facts = facts_of(IDENTITY, withheld("config.hardware"))

    assert facts.withheld("config.hardware.device")
    assert not facts.withheld("config.hardwareVersion")


def test_only_hardening_keys_of_the_extra_configuration_are_kept() -> None:
    kept = a_machine(
        a_property(
            "config.extraConfig",
            option("isolation.tools.copy.disable", "TRUE")
            + option("remotedisplay.maxconnections", "1")
            + option("RemoteDisplay.vnc.password", "hunter2")
            + option("guestinfo.userdata", "c2VjcmV0")
            + option("isolation.tools.unknownSwitch.disable", "true", "xsd:boolean")
            + option("ethernet0.filter4.name", "dvfilter-x")
            + option("sched.mem.pshare.salt", "7", "xsd:int")
            + option("vmx.license.key", "abc"),
            "ArrayOfOptionValue",
        )
    ).extra_config

    assert kept == {
        "RemoteDisplay.maxConnections": "1",
        "ethernet0.filter4.name": "dvfilter-x",
        "isolation.tools.copy.disable": "TRUE",
        "isolation.tools.unknownSwitch.disable": "true",
        "sched.mem.pshare.salt": "7",
    }


def snapshot(name: str, *children: str, ref: str = "") -> str:
    inner = "".join(
        child.replace("<VirtualMachineSnapshotTree>", "<childSnapshotList>").replace(
            "</VirtualMachineSnapshotTree>", "</childSnapshotList>"
        )
        for child in children
    )
    return (
        "<VirtualMachineSnapshotTree>"
        f'<snapshot type="VirtualMachineSnapshot">snapshot-{ref or name}</snapshot>'
        f"<name>{name}</name><description>why</description><id>1</id>"
        "<createTime>2026-03-01T12:00:00Z</createTime><state>poweredOn</state>"
        f"<quiesced>false</quiesced>{inner}</VirtualMachineSnapshotTree>"
    )


def test_snapshots_are_flat_with_parents_before_children() -> None:
    tree = snapshot("a", snapshot("b"), snapshot("c")) + snapshot("d")
    found = a_machine(
        a_property("snapshot.rootSnapshotList", tree, "ArrayOfVirtualMachineSnapshotTree")
    ).snapshots

    assert [(one.name, one.depth) for one in found or ()] == [
        ("a", 0),
        ("b", 1),
        ("c", 1),
        ("d", 0),
    ]
    assert (found or ())[0] == Snapshot(
        uid="snapshot-a",
        name="a",
        created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        depth=0,
        description="why",
        quiesced=False,
        power_state="on",
    )


def test_a_long_chain_of_snapshots_is_read_to_its_end() -> None:
    chain = "".join(
        f"<{'VirtualMachineSnapshotTree' if depth == 0 else 'childSnapshotList'}>"
        f'<snapshot type="VirtualMachineSnapshot">snapshot-{depth}</snapshot><name>{depth}</name>'
        "<createTime>2026-03-01T12:00:00Z</createTime>"
        for depth in range(200)
    )
    chain += "</childSnapshotList>" * 199 + "</VirtualMachineSnapshotTree>"
    found = a_machine(
        a_property("snapshot.rootSnapshotList", chain, "ArrayOfVirtualMachineSnapshotTree")
    ).snapshots

    assert [one.depth for one in found or ()] == list(range(200))


def test_how_a_machine_starts_is_read() -> None:
    order = "".join(
        f'<BootableDevice xsi:type="VirtualMachineBootOptionsBootable{kind}Device">'
        "<deviceKey>4000</deviceKey></BootableDevice>"
        for kind in ("Ethernet", "Disk", "Disk")
    )
    vm = a_machine(
        a_property(
            "config.bootOptions.bootOrder",
            order,
            "ArrayOfVirtualMachineBootOptionsBootableDevice",
        ),
        a_property("config.bootOptions.enterBIOSSetup", "true", "xsd:boolean"),
    )

    assert vm.boot_order == ("ethernet", "disk", "disk")
    assert vm.enters_setup is True


def test_what_protects_a_machine_on_its_way_is_read() -> None:
    vm = a_machine(
        a_text("config.migrateEncryption", "opportunistic"),
        a_text("config.ftEncryptionMode", "ftEncryptionRequired"),
    )

    assert (vm.migrate_encryption, vm.ft_encryption) == ("opportunistic", "ftEncryptionRequired")
    older = a_machine()
    assert (older.migrate_encryption, older.ft_encryption) == (None, None)


def test_who_manages_a_machine_is_read() -> None:
    manager = "<extensionKey>com.vmware.vcHms</extensionKey><type>shadowVm</type>"
    vm = a_machine(a_property("config.managedBy", manager, "ManagedByInfo"))

    assert vm.managed_by == "com.vmware.vcHms"
    assert a_machine().managed_by == ""
    assert a_machine(withheld("config.managedBy")).managed_by is None


def test_when_a_machine_was_changed_and_suspended_is_read() -> None:
    vm = a_machine(
        a_property("config.modified", "2026-03-01T12:00:00Z", "xsd:dateTime"),
        a_property("runtime.suspendTime", "2026-03-02T12:00:00Z", "xsd:dateTime"),
        a_text("guest.customizationInfo.customizationStatus", "TOOLSDEPLOYPKG_SUCCEEDED"),
    )

    assert vm.modified_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert vm.suspended_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert vm.customization == "TOOLSDEPLOYPKG_SUCCEEDED"


def test_a_machine_says_which_snapshot_it_runs_on() -> None:
    current = (
        '<propSet><name>snapshot.currentSnapshot</name><val type="VirtualMachineSnapshot"'
        ' xsi:type="ManagedObjectReference">snapshot-7</val></propSet>'
    )

    assert a_machine(current).current_snapshot == "snapshot-7"
    assert a_machine().current_snapshot == ""


def test_custom_attributes_are_named_and_assigned() -> None:
    estate = an_estate(classification="Data class", owner="Owner", team="Team")
    estate.field_names = {"101": "Data class", "102": "Owner", "103": "Cost"}
    values = "".join(
        f'<CustomFieldValue xsi:type="CustomFieldStringValue"><key>{key}</key><value>{text}</value>'
        "</CustomFieldValue>"
        for key, text in ((101, " confidential "), (103, "77"), (999, "of nobody"))
    )
    vm = a_machine(a_property("customValue", values, "ArrayOfCustomFieldValue"), estate=estate)

    assert vm.attributes == {"Cost": "77", "Data class": " confidential "}
    assert vm.classification == "confidential"
    assert vm.owner == ""  # the attribute exists and is not set
    assert vm.criticality is None  # no attribute carries it
    assert vm.team == ""


def test_attributes_are_unknown_when_their_names_are_withheld() -> None:
    estate = an_estate(classification="Data class")
    estate.field_names = None

    vm = a_machine(estate=estate)

    assert vm.attributes is None
    assert vm.classification is None


def test_a_template_is_an_image() -> None:
    found = a_template(
        a_property("config.modified", "2026-01-01T00:00:00Z", "xsd:dateTime"),
        a_text("config.version", "vmx-19"),
    )

    assert found.type == "template"
    assert found.modified_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.hardware_version == 19
    assert found.library_ref is None


def test_a_template_says_everything_of_its_configuration_that_a_machine_says() -> None:
    [facts] = recorded("VirtualMachine")
    estate = an_estate()
    estate.network_by_key = {"dvportgroup-12": "dvportgroup-12"}
    machine = machines.machine(facts, estate)
    facts._values["config.template"] = True

    template = machines.machine(facts, estate)

    assert isinstance(template, Image)
    assert all((template.nics, template.disks, template.devices, template.bios_uuid))
    for name in Machine.__struct_fields__:
        if name != "files":  # their sizes do not change
            assert getattr(template, name) == getattr(machine, name), name


FILES = a_property(
    "layoutEx.file",
    "".join(
        f"<VirtualMachineFileLayoutExFileInfo><key>{key}</key><name>[ds] a/{name}</name>"
        f"<type>{type_}</type><size>{1024 * key}</size></VirtualMachineFileLayoutExFileInfo>"
        for key, (name, type_) in enumerate(
            (("a.vmx", "config"), ("a.vmdk", "diskExtent"), ("a.vmem", "snapshotMemory")), 1
        )
    ),
    "ArrayOfVirtualMachineFileLayoutExFileInfo",
)


def test_a_file_tells_its_size_where_that_stays_what_it_is() -> None:
    def sizes(one: Machine) -> dict[str, int | None]:
        return {file.type: file.size_bytes for file in one.files or ()}

    machine = sizes(a_machine(FILES))
    assert machine == {"config": None, "diskExtent": None, "snapshotMemory": 3072}
    template = sizes(a_template(FILES))
    assert template == {"config": 1024, "diskExtent": 2048, "snapshotMemory": 3072}


def test_where_a_machine_is_written_whether_tools_may_set_its_clock_and_its_keys_are_read() -> None:
    vm = a_machine(
        a_text("config.files.vmPathName", "[ds] a/a.vmx"),
        a_property("config.tools.syncTimeWithHostAllowed", "false", "xsd:boolean"),
        a_text("runtime.cryptoState", "locked"),
    )

    assert (vm.config_file, vm.tools_sync_allowed, vm.crypto_state) == (
        "[ds] a/a.vmx",
        False,
        "locked",
    )
    assert a_machine().tools_sync_allowed is None


ITEM_INFO = a_property(
    "config.contentLibItemInfo",
    "<contentLibraryItemUuid>9f2c</contentLibraryItemUuid>"
    "<contentLibraryItemVersion>3</contentLibraryItemVersion>",
    "VirtualMachineContentLibraryItemInfo",
)


@pytest.mark.parametrize("is_template", ["true", "false"])
def test_a_machine_or_template_says_which_item_of_a_library_it_belongs_to(
    is_template: str,
) -> None:
    template = a_property("config.template", is_template, "xsd:boolean")

    of_one = machines.machine(facts_of(IDENTITY, template, ITEM_INFO), an_estate())
    of_none = machines.machine(facts_of(IDENTITY, template), an_estate())

    assert (of_one.library_item, of_one.library_item_version) == ("9f2c", "3")
    assert (of_none.library_item, of_none.library_item_version) == ("", "")


def test_a_platform_that_does_not_offer_libraries_leaves_it_unknown() -> None:
    found = a_machine(withheld("config.contentLibItemInfo"))

    assert (found.library_item, found.library_item_version) == (None, None)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ((withheld("config.instanceUuid"),), "may not read the configuration"),
        ((withheld("config"),), "may not read the configuration"),
        (
            (a_property("runtime.connectionState", "orphaned", "VirtualMachineConnectionState"),),
            "orphaned",
        ),
        ((a_text("config.instanceUuid", ""),), "no configuration"),
    ],
)
def test_a_machine_without_an_identity_says_why(properties: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        machines.machine(facts_of(a_text("name", "ghost"), *properties), an_estate())


def test_names_are_shown_as_people_write_them() -> None:
    vm = a_machine(a_text("name", "prod%2fdb %5c %25 %zz"))

    assert vm.name == "prod/db \\ % %zz"


def test_the_folder_is_the_path_from_the_root() -> None:
    estate = an_estate()
    for ref, parent, name in (("dc-1", "group-d1", "East"), ("group-v2", "dc-1", "vm")):
        reference = (
            f'<propSet><name>parent</name><val type="Folder" xsi:type="ManagedObjectReference">'
            f"{parent}</val></propSet>"
        )
        estate.add(facts_of(a_text("name", name), reference, ref=ref, type_="Folder"))
    parent = (
        '<propSet><name>parent</name><val type="Folder" xsi:type="ManagedObjectReference">'
        "{}</val></propSet>"
    )

    assert a_machine(parent.format("group-v2"), estate=estate).folder == "/East/vm"
    assert a_machine(parent.format("group-v9"), estate=estate).folder is None


def test_a_loop_of_folders_has_no_path() -> None:
    estate = an_estate()
    for ref, parent in (("group-1", "group-2"), ("group-2", "group-1")):
        reference = (
            f'<propSet><name>parent</name><val type="Folder" xsi:type="ManagedObjectReference">'
            f"{parent}</val></propSet>"
        )
        estate.add(facts_of(a_text("name", ref), reference, ref=ref, type_="Folder"))

    assert estate.path("group-1") is None


def test_facts_are_compared_by_meaning_not_by_the_order_of_the_answer() -> None:
    def refs(*found: str) -> str:
        inner = "".join(
            f'<ManagedObjectReference type="Datastore" xsi:type="ManagedObjectReference">{ref}'
            "</ManagedObjectReference>"
            for ref in found
        )
        return a_property("datastore", inner, "ArrayOfManagedObjectReference")

    assert a_machine(refs("datastore-2", "datastore-1")) == a_machine(
        refs("datastore-1", "datastore-2")
    )
