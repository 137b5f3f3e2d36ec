import pytest

from tests.policies.builders import (
    a_network,
    excused,
    missing,
    passes,
    violations,
    without,
)

CHECK = "network-vlan"


@pytest.mark.parametrize("vlan_id", [2, 100, 4093])
@pytest.mark.parametrize("vlan_type", ["vlan", "pvlan"])
def test_a_vlan_of_its_own_passes(vlan_type, vlan_id):
    assert passes(CHECK, a_network(vlan_type=vlan_type, vlan_id=vlan_id))


@pytest.mark.parametrize("vlan_id", [0, 1, 3968, 4047, 4094])
def test_none_and_reserved_fail(vlan_id):
    assert violations(CHECK, a_network(vlan_id=vlan_id))


def test_no_vlan_and_a_trunk_fail():
    [violation] = violations(CHECK, a_network(vlan_type="none", vlan_id=0))
    assert violation.message == "Port group app has no VLAN."

    trunk = a_network(vlan_type="trunk", vlan_id=None, vlan_ranges=((0, 4094),))
    assert violations(CHECK, trunk)


def test_an_uplink_port_group_is_a_trunk_by_nature():
    assert excused(CHECK, a_network(uplink=True, vlan_type="trunk"))


def test_the_vlan_of_a_standard_network_is_judged_on_its_hosts():
    assert excused(CHECK, a_network(type="standard", vlan_type=None, uplink=None))


@pytest.mark.parametrize("fact", ["uplink", "vlan_type", "vlan_id"])
def test_what_could_not_be_read_is_unknown(fact):
    assert missing(CHECK, a_network(**without(fact))) == fact


def test_a_type_that_is_not_known_is_unknown():
    assert missing(CHECK, a_network(vlan_type="vxlan"))
