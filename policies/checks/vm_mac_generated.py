"""An address typed by hand is how a machine pretends to be another."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.spec import (
    FactMissing,
    Platform,
    Severity,
    Violation,
    VirtualMachine,
    check,
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
            "Shut the machine down, **Edit Settings** > **Network adapter** > **MAC Address** > "
            "“Automatic”; or ask for an exception that names the reason."
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
