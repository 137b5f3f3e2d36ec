"""Which tabs and columns of RVTools are read, under every name that its versions gave them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from inventory.connectors.lines import malformed
from inventory.connectors.rvtools.xlsx import Workbook

# {tab: {what we call it: what the columns are called, newest first}}. Names are compared by
# letters, digits and # alone, without regard to case.
_OF_A_MACHINE: Final = {"uuid": ("VM UUID",), "id": ("VM ID",), "instance": ("VI SDK UUID",)}
_ON_A_HOST: Final = {"host": ("Host",), "instance": ("VI SDK UUID",)}
_SECURITY: Final = {
    "promiscuous": ("Promiscuous Mode", "Allow Promiscuous"),
    "mac_changes": ("Mac Changes",),
    "forged": ("Forged Transmits",),
}
_OBJECT: Final = {"id": ("Object ID",), "instance": ("VI SDK UUID",)}
COLUMNS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "vInfo": {
        **_OF_A_MACHINE,
        "name": ("VM",),
        "bios_uuid": ("SMBIOS UUID",),
        "power": ("Powerstate",),
        "template": ("Template",),
        "connection": ("Connection state",),
        "hostname": ("DNS Name",),
        "consolidate": ("Consolidation Needed",),
        "booted": ("PowerOn",),
        "created": ("Creation date",),
        "cpus": ("CPUs",),
        "memory": ("Memory",),
        "pool": ("Resource pool",),
        "folder": ("Folder",),
        "secure_boot": ("EFI Secure boot",),
        "firmware": ("Firmware",),
        "hardware": ("HW version",),
        "annotation": ("Annotation",),
        "datacenter": ("Datacenter",),
        "host": ("Host",),
        "guest": ("OS according to the configuration file", "OS"),
        "server": ("VI SDK Server",),
        "product": ("VI SDK Server type",),
        "api": ("VI SDK API Version",),
    },
    "vCPU": {**_OF_A_MACHINE, "cpus": ("CPUs",)},
    "vMemory": {**_OF_A_MACHINE, "memory": ("Size MiB", "Size MB")},
    "vDisk": {
        **_OF_A_MACHINE,
        "label": ("Disk",),
        "key": ("Disk Key",),
        "capacity": ("Capacity MiB", "Capacity MB"),
        "mode": ("Disk Mode",),
        "sharing": ("Sharing mode",),
        "thin": ("Thin",),
        "path": ("Path", "Disk Path"),
    },
    "vNetwork": {
        **_OF_A_MACHINE,
        "label": ("NIC label",),
        "network": ("Network",),
        "switch": ("Switch",),
        "connected": ("Connected",),
        "starts": ("Starts Connected",),
        "mac": ("Mac Address",),
        "type": ("Type",),
        "ipv4": ("IPv4 Address", "IP Address"),
        "ipv6": ("IPv6 Address",),
    },
    "vSnapshot": {
        **_OF_A_MACHINE,
        "name": ("Name",),
        "description": ("Description",),
        "taken": ("Date / time",),
        "file": ("Filename",),
        "quiesced": ("Quiesced",),
    },
    "vTools": {
        **_OF_A_MACHINE,
        "tools": ("Tools",),
        "sync": ("Sync time",),
    },
    "vRP": {**_OBJECT, "path": ("Resource Pool path", "Resource pool")},
    "vCluster": {
        **_OBJECT,
        "name": ("Name",),
        "ha": ("HA enabled",),
        "drs": ("DRS enabled",),
        "automation": ("DRS default VM behavior",),
    },
    "vHost": {
        **_OBJECT,
        "name": ("Host",),
        "uuid": ("UUID",),
        "cluster": ("Cluster",),
        "maintenance": ("in Maintenance Mode", "Maintenance Mode"),
        "cores": ("# Cores",),
        "memory": ("# Memory",),
        "product": ("ESX Version",),
        "ntp": ("NTP Server(s)",),
        "vendor": ("Vendor",),
        "model": ("Model",),
    },
    "vNIC": {
        **_ON_A_HOST,
        "device": ("Network Device",),
        "driver": ("Driver",),
        "speed": ("Speed",),
        "mac": ("MAC",),
        "switch": ("Switch",),
    },
    "vSwitch": {**_ON_A_HOST, "name": ("Switch",), **_SECURITY},
    "vPort": {
        **_ON_A_HOST,
        "name": ("Port Group",),
        "switch": ("Switch",),
        "vlan": ("VLAN",),
        **_SECURITY,
    },
    "vSC_VMK": {
        **_ON_A_HOST,
        "device": ("Device",),
        "port_group": ("Port Group",),
        "mac": ("Mac Address",),
        "ip": ("IP Address", "IP 1"),
    },
    "dvSwitch": {
        **_OBJECT,
        "name": ("Switch", "Name"),
        "version": ("Version",),
        "members": ("Host members",),
        "protocol": ("CDP Type",),
        "operation": ("CDP Operation",),
    },
    "dvPort": {
        **_OBJECT,
        "name": ("Port",),
        "switch": ("Switch",),
        "vlan": ("VLAN",),
        "active": ("Active Uplink",),
        "standby": ("Standby Uplink",),
        **_SECURITY,
    },
    "vDatastore": {
        **_OBJECT,
        "name": ("Name",),
        "accessible": ("Accessible",),
        "type": ("Type",),
        "capacity": ("Capacity MiB", "Capacity MB"),
        "hosts": ("Hosts",),
        "url": ("URL",),
    },
    "vMetaData": {
        "version": ("RVTools version",),
        "made": ("xlsx creation datetime",),
    },
}
# Known, and left alone: they say nothing that is judged, or what is no business of ours (keys).
LEFT_ALONE: Final = frozenset(
    {"vSource", "vLicense", "vHealth", "vHBA", "vMultiPath", "vFileInfo", "vPartition", "vCD"}
    | {"vUSB", "vFloppy"}
)
NEEDED: Final = {"vInfo": ("name", "uuid", "id", "instance")}
_LETTERS: Final = re.compile(r"[^a-z0-9#]")

Cells = Mapping[str, str]


class Tab:
    """One tab: its rows by our names, and the names of columns that nothing is known about."""

    def __init__(self, name: str, sheet: str | None) -> None:
        """`sheet` is what the workbook calls it; None when it has no such tab."""
        self.name = name
        self.sheet = sheet
        self.has: frozenset[str] = frozenset()
        self.not_read: list[str] = []
        self.attributes: dict[int, str] = {}  # custom attributes by column
        self._at: dict[str, int] = {}

    def rows(self, workbook: Workbook) -> Iterator[tuple[Cells, list[str]]]:
        """Each row by our names, and as it is; or raise CollectionFailed."""
        if self.sheet is None:
            return
        wanted: set[int] = set()
        rows = workbook.rows(self.sheet, wanted=wanted)
        self._read_head(next(rows, []))
        wanted |= {*self._at.values(), *self.attributes}
        for row in rows:
            cells = {
                ours: row[at].strip() for ours, at in self._at.items() if at < len(row) and row[at]
            }
            if cells:
                yield cells, row

    def _read_head(self, head: list[str]) -> None:
        columns: dict[str, int] = {}
        for at, name in enumerate(head):
            columns.setdefault(plain(name), at)
        known: dict[str, int] = {}
        for ours, names in COLUMNS[self.name].items():
            found = [columns[plain(name)] for name in names if plain(name) in columns]
            if found:
                known[ours] = found[0]
        self._at, self.has = known, frozenset(known)
        lacking = [n for n in NEEDED.get(self.name, ()) if n not in known]
        if lacking:
            theirs = ", ".join(COLUMNS[self.name][name][0] for name in lacking)
            raise malformed(
                f"its tab {self.name} lacks {theirs}",
                advice="Export all to xlsx with a newer version of RVTools.",
            )
        between = range(known.get("annotation", 0) + 1, known.get("datacenter", 0))
        read = set(known.values())
        for at, name in enumerate(head):
            if at in between and self.name == "vInfo":
                self.attributes[at] = name.strip()
            elif at not in read and name.strip():
                self.not_read.append(name.strip()[:100])


def found_in(workbook: Workbook) -> tuple[dict[str, Tab], list[str]]:
    """The tabs that are read, there or not, and the names of those nothing is known about."""
    sheets = {plain(sheet).removeprefix("tab"): sheet for sheet in workbook.tabs}
    tabs = {name: Tab(name, sheets.pop(plain(name), None)) for name in COLUMNS}
    for name in LEFT_ALONE:
        sheets.pop(plain(name), None)
    return tabs, sorted(sheets.values())


def plain(name: str) -> str:
    return _LETTERS.sub("", name.lower())
