"""The wire that manages a host must carry nothing else."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from policies.facts import (
    connected,
    listed,
)
from policies.spec import (
    Blank,
    Estate,
    FactMissing,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)
from policies.wiring import (
    UNTAGGED,
    Lane,
    lane_of,
    machine_lanes,
    management_vmks,
    share_a_vlan,
)


class Params(Parameters, frozen=True):
    mode: Annotated[
        Literal["physical", "logical"],
        Meta(
            description=(
                "physical: management has NICs of its own; logical: it may share NICs with "
                "machines when its VLAN is its own (hosts with two converged NICs)"
            )
        ),
    ] = "physical"


@check(
    id="host-management-nic-dedicated",
    title="Management has a physical NIC of its own",
    severity=Severity.HIGH,
    statements=("PHY-2",),
    params=Params,
    facts=("connection_state", "vmkernel_nics", "port_groups", "network_refs"),
    reads=(
        "network.uplink",
        "network.vm_refs",
        "network.switch_ref",
        "network.active_uplinks",
        "network.standby_uplinks",
        "network.vlan_type",
        "network.vlan_id",
        "network.vlan_ranges",
        "switch.uplinks",
    ),
    why=(
        "Whoever controls a machine, or the wire it uses, must not be on the wire that controls "
        "the host. A flood from a machine must not lock its administrators out either."
    ),
    fix={
        Platform.VSPHERE: (
            "Give the machines other physical NICs than management, in the teaming of their port "
            "groups."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Management of «name» uses «nics»; these port groups of machines use them too: "
                "«port_groups».",
                "Make sure that the machines have another NIC with a link and all their VLANs on "
                "its switch port.",
                "Put «name» into maintenance mode.",
                "A port group on a standard switch: «name» > Configure > Virtual switches > the "
                "port group > Edit settings > Teaming and failover > Override, and move «nics» to "
                "“Unused adapters”.",
                "A distributed port group: the port group > Configure > Policies > Edit > Teaming "
                "and failover, and move the uplink of management to “Unused uplinks”. That "
                "changes every host of the switch.",
                "Try a machine on the port group, then leave maintenance mode.",
            ),
            because=(
                "which NIC machines and management keep is a decision, and a wrong order cuts the "
                "host off from the script that would put it right."
            ),
            verify="The topology of «name» under Virtual switches shows «nics» at management only.",
            needs="Host.Config.Network on the host, DVPortgroup.Modify on distributed port groups.",
            effect="Machines lose their network when the other NIC does not carry their VLAN.",
            blanks={
                "nics": Blank("NICs of management", evidence="management_nics"),
                "port_groups": Blank("port groups", evidence="port_groups"),
            },
        ),
    },
)
def management_nic_dedicated(host: Host, estate: Estate, params: Params) -> Iterator[Violation]:
    connected(host)
    management = [lane_of(vmk, host, estate) for vmk in management_vmks(host)]
    pnics = frozenset[str]().union(*(lane.pnics for lane in management))
    shared: dict[str, list[str]] = {}
    doubts = [f"the physical NICs of {lane.name}" for lane in management if not lane.exact]
    for lane in machine_lanes(host, estate):
        try:
            common = _common(lane, management, params)
        except FactMissing as missing:
            doubts.append(missing.fact)
            continue
        if common and not lane.exact:
            doubts.append(f"the physical NICs of {lane.name}")
        elif common:
            shared[lane.name] = sorted(common)
    if shared and all(lane.exact for lane in management):
        nics = sorted({nic for nics in shared.values() for nic in nics})
        names = listed(sorted(shared))
        carry = "carries" if len(nics) == 1 else "carry"
        yield Violation(
            message=f"{listed(nics)} of {host.name} {carry} management and machines ({names}).",
            seen=f"{listed(nics)} shared with {names}",
            expected=(
                "a physical NIC for management alone"
                if params.mode == "physical"
                else "a tagged VLAN for management alone"
            ),
            evidence={"management_nics": sorted(pnics), "port_groups": shared},
        )
    if doubts:
        raise FactMissing(doubts[0])


def _common(lane: Lane, management: list[Lane], params: Params) -> set[str]:
    """The NICs on which this lane endangers management, or raise FactMissing."""
    if lane.doubt:
        raise FactMissing(lane.doubt)
    common: set[str] = set()
    for one in management:
        shared = one.pnics & lane.pnics
        if shared and (params.mode == "physical" or not _apart(one, lane)):
            common |= shared
    return common


def _apart(management: Lane, machines: Lane) -> bool:
    tagged = known(management.vlans, f"the VLAN of {management.name}")
    if tagged == UNTAGGED:
        return False
    return not share_a_vlan(tagged, known(machines.vlans, f"the VLAN of {machines.name}"))
