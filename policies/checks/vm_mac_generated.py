"""An address typed by hand is how a machine pretends to be another."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.recipes import NEW_ADDRESS, POWERED_OFF
from policies.spec import (
    Blank,
    FactMissing,
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    key_of,
    known,
)


@check(
    id="vm-mac-generated",
    title="MAC addresses are given by the platform",
    severity=Severity.LOW,
    statements=("IR-8",),
    facts=("connection_state", "nics"),
    why=(
        "The platform never gives an address twice; a person can. A manual address needs a reason, "
        "such as a licence that is bound to it."
    ),
    fix={
        Platform.VSPHERE: (
            "Let the platform give the adapter its address while the machine is off, or ask for an "
            "exception that names the reason."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask the owner of «name» why «adapter» has the address «mac»: a licence or a "
                "reservation may be bound to it. Then ask for an exception that says so.",
                "Otherwise shut «name» down.",
                "Edit Settings > «adapter» > MAC Address > “Automatic”.",
                "Start it, and mend what knew the old address.",
            ),
            script=POWERED_OFF
            + """
$card = Get-NetworkAdapter -VM $vm -Server $server |
    Where-Object { $_.ExtensionData.Key -eq $adapter_key }
"""
            + NEW_ADDRESS,
            verify="Edit Settings of «name» shows “Automatic” at «adapter».",
            needs="VirtualMachine.Config.EditDevice on the machine.",
            effect="The machine must be off, and comes back with another address on its network.",
            blanks={
                "adapter": Blank("network adapter", evidence="adapter"),
                "mac": Blank("MAC address", evidence="mac"),
                "adapter_key": Blank("device key of the network adapter", fact=key_of),
            },
        ),
    },
)
def mac_generated(vm: VirtualMachine) -> Iterator[Violation]:
    connected(vm)
    doubts: list[str] = []
    for nic in known(vm.nics, "nics"):
        if nic.mac_type is None:
            doubts.append(f"nics: how {nic.label or nic.key} got its MAC address")
        elif nic.mac_type.casefold() == "manual":
            yield Violation(
                key=nic.key,
                message=f"The MAC address {nic.mac or ''} of {vm.name} was set by hand.",
                seen="manual",
                expected="generated or assigned",
                evidence={"mac": nic.mac, "adapter": nic.label or nic.key},
            )
    if doubts:
        raise FactMissing(doubts[0])
