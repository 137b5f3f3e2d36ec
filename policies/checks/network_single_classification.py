"""Machines of different classifications belong on different segments."""

from collections.abc import Iterator

from policies.facts import (
    SYSTEM_MACHINES,
    listed,
    matches,
)
from policies.spec import (
    Blank,
    Deviation,
    Estate,
    FactMissing,
    Image,
    Network,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    VirtualMachine,
    check,
    known,
    not_applicable,
)


def _classes(found: Deviation) -> Value:
    """The check's evidence is one list of machines for each classification."""
    return ", ".join(sorted(found.evidence)) or None


@check(
    id="network-single-classification",
    title="The machines on one port group have the same classification",
    severity=Severity.MEDIUM,
    statements=("IR-6", "SEC-5"),
    facts=("uplink", "vm_refs"),
    reads=("vm.classification",),
    why=(
        "On one segment nothing stands between two machines: the weaker one is the way to the more "
        "valuable one."
    ),
    fix={
        Platform.VSPHERE: (
            "Make a port group with a VLAN of its own for the other classification, move its "
            "machines there, and let a firewall route between the two."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Decide which classification «name» is for; on it are machines of: "
                "«classifications».",
                "Make a port group with a VLAN of its own for each of the others, and let a "
                "firewall route between them.",
                "Each machine of another classification: Edit Settings > Network adapter > the new "
                "port group; change its address in the guest.",
            ),
            because="which machines move, and with which addresses, is a decision.",
            verify="VMs of «name» lists machines of one classification.",
            needs="VirtualMachine.Config.EditDevice and Network.Assign; DVPortgroup.Create.",
            effect="A machine that moves has another network, and needs an address there.",
            blanks={
                "classifications": Blank("classifications", fact=_classes),
            },
        ),
    },
)
def network_single_classification(network: Network, estate: Estate) -> Iterator[Violation]:
    if network.type == "distributed" and known(network.uplink, "uplink"):
        not_applicable(f"{network.name} holds uplinks, no machines.")
    machines, doubts = _attached(network, estate)
    groups: dict[str, list[str]] = {}
    for vm in machines:
        if vm.classification:
            groups.setdefault(vm.classification.casefold(), []).append(vm.name)
    if len(groups) > 1:
        described = "; ".join(
            f"{name} ({listed(group, 3)})" for name, group in sorted(groups.items())
        )
        yield Violation(
            message=f"{network.name} joins machines of {len(groups)} classifications: {described}.",
            seen=f"{len(groups)} classifications",
            expected="one classification",
            evidence={name: sorted(group) for name, group in sorted(groups.items())},
        )
        return
    unlabelled = [vm.name for vm in machines if not vm.classification]
    if doubts:
        raise FactMissing(doubts[0])
    if len(machines) > 1 and unlabelled:
        raise FactMissing(f"the classification of {listed(unlabelled)}")


def _attached(network: Network, estate: Estate) -> tuple[list[VirtualMachine], list[str]]:
    """The machines on the port group, stored images left out, and which could not be read."""
    machines = estate.derived(_machines)
    found: list[VirtualMachine] = []
    doubts: list[str] = []
    for ref in known(network.vm_refs, "vm_refs"):
        machine = machines.get(ref)
        if machine is None:
            doubts.append(f"the machine {ref}")
        elif isinstance(machine, VirtualMachine) and not matches(machine.name, SYSTEM_MACHINES):
            found.append(machine)
    return found, doubts


def _machines(estate: Estate) -> dict[str, VirtualMachine | Image]:
    machines: tuple[VirtualMachine | Image, ...] = (
        *estate.of(VirtualMachine),
        *estate.of(Image),
    )
    return {machine.ref: machine for machine in machines}
