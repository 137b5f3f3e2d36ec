"""A standard switch cannot mirror: what machines on it say to each other is seen by nobody."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    counted,
    has_unplaced_machines,
    listed,
    matches,
)
from policies.spec import (
    Blank,
    Estate,
    FactMissing,
    Host,
    Kind,
    Network,
    Parameters,
    Platform,
    PowerState,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)


class Params(Parameters, frozen=True):
    sensors: Annotated[
        tuple[str, ...],
        Meta(description="Name patterns of sensor machines that listen on the host they run on"),
    ] = ()


@check(
    id="host-traffic-visible",
    title="No machines talk to each other unseen on a standard switch",
    severity=Severity.MEDIUM,
    statements=("IR-2",),
    params=Params,
    facts=("connection_state", "network_refs"),
    reads=("network.vm_refs", "vm.host_ref", "vm.power_state"),
    why=(
        "Packets between two machines on one standard switch pass no cable and no mirror. Only a "
        "sensor on the same host, on a port group that lets it listen, would see them."
    ),
    fix={
        Platform.VSPHERE: (
            "Move the machines to a distributed switch that mirrors or reports its traffic, or run "
            "a sensor on the host and name it in this check's settings."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "On «port_group» of «name» these machines talk unseen: «machines».",
                "Either move them to a distributed switch that mirrors or reports its traffic: "
                "Networking > the datacenter > Migrate VMs to Another Network.",
                "Or run a sensor machine on «name», on a port group that lets it listen, and name "
                "it in the settings of this check.",
            ),
            because="whether the machines move or a sensor comes is a decision.",
            verify="«port_group» on «name» has one machine at most, or a sensor runs there.",
            needs="VirtualMachine.Config.EditDevice on the machines, Network.Assign.",
            effect="A machine that moves loses its network for a moment.",
            blanks={
                "port_group": Blank("port group", evidence="port_group"),
                "machines": Blank("machines", evidence="machines"),
            },
        ),
    },
)
def traffic_visible(host: Host, estate: Estate, params: Params) -> Iterator[Violation]:
    connected(host)
    refs = known(host.network_refs, "network_refs")
    here = {
        vm.ref: vm
        for vm in estate.vms_by_host.get(host.ref, ())
        if vm.power_state in (PowerState.ON, None)
    }
    if any(vm.power_state and matches(vm.name, params.sensors) for vm in here.values()):
        return
    doubts: list[str] = []
    for network in _standard(refs, estate, doubts):
        if network.vm_refs is None:
            doubts.append(f"the machines on {network.name}")
            continue
        neighbours = [here[ref] for ref in network.vm_refs if ref in here]
        talking = [vm.name for vm in neighbours if vm.power_state is PowerState.ON]
        if len(talking) > 1:
            yield Violation(
                key=network.ref,
                message=(
                    f"{counted(len(talking), 'machine')} on {network.name} of {host.name} talk "
                    f"unseen: {listed(talking)}."
                ),
                seen=f"{counted(len(talking), 'machine')} on a standard switch, no sensor",
                expected="a distributed switch with a mirror, or a sensor on the host",
                evidence={"port_group": network.name, "machines": sorted(talking)},
            )
        elif len(neighbours) > 1:
            doubts.append(f"the power state of every machine on {network.name}")
    _refuse_doubt(doubts, estate)


def _standard(refs: tuple[str, ...], estate: Estate, doubts: list[str]) -> Iterator[Network]:
    """The networks among these that live on standard switches; what is not listed is a doubt."""
    for ref in refs:
        network = estate.networks.get(ref)
        if network is None:
            doubts.append(f"the network {ref}")
        elif network.type == "standard":
            yield network


def _refuse_doubt(doubts: list[str], estate: Estate) -> None:
    if doubts:
        raise FactMissing(doubts[0])
    if estate.derived(has_unplaced_machines):
        raise FactMissing("host_ref of a machine that may run here")
    estate.whole(Kind.VM)
