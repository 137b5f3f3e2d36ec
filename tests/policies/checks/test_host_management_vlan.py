from typing import Any

import pytest

from inventory.records import (
    Host,
    Kind,
    Network,
)
from tests.policies.builders import (
    a_host,
    a_network,
    a_port_group,
    a_vm,
    a_vmk,
    keys,
    missing,
    passes,
    violations,
)

CHECK = "host-management-vlan"


def on_dvs(**facts: Any) -> Host:
    vmk = a_vmk("vmk0", port_group=None, dv_port_group_ref="network-management")
    return a_host(vmkernel_nics=(vmk,), port_groups=(), **facts)


def management(**facts: Any) -> Network:
    return a_network("management", **{"vlan_id": 10, "vm_refs": (), **facts})


def test_a_tagged_vlan_of_its_own_passes():
    assert passes(CHECK, a_host(), a_network())
    assert passes(CHECK, on_dvs(), management(), a_network())


def test_untagged_management_fails():
    port_groups = (a_port_group("Management Network", vlan_id=0),)
    host = a_host(vmkernel_nics=(a_vmk(),), port_groups=port_groups)

    assert keys(CHECK, host) == {"vmk0:untagged"}
    assert keys(CHECK, on_dvs(), management(vlan_type="none", vlan_id=0)) == {"vmk0:untagged"}


def test_untagged_management_is_one_finding_however_many_share_the_cable():
    port_groups = (
        a_port_group("Management Network", vlan_id=0),
        a_port_group("VM Network", vlan_id=0),
    )

    assert keys(CHECK, a_host(port_groups=port_groups)) == {"vmk0:untagged"}


def test_a_machine_port_group_on_the_same_vlan_fails_even_on_another_host():
    other = a_host(
        "esx-02",
        port_groups=(
            a_port_group("Management Network", vlan_id=10),
            a_port_group("Lab", vlan_id=10),
        ),
        vmkernel_nics=(a_vmk(),),
    )

    [violation] = violations(CHECK, a_host(), other)

    assert violation.key == "vmk0:shared"
    assert violation.message == "VLAN 10, on which esx-01 is managed, is also used by Lab."


def test_management_of_another_host_on_the_same_vlan_is_meant():
    assert passes(CHECK, a_host(), a_host("esx-02"))


def test_another_service_on_the_management_vlan_fails():
    port_groups = (
        a_port_group("Management Network", vlan_id=10),
        a_port_group("vMotion", vlan_id=10),
    )

    assert keys(CHECK, a_host(port_groups=port_groups)) == {"vmk0:shared"}


@pytest.mark.parametrize(("first", "last", "shared"), [(11, 20, False), (10, 20, True)])
def test_a_trunk_shares_the_vlan_only_when_it_contains_it(first, last, shared):
    trunk = a_network(vlan_type="trunk", vlan_id=None, vlan_ranges=((first, last),))

    assert passes(CHECK, a_host(), trunk) is not shared


def test_machines_on_the_management_port_group_fail_unless_they_belong_there():
    network = management(vm_refs=("vm-vcsa", "vm-jump"))
    around = (network, a_vm("vcsa"), a_vm("jump"))

    assert keys(CHECK, on_dvs(), *around) == {"vmk0:machines"}
    assert passes(CHECK, on_dvs(), *around, appliances=("vcsa", "jump"))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_host(vmkernel_nics=None))
    assert missing(CHECK, a_host(port_groups=None))
    assert missing(CHECK, on_dvs(), management(vlan_type=None)) == "the VLAN of vmk0"
    assert missing(CHECK, on_dvs(), management(vm_refs=None))
    assert missing(CHECK, a_host(), a_network(vlan_type=None)) == "the VLAN of app"


def test_lists_with_holes_prove_nothing():
    assert missing(CHECK, a_host(), complete=frozenset(Kind) - {Kind.NETWORK})
    assert missing(CHECK, a_host(), complete=frozenset(Kind) - {Kind.HOST})
