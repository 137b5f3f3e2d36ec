"""A device nobody uses is a door nobody watches."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.recipes import POWERED_OFF
from policies.spec import (
    Blank,
    Deviation,
    FactMissing,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    VirtualMachine,
    check,
    key_of,
    known,
)


class Params(Parameters, frozen=True):
    forbidden: Annotated[
        tuple[str, ...], Meta(description="Kinds of device a machine must not have")
    ] = ("floppy", "serial", "parallel", "usb", "pci", "scsi")
    disconnected: Annotated[
        tuple[str, ...], Meta(description="Kinds of device that must not be connected")
    ] = ("cdrom",)


def _label(found: Deviation) -> Value:
    devices = getattr(found.record, "devices", None) or ()
    return next((device.label for device in devices if device.key == found.key), None)


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
            "Disconnect the disc, and remove devices that nobody uses while the machine is off."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="a disc is connected",
                fits=lambda found: found.evidence.get("type") == "cdrom",
                steps=(
                    "Ask whether an installation is going on in «name».",
                    "Edit Settings > «label»: untick “Connected” and “Connect At Power On”.",
                ),
                script="""
$vm = Get-VM -Server $server -Id $id
$drive = Get-CDDrive -VM $vm -Server $server |
    Where-Object { $_.ExtensionData.Key -eq $device_key }
if (-not $drive) { throw "$($vm.Name) no longer has the device" }
if (Confirm-Change "take the disc $($drive.IsoPath) out of $($drive.Name) of $($vm.Name)") {
    Set-CDDrive -CD $drive -NoMedia
}
""",
                verify="Edit Settings of «name» shows «label» as not connected.",
                needs=(
                    "VirtualMachine.Interact.SetCDMedia and "
                    "VirtualMachine.Interact.DeviceConnection on the machine."
                ),
                effect=(
                    "A guest that has locked the disc makes the platform ask; answer yes there."
                ),
                blanks={
                    "label": Blank("label of the device", fact=_label),
                    "device_key": Blank("device key", fact=key_of),
                },
            ),
            Remedy(
                when="the device must not be there",
                steps=(
                    "Ask the owner of «name» whether «label» («type») is used.",
                    "Shut «name» down.",
                    "Edit Settings > «label» > Remove device.",
                    "Start «name».",
                ),
                script=POWERED_OFF
                + """
$device = $vm.ExtensionData.Config.Hardware.Device | Where-Object Key -eq $device_key
if (-not $device) { throw "$($vm.Name) no longer has the device" }
$remove = New-Object VMware.Vim.VirtualDeviceConfigSpec
$remove.Operation = 'remove'
$remove.Device = $device
$spec = New-Object VMware.Vim.VirtualMachineConfigSpec
$spec.DeviceChange = @($remove)
if (Confirm-Change "remove $($device.DeviceInfo.Label) from $($vm.Name)") {
    $vm.ExtensionData.ReconfigVM($spec)
}
""",
                verify="Edit Settings of «name» does not list «label».",
                needs="VirtualMachine.Config.AddRemoveDevice on the machine.",
                effect="The machine must be off. What used the device in the guest stops working.",
                blanks={
                    "label": Blank("label of the device", fact=_label),
                    "type": Blank("type of the device", evidence="type"),
                    "device_key": Blank("device key", fact=key_of),
                },
            ),
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
