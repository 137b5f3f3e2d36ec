"""New protections come with new virtual hardware."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.spec import (
    Parameters,
    Platform,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    minimum: Annotated[int, Meta(ge=4, description="Oldest virtual hardware version")] = 17


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
            "Take a backup, upgrade the guest tools, shut the guest down. Then select the machine "
            "> **Actions** > **Compatibility** > **Upgrade VM Compatibility**. There is no way "
            "back.\n\nPowerCLI: `Get-VM NAME | Set-VM -HardwareVersion vmx-19`"
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
