"""A device nobody uses is a door nobody watches."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.spec import (
    FactMissing,
    Parameters,
    Platform,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    forbidden: Annotated[
        tuple[str, ...], Meta(description="Kinds of device a machine must not have")
    ] = ("floppy", "serial", "parallel", "usb", "pci", "scsi")
    disconnected: Annotated[
        tuple[str, ...], Meta(description="Kinds of device that must not be connected")
    ] = ("cdrom",)


@check(
    id="vm-removable-devices",
    title="Machines have no removable or pass-through devices in use",
    severity=Severity.LOW,
    statements=("SEC-2",),
    params=Params,
    facts=("connection_state", "devices"),
    controls=tuple(f"VMCH-80-000{number}" for number in range(209, 215)),
    why=(
        "Old device emulation has let guests break out more than once; a connected disc or port "
        "moves data past every other control, and keeps a machine from being moved."
    ),
    fix={
        Platform.VSPHERE: (
            "Select the machine > **Edit Settings**; for a CD: untick “Connected” and “Connect At "
            "Power On”, or choose “Client Device”; for the others: the cross at the end of the "
            "line (the machine must be off).\n\nPowerCLI: `Get-VM NAME | Get-CDDrive | Set-CDDrive "
            "-NoMedia -Confirm:$false`"
        ),
    },
)
def removable_devices(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    connected(vm)
    doubts: list[str] = []
    for device in known(vm.devices, "devices"):
        present = device.type in params.forbidden
        if not present and device.type not in params.disconnected:
            continue
        if not present and device.connected is None:
            doubts.append(f"devices: whether {device.label or device.key} is connected")
        elif present or device.connected:
            name = device.label or device.type
            yield Violation(
                key=device.key,
                message=f"{vm.name} has {name}{'' if present else ' connected'}.",
                seen=f"{name}, {'connected' if device.connected else 'not connected'}",
                expected="no such device" if present else "not connected",
                evidence={"type": device.type, "connected": device.connected},
            )
    if doubts:
        raise FactMissing(doubts[0])
