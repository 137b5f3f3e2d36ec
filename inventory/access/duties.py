"""Which administrative duties a set of vSphere privileges amounts to, and which exclude others.

The classes are those of statement LOG-2: whoever has the one has no need of the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import combinations

ADMINISTRATOR = -1  # the built-in role that holds every privilege


class Duty(StrEnum):
    HOST_ADMIN = "host-admin"
    VM_LIFECYCLE = "vm-lifecycle"
    VM_ACCESS = "vm-access"
    NETWORK_ADMIN = "network-admin"
    FILE_ADMIN = "file-admin"
    ACCESS_ADMIN = "access-admin"
    CRYPTO = "crypto"
    EVIDENCE = "evidence"


WORDS = {
    Duty.HOST_ADMIN: "administer hosts",
    Duty.VM_LIFECYCLE: "create, start and remove machines",
    Duty.VM_ACCESS: "enter machines",
    Duty.NETWORK_ADMIN: "administer virtual networks",
    Duty.FILE_ADMIN: "read and change machine files",
    Duty.ACCESS_ADMIN: "grant access",
    Duty.CRYPTO: "handle encryption",
    Duty.EVIDENCE: "tamper with logs and sessions",
}

# A name that ends in a dot stands for all privileges below it.
PRIVILEGES: dict[Duty, tuple[str, ...]] = {
    Duty.HOST_ADMIN: ("Host.Config.", "Host.Local.", "Host.Inventory."),
    Duty.VM_LIFECYCLE: (
        "VirtualMachine.Inventory.",
        "VirtualMachine.Interact.PowerOn",
        "VirtualMachine.Interact.PowerOff",
        "VirtualMachine.Interact.Suspend",
        "VirtualMachine.Interact.Reset",
        "VirtualMachine.Provisioning.Clone",
        "VirtualMachine.Provisioning.DeployTemplate",
        "VirtualMachine.Provisioning.MarkAsVM",
        "VirtualMachine.State.",
        "Resource.HotMigrate",
        "Resource.ColdMigrate",
    ),
    Duty.VM_ACCESS: ("VirtualMachine.Interact.ConsoleInteract", "VirtualMachine.GuestOperations."),
    Duty.NETWORK_ADMIN: ("Network.", "DVSwitch.", "DVPortgroup."),
    Duty.FILE_ADMIN: (
        "Datastore.Browse",
        "Datastore.FileManagement",
        "Datastore.DeleteFile",
        "Datastore.UpdateVirtualMachineFiles",
        "VirtualMachine.Provisioning.GetVmFiles",
        "VirtualMachine.Provisioning.PutVmFiles",
        "VirtualMachine.Provisioning.DiskRandomRead",
        "VirtualMachine.Provisioning.DiskRandomAccess",
        "VirtualMachine.Provisioning.FileRandomAccess",
        "ContentLibrary.DownloadSession",
        "ContentLibrary.ReadStorage",
    ),
    Duty.ACCESS_ADMIN: ("Authorization.",),
    Duty.CRYPTO: ("Cryptographer.",),
    Duty.EVIDENCE: ("Global.LogEvent", "Sessions.TerminateSession"),
}

CONFLICTS: tuple[tuple[Duty, Duty], ...] = (
    (Duty.HOST_ADMIN, Duty.VM_LIFECYCLE),
    (Duty.HOST_ADMIN, Duty.VM_ACCESS),
    (Duty.ACCESS_ADMIN, Duty.HOST_ADMIN),
    (Duty.ACCESS_ADMIN, Duty.VM_ACCESS),
    (Duty.CRYPTO, Duty.FILE_ADMIN),
)


def duties(privileges: Iterable[str]) -> frozenset[Duty]:
    held = tuple(privileges)
    return frozenset(duty for duty in Duty if any(privilege_of(duty, one) for one in held))


def privilege_of(duty: Duty, privilege: str) -> bool:
    return any(
        privilege.startswith(name) if name.endswith(".") else privilege == name
        for name in PRIVILEGES[duty]
    )


def conflicting(
    held: frozenset[Duty], conflicts: Iterable[tuple[Duty, Duty]]
) -> list[tuple[Duty, Duty]]:
    """The pairs of duties held that exclude each other, in one order whoever asks."""
    excluded = {frozenset(pair) for pair in conflicts}
    return [pair for pair in combinations(sorted(held), 2) if frozenset(pair) in excluded]
