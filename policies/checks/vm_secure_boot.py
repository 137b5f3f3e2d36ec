"""A guest must start only a system that is signed."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.recipes import POWERED_OFF
from policies.spec import (
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


@check(
    id="vm-secure-boot",
    title="Machines start with secure boot",
    severity=Severity.LOW,
    statements=("SEC-3",),
    facts=("connection_state", "secure_boot"),
    why="A boot kit below the guest's system is invisible to the protection inside the guest.",
    fix={
        Platform.VSPHERE: (
            "Enable secure boot while the machine is off; one with BIOS firmware has to be "
            "reinstalled or converted first."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="it has BIOS firmware",
                fits=lambda found: getattr(found.record, "firmware", None) == "bios",
                steps=(
                    "«name» starts through BIOS: secure boot does not exist there.",
                    "Plan a new machine with EFI firmware and secure boot, and move the service; "
                    "or convert the guest's disk (MBR to GPT) with a backup at hand, then change "
                    "Firmware to EFI while it is off.",
                    "Until then ask for an exception that names the date.",
                ),
                because="a guest installed for BIOS does not start once the firmware is changed.",
                verify="VM Options > Boot Options of «name» shows EFI and “Secure Boot” ticked.",
                needs="VirtualMachine.Config.Settings on the machine, and rights in the guest.",
                effect="A new installation, or a conversion with the machine off.",
            ),
            Remedy(
                when="it has EFI firmware",
                steps=(
                    "Make sure that the guest's boot loader and drivers are signed; take a "
                    "snapshot after shutting «name» down.",
                    "Edit Settings > VM Options > Boot Options > tick “Secure Boot”.",
                    "Start «name»; when it does not start, untick it again.",
                ),
                script=POWERED_OFF
                + """
if ($vm.ExtensionData.Config.Firmware -ne 'efi') { throw "$($vm.Name) has no EFI firmware" }
$spec = New-Object VMware.Vim.VirtualMachineConfigSpec
$spec.BootOptions = New-Object VMware.Vim.VirtualMachineBootOptions
$spec.BootOptions.EfiSecureBootEnabled = $true
if (Confirm-Change "enable secure boot of $($vm.Name)") {
    $vm.ExtensionData.ReconfigVM($spec)
}
""",
                verify="VM Options > Boot Options of «name» shows “Secure Boot” ticked.",
                needs="VirtualMachine.Config.Settings on the machine.",
                effect="The machine must be off; unsigned drivers no longer load.",
            ),
        ),
    },
)
def secure_boot(vm: VirtualMachine) -> Iterator[Violation]:
    connected(vm)
    if not known(vm.secure_boot, "secure_boot"):
        firmware = f", with {vm.firmware} firmware" if vm.firmware else ""
        yield Violation(
            message=f"{vm.name} starts without secure boot{firmware}.",
            seen=f"off{firmware}",
            expected="on",
        )
