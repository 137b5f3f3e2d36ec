"""A guest must start only a system that is signed."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.spec import (
    Platform,
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
            "Only for machines with EFI firmware: shut down, **Edit Settings** > **VM Options** > "
            "**Boot Options** > tick “Secure Boot”. A machine with BIOS firmware has to be "
            "reinstalled or converted first."
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
