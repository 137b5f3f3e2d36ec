"""Machines as the demo describes them, and the operations that make them in the simulator."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from demo.moments import FIRST, before

Op = dict[str, Any]

ATTRIBUTES = ("Classification", "Owner", "Criticality", "Team", "Request", "Born from")
NIGHTLY = frozenset({"critical", "high"})  # criticalities whose machines the backup visits


class System(NamedTuple):
    guest_id: str
    name: str
    tools: str
    hardware: int = 20
    firmware: str = "efi"


SYSTEMS = {
    "win2022": System(
        "windows2019srvNext_64Guest", "Microsoft Windows Server 2022 (64-bit)", "guestToolsCurrent"
    ),
    "win2019": System(
        "windows2019srv_64Guest", "Microsoft Windows Server 2019 (64-bit)", "guestToolsCurrent", 19
    ),
    "win2016": System(
        "windows9Server64Guest",
        "Microsoft Windows Server 2016 (64-bit)",
        "guestToolsCurrent",
        14,
        "bios",
    ),
    "win11": System("windows11_64Guest", "Microsoft Windows 11 (64-bit)", "guestToolsCurrent"),
    "rhel9": System("rhel9_64Guest", "Red Hat Enterprise Linux 9 (64-bit)", "guestToolsUnmanaged"),
    "rhel8": System(
        "rhel8_64Guest", "Red Hat Enterprise Linux 8 (64-bit)", "guestToolsUnmanaged", 19
    ),
    "rhel7": System(
        "rhel7_64Guest", "Red Hat Enterprise Linux 7 (64-bit)", "guestToolsUnmanaged", 15, "bios"
    ),
    "debian12": System("debian12_64Guest", "Debian GNU/Linux 12 (64-bit)", "guestToolsUnmanaged"),
    "ubuntu24": System("ubuntu64Guest", "Ubuntu Linux (64-bit)", "guestToolsUnmanaged"),
}


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    host: str
    folder: str
    datastore: str
    network: str
    system: str = "debian12"
    cpus: int = 2
    memory_gib: int = 8
    disks_gib: tuple[int, ...] = (60,)
    classification: str = ""
    owner: str = ""
    criticality: str = ""
    team: str = ""
    request: str = ""
    born_from: str = ""
    annotation: str = ""
    address: str = ""
    mac: str = ""
    on: bool = True
    created: str = ""
    tools: str = ""
    hardware: int = 0
    secure_boot: bool | None = None
    encrypted: bool = False
    logging: bool = True
    settings: dict[str, str] = {}

    @property
    def visited_nightly(self) -> bool:
        return self.on and self.criticality in NIGHTLY


class Line(NamedTuple):
    """Machines of one purpose: `ehr-app`, 12 of them."""

    prefix: str
    number: int
    system: str
    network: str
    owner: str
    criticality: str
    purpose: str
    cpus: int = 2
    memory_gib: int = 8
    disks_gib: tuple[int, ...] = (60,)


class Place(NamedTuple):
    """A cluster and whose machines run there."""

    cluster: str
    hosts: tuple[str, ...]
    datastores: tuple[str, ...]
    folder: str
    team: str
    classification: str
    subnets: dict[str, str]  # network → "10.1.110."
    lines: tuple[Line, ...]


def chance(*words: str) -> float:
    """The same number from 0 to 1 for the same words."""
    return int.from_bytes(hashlib.sha256("\0".join(words).encode()).digest()[:4], "big") / 2**32


def mac_of(name: str) -> str:
    """An address from the range vCenter assigns from."""
    one, two, three = hashlib.sha256(f"mac {name}".encode()).digest()[:3]
    return f"00:50:56:{0x80 | one & 0x3F:02x}:{two:02x}:{three:02x}"


def settle(place: Place) -> Iterator[Machine]:
    """Every machine of a place as it would be if nobody ever erred."""
    taken: dict[str, int] = {}
    number = 0
    for line in place.lines:
        for index in range(1, line.number + 1):
            name = f"{line.prefix}-{index:02d}"
            taken[line.network] = host_part = taken.get(line.network, 9) + 1
            yield _machine(place, line, name, number, f"{place.subnets[line.network]}{host_part}")
            number += 1


def _machine(place: Place, line: Line, name: str, number: int, address: str) -> Machine:
    system = SYSTEMS[line.system]
    age = 60 + int(chance(name, "age") * 1100)
    return Machine(
        name=name,
        host=place.hosts[number % len(place.hosts)],
        folder=place.folder,
        datastore=place.datastores[number % len(place.datastores)],
        network=line.network,
        system=line.system,
        cpus=line.cpus,
        memory_gib=line.memory_gib,
        disks_gib=line.disks_gib,
        classification=place.classification,
        owner=line.owner,
        criticality=line.criticality,
        team=place.team,
        request=f"CHG-{2023 + number % 3}-{1000 + int(chance(name, 'request') * 8999)}",
        annotation=line.purpose,
        address=address,
        mac=mac_of(name),
        created=before(FIRST, days=age),
        tools="guestToolsNeedUpgrade" if _lags(system, name) else system.tools,
        secure_boot=system.firmware == "efi" and chance(name, "boot") > 0.18,
        encrypted=place.classification == "patient data" and chance(name, "crypt") > 0.3,
    )


def _lags(system: System, name: str) -> bool:
    return system.tools == "guestToolsCurrent" and chance(name, "tools") < 0.22


# --- operations --------------------------------------------------------------------------------


def at_path(path: str) -> dict[str, str]:
    return {"path": path}


def create(machine: Machine) -> Op:
    """The operation that makes the machine."""
    system = SYSTEMS[machine.system]
    return {
        "op": "create_vm",
        "name": machine.name,
        "folder": at_path(machine.folder),
        "host": machine.host,
        "datastore": machine.datastore,
        "cpus": machine.cpus,
        "memory_mb": machine.memory_gib * 1024,
        "guest_id": system.guest_id,
        "firmware": system.firmware,
        "annotation": machine.annotation,
        "nics": [{"network": machine.network, "mac": machine.mac or mac_of(machine.name)}],
        "disks_gb": list(machine.disks_gib),
        "extra_config": {"tools.guest.desktop.autolock": "TRUE", **machine.settings},
        "on": machine.on,
        "values": _values(machine, system),
    }


def template(machine: Machine, *, modified: str) -> Op:
    """The operation that makes an image."""
    made = create(msgspec.structs.replace(machine, on=False))
    made["template"] = True
    made["values"]["config.modified"] = modified
    made["values"].update(_sizes(machine))
    return made


def _sizes(machine: Machine) -> dict[str, int]:
    """What its files take, of which the simulator has but the names."""
    written = int(machine.disks_gib[0] * 2**30 * (0.2 + chance(machine.name, "written") * 0.2))
    return {
        "layoutEx.file[type=diskExtent].size": written - written % 2**20,
        "layoutEx.file[type=config].size": 3200 + int(chance(machine.name, "config") * 900),
        "layoutEx.file[type=nvram].size": 270840,
    }


def _values(machine: Machine, system: System) -> dict[str, Any]:
    created = machine.created or before(FIRST, days=400)
    values: dict[str, Any] = {
        "config.guestFullName": system.name,
        "config.createDate": created,
        "config.modified": created,
        "config.version": f"vmx-{machine.hardware or system.hardware}",
        "config.flags.enableLogging": machine.logging,
        "config.tools.syncTimeWithHost": False,
        "config.bootOptions.efiSecureBootEnabled": bool(machine.secure_boot),
        "config.migrateEncryption": "opportunistic",
        "config.ftEncryptionMode": "ftEncryptionOpportunistic",
        "runtime.connectionState": "connected",
        "runtime.consolidationNeeded": False,
        "runtime.bootTime": _booted(machine, created),
        "guest.toolsVersionStatus2": machine.tools or system.tools,
        "guest.toolsRunningStatus": ("guestToolsRunning" if machine.on else "guestToolsNotRunning"),
        "guest.hostName": f"{machine.name}.halden.example" if machine.on else "",
        "guest.net": _guest_net(machine),
        "customValue": attributes(machine),
        "config.hardware.device[_typeName=VirtualDisk].backing.sharing": "sharingNone",
    }
    if machine.encrypted:
        values["config.keyId"] = {
            "keyId": hashlib.sha256(machine.name.encode()).hexdigest()[:32],
            "providerId": {"id": "halden-kms"},
        }
    return values


def attributes(machine: Machine) -> list[dict[str, Any]]:
    """The custom attributes that are set, numbered in the order they were defined."""
    said = (
        machine.classification,
        machine.owner,
        machine.criticality,
        machine.team,
        machine.request,
        machine.born_from,
    )
    return [{"key": key, "value": value} for key, value in enumerate(said) if value]


def _booted(machine: Machine, created: str) -> str | None:
    if not machine.on:
        return None
    return max(created, before(FIRST, days=1 + int(chance(machine.name, "boot time") * 50)))


def _guest_net(machine: Machine) -> list[dict[str, Any]]:
    if not machine.on:
        return []
    return [
        {
            "network": machine.network,
            "macAddress": machine.mac or mac_of(machine.name),
            "connected": True,
            "deviceConfigId": 4000,
            "ipAddress": [machine.address] if machine.address else [],
        }
    ]


def change(names: str | list[str], values: dict[str, Any]) -> Op:
    """Set properties of machines."""
    return {"op": "set", "type": "VirtualMachine", "match": named(names), "values": values}


def named(names: str | list[str]) -> dict[str, str]:
    return {"name": names if isinstance(names, str) else "|".join(names)}


def nightly(names: list[str], *, at: str) -> list[Op]:
    """The backup's snapshots of last night take the place of those of the night before."""
    return [
        {"op": "remove_snapshots", "vm": named(names)},
        {
            "op": "create_snapshot",
            "vm": named(names),
            "name": "Nightly recovery point",
            "description": "Kept until the next one is there.",
            "created_at": at,
            "quiesce": True,
        },
    ]
