"""What a workbook of RVTools says, and that what it does not say stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import openpyxl
import pytest

from inventory.connectors.base import BlindSpot, CollectionFailed, Count, Doubt, Unreadable
from inventory.connectors.rvtools.reading import Collected, Reading
from inventory.records import (
    Disk,
    Host,
    HostPortGroup,
    HostSwitch,
    Image,
    Kind,
    Machine,
    Network,
    PhysicalNic,
    PowerState,
    SecurityPolicy,
    Snapshot,
    VirtualMachine,
    VmkernelNic,
    encode,
    kind_of,
)
from tests.inventory.connectors.rvtools.book import (
    INSTANCE,
    Rows,
    estate,
    host,
    machine,
    uuid,
    written,
)

NOTES = (BlindSpot, Count, Doubt, Unreadable)


def collected(tabs: dict[str, Rows] | bytes, **given: Any) -> Collected:
    data = tabs if isinstance(tabs, bytes) else written(tabs)
    given = {"attributes": {"owner": "Owner"}, "collected_at": None, **given}
    return Reading(BytesIO(data), **given).read()


def records(tabs: dict[str, Rows] | bytes, **given: Any) -> dict[str, Any]:
    items = collected(tabs, **given).items
    return {item.ref: item for item in items if not isinstance(item, NOTES)}


def without(tabs: dict[str, Rows], tab: str, *columns: str) -> dict[str, Rows]:
    """The estate without a tab, or without columns of it."""
    if not columns:
        return {name: rows for name, rows in tabs.items() if name != tab}
    slim = [{key: row[key] for key in row if key not in columns} for row in tabs[tab]]
    return {**tabs, tab: slim}


def refusal(tabs: dict[str, Rows], **given: Any) -> str:
    with pytest.raises(CollectionFailed) as caught:
        collected(tabs, **given)
    return str(caught.value)


# --- what is said -------------------------------------------------------------------------------


def test_a_machine_is_put_together_from_its_rows_in_every_tab():
    vm = records(estate())["vm-1"]

    assert isinstance(vm, VirtualMachine)
    assert (vm.uid, vm.name, vm.host_ref) == (uuid(1), "far-1", "host-1")
    assert (vm.power_state, vm.cpu_count, vm.memory_mib) == (PowerState.ON, 4, 16_384)
    assert (vm.firmware, vm.secure_boot, vm.hardware_version) == ("efi", True, 19)
    assert vm.created_at == datetime(2025, 11, 2, 9, tzinfo=UTC)
    assert vm.resource_pool_ref == "resgroup-8"
    assert (vm.owner, vm.attributes, vm.classification) == ("Ann", {"Owner": "Ann"}, None)
    assert vm.disks == (
        Disk(
            key="2000",
            label="Hard disk 1",
            capacity_bytes=40 * 1024**3,
            file="[LUN1] far-1/far-1.vmdk",
            mode="persistent",
            sharing="sharingNone",
            thin=True,
        ),
    )
    [nic] = vm.nics or ()
    assert (nic.mac, nic.network_ref, nic.network_name) == (
        "00:50:56:aa:bb:01",
        "dvportgroup-21",
        "prod",
    )
    assert vm.snapshots == (
        Snapshot(
            uid="[LUN1] far-1/far-1-Snapshot1.vmsn",
            name="before the upgrade",
            created_at=datetime(2026, 1, 5, 10, tzinfo=UTC),
            quiesced=False,
        ),
    )
    assert (vm.tools_running, vm.tools_version_status, vm.tools_sync_time) == (
        True,
        "guestToolsNeedUpgrade",
        True,
    )


def test_a_template_is_an_image():
    assert isinstance(records(estate())["vm-3"], Image)


def test_a_template_says_what_the_workbook_says_of_any_machine():
    tabs = estate()
    tabs["vInfo"][0] = machine(1, Template="True")
    vm, image = records(estate())["vm-1"], records(tabs)["vm-1"]

    assert isinstance(image, Image)
    assert all((image.nics, image.disks, image.snapshots, image.firmware, image.memory_mib))
    for name in Machine.__struct_fields__:
        assert getattr(image, name) == getattr(vm, name), name
    assert image.tpm is None  # no tab says


def test_a_host_carries_its_network_and_its_time_servers():
    found = records(estate())["host-1"]

    assert isinstance(found, Host)
    assert found.uid.startswith("4c4c4544-")
    assert (found.version, found.build) == ("8.0.3", "24022510")
    assert found.time_servers == ("ntp1.example.org", "ntp2.example.org")
    assert found.cluster_ref == "domain-c8"
    loose = SecurityPolicy(promiscuous=False, mac_changes=False, forged_transmits=True)
    assert found.switches == (HostSwitch(name="vSwitch0", pnics=("vmnic0",), security=loose),)
    assert found.port_groups == (
        HostPortGroup(name="Management", switch="vSwitch0", vlan_id=10, security=loose),
    )
    assert found.vmkernel_nics == (
        VmkernelNic(
            device="vmk0", ip="10.1.0.11", mac="aa:00:00:00:00:01", port_group="Management"
        ),
    )
    assert found.pnics == (
        PhysicalNic(
            name="vmnic0",
            mac="aa:00:00:00:00:01",
            link_up=True,
            speed_mbps=10_000,
            driver="ixgben",
        ),
        PhysicalNic(name="vmnic1", link_up=False, driver="ixgben"),
    )


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ("0", ("none", 0, None)),
        ("20", ("vlan", 20, None)),
        ("0-4094", ("trunk", None, ((0, 4094),))),
        ("1-4, 7-9", ("trunk", None, ((1, 4), (7, 9)))),
        ("private 7", (None, None, None)),
    ],
)
def test_a_vlan_is_read_in_every_way_it_is_written(said: str, fields: tuple[Any, ...]):
    tabs = estate()
    tabs["dvPort"][0]["VLAN"] = said

    network = records(tabs)["dvportgroup-21"]

    assert isinstance(network, Network)
    assert (network.vlan_type, network.vlan_id, network.vlan_ranges) == fields
    assert network.switch_ref == "dvs-20"


def test_names_of_older_versions_are_understood():
    tabs = estate()
    tabs["vDisk"] = [
        {"Capacity MB" if key == "Capacity MiB" else key: value for key, value in row.items()}
        for row in tabs["vDisk"]
    ]
    tabs = {f"tab{name}": rows for name, rows in tabs.items()}

    vm = records(tabs)["vm-1"]

    assert vm.disks[0].capacity_bytes == 40 * 1024**3
    assert vm.nics


def test_a_workbook_that_somebody_saved_in_another_program_reads_the_same():
    data = written(estate())
    book, file = openpyxl.load_workbook(BytesIO(data)), BytesIO()
    book.save(file)

    assert records(file.getvalue()) == records(data)


def test_the_moment_is_what_was_told_else_what_rvtools_wrote_else_what_the_file_says():
    told = datetime(2026, 1, 1, tzinfo=UTC)
    assert collected(estate(), collected_at=told).collected_at == told
    first = collected(estate())
    assert (first.collected_at, first.is_local_time) == (
        datetime(2026, 3, 2, 8, 15, tzinfo=UTC),
        True,
    )

    def properties(book: Any) -> None:
        book.set_properties({"created": datetime(2026, 2, 1, 7, 0)})  # noqa: DTZ001  # as it takes it

    last = collected(written(without(estate(), "vMetaData"), properties))
    assert (last.collected_at, last.is_local_time) == (datetime(2026, 2, 1, 7, tzinfo=UTC), False)


# --- what is not said ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tab", "field"),
    [
        ("vDisk", "disks"),
        ("vNetwork", "nics"),
        ("vNetwork", "guest_nics"),
        ("vSnapshot", "snapshots"),
        ("vTools", "tools_running"),
    ],
)
def test_without_a_tab_its_facts_are_unknown(tab: str, field: str):
    assert getattr(records(estate())["vm-1"], field) is not None
    assert getattr(records(without(estate(), tab))["vm-1"], field) is None


def test_a_machine_without_a_row_in_a_tab_that_is_there_has_none():
    vm = records(estate())["vm-2"]

    assert (vm.snapshots, vm.disks, vm.nics) == ((), (), ())


def test_a_tab_that_names_machines_by_their_name_alone_is_no_statement_about_them():
    tabs = without(estate(), "vSnapshot", "VM ID", "VM UUID")

    assert records(tabs)["vm-1"].snapshots is None


@pytest.mark.parametrize(
    ("tab", "column", "ref", "field"),
    [
        ("vInfo", "EFI Secure boot", "vm-1", "secure_boot"),
        ("vInfo", "Powerstate", "vm-1", "power_state"),
        ("vHost", "NTP Server(s)", "host-1", "time_servers"),
        ("vHost", "in Maintenance Mode", "host-1", "in_maintenance"),
        ("vDatastore", "Accessible", "datastore-30", "accessible"),
    ],
)
def test_without_a_column_its_fact_is_unknown(tab: str, column: str, ref: str, field: str):
    assert getattr(records(estate())[ref], field) is not None
    assert getattr(records(without(estate(), tab, column))[ref], field) is None


def test_what_no_workbook_says_is_unknown_and_named_as_a_blind_spot():
    found = collected(estate())
    spots = {(item.kind, item.property) for item in found.items if isinstance(item, BlindSpot)}
    one = records(estate())["host-1"]

    assert (one.services, one.options, one.lockdown_mode, one.firewall_rules) == (None,) * 4
    assert {(Kind.HOST, "services"), (Kind.HOST, "lockdown_mode")} <= spots
    assert (Kind.VM, "extra_config") in spots
    assert (Kind.VM, "secure_boot") not in spots
    assert (Kind.VM, "classification") not in spots  # nobody asked for it


def test_a_host_on_a_distributed_switch_does_not_look_as_if_it_had_no_other():
    tabs = estate()
    tabs["dvSwitch"][0]["Host members"] = "esx-far-1.example.org"

    assert records(tabs)["host-1"].switches is None
    assert records(without(estate(), "dvSwitch"))["host-1"].switches is None


def test_kinds_a_workbook_cannot_say_are_doubted_and_all_kinds_are_counted():
    items = collected(estate()).items

    doubted = {item.kind for item in items if isinstance(item, Doubt)}
    counts = {item.kind: item.expected for item in items if isinstance(item, Count)}
    assert doubted == {Kind.ROLE, Kind.GRANT, Kind.PRINCIPAL, Kind.PLATFORM, Kind.NETWORK}
    assert set(counts) == set(Kind)
    assert (counts[Kind.VM], counts[Kind.IMAGE], counts[Kind.HOST]) == (2, 1, 1)


def test_a_kind_whose_tab_is_missing_is_doubted():
    items = collected(without(estate(), "vDatastore")).items

    assert Kind.DATASTORE in {item.kind for item in items if isinstance(item, Doubt)}


@pytest.mark.parametrize(
    "cells", [{"VM UUID": ""}, {"VM ID": ""}, {"Template": "perhaps"}, {"Template": ""}]
)
def test_a_row_without_an_identity_is_set_aside_and_spoils_nothing_else(cells: dict[str, str]):
    tabs = estate()
    tabs["vInfo"][1] = machine(2, **cells)

    items = collected(tabs).items

    [odd] = [item for item in items if isinstance(item, Unreadable)]
    assert odd.name == "far-2"
    assert "vm-1" in records(tabs)


def test_a_host_without_an_object_id_is_set_aside_since_a_name_is_no_identity():
    tabs = {**estate(), "vHost": [host(1, **{"Object ID": ""})]}

    [odd] = [item for item in collected(tabs).items if isinstance(item, Unreadable)]

    assert (odd.kind, odd.name) == (Kind.HOST, "esx-far-1.example.org")


def test_a_name_that_two_objects_have_leads_to_neither():
    tabs = estate()
    tabs["vHost"] = [host(1), host(2, Host="esx-far-1.example.org")]

    assert records(tabs)["vm-1"].host_ref is None


@pytest.mark.parametrize("taken", ["3/4/2026 10:00", "soon", "", "99999999", "2026/13/45 10:00"])
def test_a_snapshot_whose_time_cannot_be_read_sets_its_machine_aside(taken: str):
    tabs = estate()
    tabs["vSnapshot"][0]["Date / time"] = taken

    [odd] = [item for item in collected(tabs).items if isinstance(item, Unreadable)]

    assert "snapshot" in odd.reason


def test_dates_that_excel_counts_in_days_are_read():
    tabs = estate()
    tabs["vSnapshot"][0]["Date / time"] = 46_027.5

    assert records(tabs)["vm-1"].snapshots[0].created_at == datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("said", ["-4", "1e400", "4.5", "9" * 400, "four", "4,5", "٤"])
def test_a_number_that_is_none_is_unknown(said: str):
    tabs = estate()
    for tab in ("vInfo", "vCPU"):
        tabs[tab][0]["CPUs"] = said

    assert records(tabs)["vm-1"].cpu_count is None


def test_columns_and_tabs_that_nothing_is_known_about_are_told():
    tabs = estate()
    tabs["vHost"][0]["Shoe size"] = "44"
    tabs["vShoes"] = [{"Size": 44}]

    found = collected(tabs)

    assert found.columns_not_read["vHost"] == ["Datacenter", "VI SDK Server", "Shoe size"]
    assert found.tabs_not_read == ["vShoes"]


def test_licence_keys_are_not_read():
    text = b"".join(encode(one) for one in records(estate()).values())

    assert b"SECRET-KEY" not in text


# --- what is refused ----------------------------------------------------------------------------


def test_a_workbook_of_several_vcenters_is_refused():
    tabs = estate()
    tabs["vHost"][0]["VI SDK UUID"] = INSTANCE.replace("a", "b")

    assert "of 2 vCenters" in refusal(tabs)


def test_a_workbook_that_does_not_say_of_which_vcenter_or_when_is_refused():
    assert "lacks VI SDK UUID" in refusal(without(estate(), "vInfo", "VI SDK UUID"))
    assert "no UUID" in refusal({**without(estate(), "x"), **_with_instance("x" * 5000)})
    assert "no tab vInfo" in refusal(without(estate(), "vInfo"))


def _with_instance(instance: str) -> dict[str, Rows]:
    return {
        tab: [row | {"VI SDK UUID": instance} if "VI SDK UUID" in row else row for row in rows]
        for tab, rows in estate().items()
    }


def test_every_record_is_of_a_kind_and_has_an_identity():
    for record in records(estate()).values():
        assert kind_of(record) in Kind
        assert record.uid
        assert record.name
