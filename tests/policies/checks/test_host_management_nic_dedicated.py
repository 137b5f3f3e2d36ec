from typing import Any

import pytest

from inventory.records import (
    Host,
    HostPortGroup,
    Network,
)
from tests.policies.builders import (
    a_host,
    a_network,
    a_port_group,
    a_switch,
    a_vmk,
    judge,
    missing,
    passes,
    violations,
    without,
)

CHECK = "host-management-nic-dedicated"


def dvs_host(**facts: Any) -> Host:
    """A host whose management and machines are both on a distributed switch."""
    return a_host(
        vmkernel_nics=(a_vmk("vmk0", port_group=None, dv_port_group_ref="network-management"),),
        port_groups=(),
        network_refs=("network-management", "network-app"),
        **facts,
    )


def management(**facts: Any) -> Network:
    facts = {"active_uplinks": ("Uplink 1",), "vlan_id": 10, "vm_refs": (), **facts}
    return a_network("management", **facts)


def shared_host(**facts: Any) -> Host:
    """A host with both switches on the same two NICs, as on a converged blade."""
    return a_host(
        network_refs=(),
        port_groups=(
            a_port_group("Management Network", vlan_id=10, nics=("vmnic0", "vmnic1")),
            a_port_group("App", nics=("vmnic0", "vmnic1"), **facts),
        ),
    )


def test_management_on_its_own_nic_passes():
    assert passes(CHECK, a_host(), a_network(), a_switch())


def test_a_machine_port_group_on_the_management_nic_fails():
    port_groups = (
        a_port_group("Management Network", nics=("vmnic0",)),
        a_port_group("VM Network", nics=("vmnic0",)),
    )
    host = a_host(port_groups=port_groups, network_refs=())

    [violation] = violations(CHECK, host)

    assert violation.message == "vmnic0 of esx-01 carries management and machines (VM Network)."
    assert violation.evidence["port_groups"] == {"VM Network": ["vmnic0"]}


def test_a_standby_nic_counts_as_used():
    spare = HostPortGroup(
        name="App", switch="vSwitch1", active_nics=("vmnic1",), standby_nics=("vmnic0",)
    )
    host = a_host(port_groups=(a_port_group("Management Network"), spare), network_refs=())

    assert violations(CHECK, host)


def test_another_vmkernel_port_group_is_no_machine_port_group():
    port_groups = (a_port_group("Management Network"), a_port_group("vMotion"))

    assert passes(CHECK, a_host(port_groups=port_groups, network_refs=()))


def test_distributed_port_groups_on_different_uplinks_pass():
    assert passes(CHECK, dvs_host(), management(), a_network(), a_switch())


def test_distributed_port_groups_on_the_same_uplink_fail():
    app = a_network(active_uplinks=("Uplink 2",), standby_uplinks=("Uplink 1",))

    assert violations(CHECK, dvs_host(), management(), app, a_switch())


def test_an_uplink_port_group_carries_no_machines():
    uplinks = a_network("app", uplink=True, active_uplinks=("Uplink 1",))

    assert passes(CHECK, dvs_host(), management(), uplinks, a_switch())


def test_machines_on_the_management_port_group_itself_fail():
    assert violations(CHECK, dvs_host(), management(vm_refs=("vm-jump",)), a_network(), a_switch())


def test_a_link_aggregation_group_may_use_any_of_its_nics():
    app = a_network("app", active_uplinks=("lag1",))

    assert missing(CHECK, dvs_host(), management(), app, a_switch()) == "the physical NICs of app"


def test_converged_nics_fail_physically_and_pass_logically_with_a_vlan_of_their_own():
    assert violations(CHECK, shared_host(vlan_id=100))
    assert passes(CHECK, shared_host(vlan_id=100), mode="logical")


@pytest.mark.parametrize("vlan_id", [10, 4095])
def test_converged_nics_fail_logically_when_machines_reach_the_management_vlan(vlan_id):
    assert violations(CHECK, shared_host(vlan_id=vlan_id), mode="logical")


def test_converged_nics_are_unknown_logically_without_the_vlan():
    assert missing(CHECK, shared_host(vlan_id=None), mode="logical") == "the VLAN of App"


@pytest.mark.parametrize("fact", ["vmkernel_nics", "port_groups", "network_refs"])
def test_what_could_not_be_read_is_unknown(fact):
    assert missing(CHECK, a_host(**without(fact)), a_network(), a_switch())


def test_a_port_group_whose_nics_were_not_read_is_unknown():
    host = a_host(
        network_refs=(),
        port_groups=(a_port_group("Management Network"), a_port_group("App", nics=None)),
    )

    assert missing(CHECK, host) == "the physical NICs of App"


def test_a_network_that_was_not_listed_is_unknown():
    assert missing(CHECK, a_host(), a_switch()) == "the network network-app"


def test_a_host_without_a_management_nic_was_not_read_completely():
    assert missing(CHECK, a_host(vmkernel_nics=()))


def test_a_proven_overlap_is_reported_beside_what_is_unknown():
    host = a_host(port_groups=(a_port_group("Management Network"), a_port_group("VM Network")))

    evaluation = judge(CHECK, host)

    assert len(evaluation.violations) == 1
    assert evaluation.incomplete == "the network network-app"
