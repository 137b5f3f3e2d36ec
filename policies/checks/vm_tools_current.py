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
            "Select the machine > **Updates** > **VMware Tools** > **Upgrade to match host**; on "
            "Linux install `open-vm-tools` from the distribution.\n\n"
            "PowerCLI: `Update-Tools -VM NAME -NoReboot`"
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
