"""New protections come with new virtual hardware."""

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
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    minimum: Annotated[int, Meta(ge=4, description="Oldest virtual hardware version")] = 17


def _wanted(found: Deviation) -> Value:
    minimum = found.asked("minimum")
    return None if minimum is None else f"vmx-{minimum}"


@check(
    id="vm-hardware-version",
    title="Machines have a recent virtual hardware version",
    severity=Severity.LOW,
    statements=("SEC-7",),
    params=Params,
    facts=("connection_state", "hardware_version"),
    why=(
        "Secure boot, a virtual TPM and mitigations of processor flaws reach a guest only through "
        "virtual hardware that knows them."
    ),
    fix={
        Platform.VSPHERE: (
            "Take a backup, upgrade the guest tools, shut the guest down and upgrade the "
            "compatibility; there is no way back."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Make sure that every host «name» may run on knows «version»; it has hardware "
                "version «hardware_version» now.",
                "Take a backup, and upgrade the guest tools first.",
                "Shut «name» down.",
                "Actions > Compatibility > Upgrade VM Compatibility > «version».",
                "Start «name», and look whether its network adapters are still there.",
            ),
            script=POWERED_OFF
            + """
if (Confirm-Change "upgrade $($vm.Name) from $($vm.HardwareVersion) to $version for good") {
    Set-VM -VM $vm -HardwareVersion $version
}
""",
            verify="Summary of «name» shows a compatibility of «version» or newer.",
            needs="VirtualMachine.Config.UpgradeVirtualHardware on the machine.",
            effect="The machine must be off. There is no way back but the backup.",
            blanks={
                "hardware_version": Blank("present version", evidence="hardware_version"),
                "version": Blank("hardware version, as vmx-19", fact=_wanted),
            },
        ),
    },
)
def hardware_version(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    connected(vm)
    version = known(vm.hardware_version, "hardware_version")
    if version < params.minimum:
        yield Violation(
            message=f"{vm.name} has virtual hardware version {version}.",
            seen=f"vmx-{version}",
            expected=f"vmx-{params.minimum} or newer",
            evidence={"hardware_version": version},
        )
