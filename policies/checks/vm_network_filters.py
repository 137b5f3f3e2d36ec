"""Only the intrusion prevention that was approved may sit in a machine's traffic."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    listed,
    matches,
)
from policies.recipes import POWERED_OFF
from policies.spec import (
    Blank,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    approved: Annotated[
        tuple[str, ...], Meta(description="Patterns of filter names that are approved")
    ] = ()


@check(
    id="vm-network-filters",
    title="No unapproved filter sits in a machine's network path",
    severity=Severity.MEDIUM,
    statements=("IR-5",),
    params=Params,
    facts=("connection_state", "extra_config"),
    controls=("VMCH-80-000200",),
    why=(
        "A filter in the path reads and changes every packet of the machine. That is what a "
        "virtual IPS does, and what an eavesdropper wants."
    ),
    fix={
        Platform.VSPHERE: (
            "Name the filter as approved in this check's settings when it belongs to your network "
            "security product; otherwise remove the parameter while the machine is off."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Find out what «filter» is. A filter of your network security product belongs into "
                "the approved filters of this check.",
                "Nobody knows it: treat «name» as compromised until you know, and keep its log.",
                "Shut «name» down, Edit Settings > Advanced Parameters, and remove «setting» and "
                "the other parameters of the same filter.",
                "Start «name».",
            ),
            script=POWERED_OFF
            + """
$entry = Get-AdvancedSetting -Entity $vm -Server $server | Where-Object Name -eq $setting
if (-not $entry) { throw "$($vm.Name) no longer sets $setting" }
if (Confirm-Change "remove $setting = $($entry.Value) from $($vm.Name)") {
    Remove-AdvancedSetting -AdvancedSetting $entry
}
""",
            verify="Edit Settings > Advanced Parameters of «name» does not list «setting».",
            needs="VirtualMachine.Config.AdvancedConfig on the machine.",
            effect="The machine must be off. What the filter blocked passes from then on.",
            blanks={
                "setting": Blank("name of the parameter", evidence="setting"),
                "filter": Blank("name of the filter", evidence="filter"),
            },
        ),
    },
)
def network_filters(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    connected(vm)
    for key, value in known(vm.extra_config, "extra_config").items():
        if fnmatchcase(key.casefold(), "ethernet*.filter*.name") and not matches(
            value, params.approved
        ):
            yield Violation(
                key=key,
                message=f"The filter {value} sits in the network path of {vm.name}.",
                seen=value,
                expected=listed(list(params.approved)) or "no filter",
                evidence={"setting": key, "filter": value},
            )
