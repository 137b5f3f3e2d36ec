"""What shares a host shares its fate: only equals should."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    SYSTEM_MACHINES,
    connected,
    counted,
    has_unplaced_machines,
    listed,
    matches,
)
from policies.spec import (
    Blank,
    Deviation,
    Estate,
    FactMissing,
    Host,
    Kind,
    Parameters,
    Platform,
    PowerState,
    Remedy,
    Severity,
    Value,
    Violation,
    VirtualMachine,
    check,
)


class Params(Parameters, frozen=True):
    system_machines: Annotated[
        tuple[str, ...], Meta(description="Name patterns of agents the platform places by itself")
    ] = SYSTEM_MACHINES


def _classes(found: Deviation) -> Value:
    groups = {
        name: names for name, names in found.evidence.items() if isinstance(names, list | tuple)
    }
    return "; ".join(f"{name}: {listed(list(names))}" for name, names in groups.items()) or None


@check(
    id="host-single-classification",
    title="The machines that run on one host have the same classification",
    severity=Severity.HIGH,
    statements=("SEC-6", "IR-1"),
    params=Params,
    facts=("connection_state",),
    reads=("vm.host_ref", "vm.power_state", "vm.classification"),
    why=(
        "Whoever breaks out of one machine, or compromises the host, has everything on it. Beside "
        "a public web server, a patient database is only as safe as the web server."
    ),
    fix={
        Platform.VSPHERE: (
            "Move the machines of one classification to another host, and keep them apart with "
            "mandatory rules."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Decide which classification «name» is for; on it run: «classes».",
                "Each machine of another classification: Migrate > Change compute resource only, "
                "and pick a host of its classification.",
                "Keep them apart, or load balancing brings them back: the cluster > Configure > "
                "VM/Host Groups, a machine group and a host group for each classification; then "
                "VM/Host Rules > Add > Virtual Machines to Hosts > “Must run on hosts in group”.",
            ),
            because=(
                "which machine moves, and where to, is a decision; without rules the platform may "
                "move it back the next minute."
            ),
            verify="VMs of «name» lists machines of one classification.",
            needs="Resource.HotMigrate on the machines, Host.Inventory.EditCluster for the rules.",
            effect="Machines move while they run; network sessions stay.",
            blanks={"classes": Blank("machines by classification", fact=_classes)},
        ),
    },
)
def single_classification(host: Host, estate: Estate, params: Params) -> Iterator[Violation]:
    connected(host)
    machines = [
        vm
        for vm in estate.vms_by_host.get(host.ref, ())
        if not matches(vm.name, params.system_machines)
    ]
    running: dict[str, list[str]] = {}
    for vm in machines:
        if vm.power_state is PowerState.ON and vm.classification:
            running.setdefault(vm.classification.casefold(), []).append(vm.name)
    if len(running) > 1:
        total = sum(len(names) for names in running.values())
        yield Violation(
            message=(
                f"{host.name} runs machines of {len(running)} classifications side by side: "
                + "; ".join(
                    f"{name} ({listed(names, 3)})" for name, names in sorted(running.items())
                )
                + "."
            ),
            seen=f"{counted(total, 'machine')} of {len(running)} classifications",
            expected="one classification",
            evidence={name: sorted(names) for name, names in sorted(running.items())},
        )
        return
    _refuse_doubt(machines, running)
    if estate.derived(has_unplaced_machines):
        raise FactMissing("host_ref of a machine that may run here")
    estate.whole(Kind.VM)


def _refuse_doubt(machines: list[VirtualMachine], running: dict[str, list[str]]) -> None:
    """Raise FactMissing when a machine here could be of another classification than the rest."""
    candidates = [
        vm for vm in machines if vm.power_state is None or vm.power_state is PowerState.ON
    ]
    if len(candidates) < 2:
        return
    unlabelled = [vm.name for vm in candidates if not vm.classification]
    if unlabelled:
        raise FactMissing(f"the classification of {listed(unlabelled)}")
    labels = {vm.classification.casefold() for vm in candidates if vm.classification}
    if len(labels) > 1:
        doubtful = [vm.name for vm in candidates if vm.power_state is None]
        raise FactMissing(f"the power state of {listed(doubtful)}")
