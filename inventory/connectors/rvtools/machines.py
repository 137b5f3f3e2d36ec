"""Virtual machines and templates, from the tabs that have a row for each or for a part of each."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from inventory.connectors.rvtools import values
from inventory.connectors.rvtools.fabric import Names
from inventory.connectors.rvtools.tabs import Cells, Tab
from inventory.records import (
    Disk,
    GuestNic,
    Image,
    Nic,
    Platform,
    PowerState,
    Snapshot,
    VirtualMachine,
)

_POWER: Final = {
    "poweredon": PowerState.ON,
    "poweredoff": PowerState.OFF,
    "suspended": PowerState.SUSPENDED,
}
_TOOLS_RUN: Final = {
    "toolsok": True,
    "toolsold": True,
    "toolsnotrunning": False,
    "toolsnotinstalled": False,
}
_TOOLS_VERSION: Final = {
    "toolsold": "guestToolsNeedUpgrade",
    "toolsnotinstalled": "guestToolsNotInstalled",
}


class OfMachines:
    """The rows of a tab by machine; None of a machine when the tab cannot be told apart by it."""

    def __init__(self, tab: Tab, rows: list[Cells]) -> None:
        """Rows are told apart by the machine's ids; names are not unique."""
        self.is_there = tab.sheet is not None and bool({"uuid", "id"} & tab.has)
        self._by = "uuid" if "uuid" in tab.has else "id"
        self._rows: dict[str, list[Cells]] = defaultdict(list)
        for row in rows:
            self._rows[row.get(self._by, "")].append(row)

    def of(self, machine: Cells) -> list[Cells] | None:
        return self._rows.get(machine[self._by], []) if self.is_there else None


class Around:
    """What is known about the estate while machines are made into records."""

    def __init__(self, parts: dict[str, OfMachines], *, is_1904: bool) -> None:
        self.parts = parts
        self.is_1904 = is_1904
        self.hosts = Names()
        self.pools = Names()
        self.port_groups = Names()

    def moment(self, cells: Cells, name: str) -> Any:
        return values.moment(cells.get(name, ""), is_1904=self.is_1904)


def machine(
    cells: Cells, around: Around, attributes: dict[str, str], assigned: dict[str, Any]
) -> VirtualMachine | Image:
    """The machine of a row of vInfo; raise ValueError when it has no identity."""
    if not cells.get("uuid") or not cells.get("id"):
        raise ValueError("The workbook does not say its id.")
    template = values.flag(cells, "template")
    if template is None:
        raise ValueError("The workbook does not say whether this is a machine or a template.")
    said = {
        "platform": Platform.VSPHERE,
        "uid": cells["uuid"],
        "ref": cells["id"],
        "name": cells.get("name") or cells["id"],
        **_configuration(cells, around),
        "attributes": attributes,
        **assigned,
    }
    return Image(**said) if template else VirtualMachine(**said, **_life(cells, around))


def _configuration(cells: Cells, around: Around) -> dict[str, Any]:
    """What a machine and a template have in common."""
    cards, tools = around.parts["vNetwork"].of(cells), _only(around.parts["vTools"].of(cells))
    return {
        "bios_uuid": values.text(cells, "bios_uuid"),
        "connection_state": values.text(cells, "connection"),
        "host_ref": around.hosts.ref(values.text(cells, "host")),
        "folder": values.text(cells, "folder"),
        "cpu_count": _first(cells, _only(around.parts["vCPU"].of(cells)), "cpus"),
        "memory_mib": _first(cells, _only(around.parts["vMemory"].of(cells)), "memory"),
        "guest_os": values.text(cells, "guest"),
        "annotation": values.text(cells, "annotation"),
        "created_at": around.moment(cells, "created"),
        "hardware_version": _hardware(cells),
        "tools_version_status": _TOOLS_VERSION.get(tools.get("tools", "").lower()),
        "firmware": (values.text(cells, "firmware") or "").lower() or None,
        "secure_boot": values.flag(cells, "secure_boot"),
        "consolidation_needed": values.flag(cells, "consolidate"),
        "tools_sync_time": values.flag(tools, "sync"),
        "nics": None if cards is None else tuple(_nic(row, around) for row in cards),
        "disks": _disks(around.parts["vDisk"].of(cells)),
        "snapshots": _snapshots(around.parts["vSnapshot"].of(cells), around),
    }


def _life(cells: Cells, around: Around) -> dict[str, Any]:
    """What only something that can run has."""
    cards, tools = around.parts["vNetwork"].of(cells), _only(around.parts["vTools"].of(cells))
    return {
        "power_state": _POWER.get(cells.get("power", "").lower()),
        "resource_pool_ref": around.pools.ref(values.text(cells, "pool")),
        "guest_hostname": values.text(cells, "hostname"),
        "guest_nics": None if cards is None else _guest_nics(cards),
        "booted_at": around.moment(cells, "booted"),
        "tools_running": _TOOLS_RUN.get(tools.get("tools", "").lower()),
    }


def _only(rows: list[Cells] | None) -> Cells:
    """The row of a tab that has one for each machine; when there are several, none is believed."""
    return rows[0] if rows is not None and len(rows) == 1 else {}


def _first(cells: Cells, others: Cells, name: str) -> int | None:
    found = values.number(cells, name)
    return values.number(others, name) if found is None else found


def _hardware(cells: Cells) -> int | None:
    version = cells.get("hardware", "").lower().removeprefix("vmx-")
    return values.number({"hardware": version}, "hardware")


def _nic(cells: Cells, around: Around) -> Nic:
    label, network = cells.get("label", ""), values.text(cells, "network")
    return Nic(
        key=label,
        label=label,
        mac=values.mac(cells, "mac"),
        mac_type=(values.text(cells, "type") or "").lower() or None,
        network_ref=around.port_groups.ref(values.text(cells, "switch"), network),
        network_name=network,
        connected=values.flag(cells, "connected"),
        start_connected=values.flag(cells, "starts"),
    )


def _guest_nics(cards: list[Cells]) -> tuple[GuestNic, ...] | None:
    """What the guest says of its addresses; when no card has one, it was not asked or is off."""
    told = tuple(
        GuestNic(
            mac=values.mac(row, "mac"),
            network_name=values.text(row, "network"),
            addresses=tuple(sorted({*values.listed(row, "ipv4"), *values.listed(row, "ipv6")})),
        )
        for row in cards
        if "ipv4" in row or "ipv6" in row
    )
    return told or None


def _disks(rows: list[Cells] | None) -> tuple[Disk, ...] | None:
    if rows is None:
        return None
    return tuple(
        Disk(
            key=row.get("key") or row.get("label", ""),
            label=row.get("label", ""),
            capacity_bytes=values.size_in_bytes(row, "capacity"),
            file=values.text(row, "path"),
            mode=values.text(row, "mode"),
            sharing=values.text(row, "sharing"),
            thin=values.flag(row, "thin"),
        )
        for row in rows
    )


def _snapshots(rows: list[Cells] | None, around: Around) -> tuple[Snapshot, ...] | None:
    if rows is None:
        return None
    return tuple(_snapshot(row, around) for row in rows)


def _snapshot(cells: Cells, around: Around) -> Snapshot:
    taken = around.moment(cells, "taken")
    if taken is None:
        raise ValueError("A snapshot of this machine has no readable time of creation.")
    name = cells.get("name", "")
    return Snapshot(
        uid=cells.get("file") or f"{name} of {taken:%F %T}",
        name=name,
        created_at=taken,
        description=cells.get("description", ""),
        quiesced=values.flag(cells, "quiesced"),
    )
