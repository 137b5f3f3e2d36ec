"""The tools in the guest are drivers with high rights: they need patches too."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    running,
)
from policies.spec import (
    FactMissing,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)

CURRENT = ("guestToolsCurrent", "guestToolsSupportedNew")
WORD = {
    "guestToolsNotInstalled": "not installed",
    "guestToolsNeedUpgrade": "out of date",
    "guestToolsTooOld": "too old to be supported",
    "guestToolsBlacklisted": "of a version with a known severe flaw",
    "guestToolsSupportedOld": "not the newest",
    "guestToolsTooNew": "too new for the host",
    "guestToolsUnmanaged": "not managed by the platform",
}


class Params(Parameters, frozen=True):
    accepted: Annotated[
        tuple[str, ...],
        Meta(description="States accepted besides current; unmanaged is open-vm-tools"),
    ] = ("guestToolsUnmanaged", "guestToolsSupportedOld")


@check(
    id="vm-tools-current",
    title="The guest tools of running machines are up to date",
    severity=Severity.MEDIUM,
    statements=("SEC-7",),
    params=Params,
    facts=("connection_state", "power_state", "tools_version_status"),
    why=(
        "The tools run with system rights inside the guest, have had flaws that give those rights "
        "away, and are what a clean shutdown, a quiesced backup and the guest's facts depend on."
    ),
    fix={
        Platform.VSPHERE: (
            "Upgrade the guest tools to what the host brings; on Linux install open-vm-tools from "
            "the distribution."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="no tools are installed",
                fits=lambda found: (
                    found.evidence.get("tools_version_status") == "guestToolsNotInstalled"
                ),
                steps=(
                    "Linux in «name»: install open-vm-tools from the distribution.",
                    "Windows: Actions > Guest OS > Install VMware Tools, and run the set-up in the "
                    "guest.",
                    "An appliance that has none by design: ask for an exception.",
                ),
                because="the first installation is done inside the guest, with its own password.",
                verify="Summary of «name» shows VMware Tools as running.",
                needs="VirtualMachine.Interact.ToolsInstall, and rights in the guest.",
                effect="A Windows guest restarts at the end.",
            ),
            Remedy(
                when="the tools are old",
                steps=(
                    "Linux in «name»: update open-vm-tools from the distribution.",
                    "Others: Updates > VMware Tools > Upgrade to match host.",
                    "A flaw in this version is known, or it is not supported: do not wait for the "
                    "next maintenance window.",
                ),
                script="""
$vm = Get-VM -Server $server -Id $id
if ($vm.PowerState -ne 'PoweredOn') { throw "$($vm.Name) must run" }
if (Confirm-Change "upgrade the tools of $($vm.Name) from $($vm.Guest.ToolsVersion)") {
    Update-Tools -VM $vm -NoReboot
}
""",
                verify="Summary of «name» shows VMware Tools as current.",
                needs="VirtualMachine.Interact.ToolsInstall on the machine.",
                effect=(
                    "The network of the guest breaks off for seconds. A Windows guest may restart "
                    "in spite of -NoReboot when a driver needs it."
                ),
            ),
        ),
    },
)
def tools_current(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    connected(vm)
    running(vm)
    status = known(vm.tools_version_status, "tools_version_status")
    if status in CURRENT or status in params.accepted:
        return
    if status not in WORD:
        raise FactMissing(f"tools_version_status: {status} is not a state we know")
    yield Violation(
        message=f"The guest tools of {vm.name} are {WORD[status]}.",
        seen=WORD[status],
        expected="current",
        evidence={"tools_version_status": status},
    )
