import pytest

from inventory.records import Host
from tests.policies.builders import (
    a_host,
    a_port_group,
    keys,
    missing,
    passes,
)

CHECK = "host-port-group-vlan"


def with_vlan(vlan_id: int | None) -> Host:
    return a_host(port_groups=(a_port_group("VM Network", vlan_id=vlan_id),))


@pytest.mark.parametrize("vlan_id", [2, 100, 3967, 4048, 4093])
def test_a_vlan_of_its_own_passes(vlan_id):
    assert passes(CHECK, with_vlan(vlan_id))


@pytest.mark.parametrize("vlan_id", [0, 1, 3968, 4047, 4094, 4095])
def test_none_all_and_reserved_fail(vlan_id):
    assert keys(CHECK, with_vlan(vlan_id)) == {"VM Network"}


def test_a_port_group_of_the_host_itself_is_judged_elsewhere():
    port_groups = (a_port_group("Management Network", vlan_id=0),)

    assert passes(CHECK, a_host(port_groups=port_groups))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_host(port_groups=None)) == "port_groups"
    assert missing(CHECK, a_host(vmkernel_nics=None)) == "vmkernel_nics"
    assert "VM Network" in missing(CHECK, with_vlan(None))
