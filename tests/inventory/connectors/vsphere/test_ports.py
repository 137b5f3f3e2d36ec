from typing import Any

import pytest

from inventory.connectors.vsphere.mapping import ports
from inventory.connectors.vsphere.xml import Ref
from inventory.records import PortOverride, SecurityPolicy
from tests.inventory.connectors.vsphere.metadata import type_of

INHERITED = {"inherited": "true"}
OWN = {"inherited": "false"}


def a_port(**setting: Any) -> dict[str, Any]:
    return {
        "key": "12",
        "portgroupKey": "dvportgroup-1",
        "config": {"setting": {"_type": "VMwareDVSPortSetting", **setting}},
    }


def test_every_name_used_exists_in_the_vsphere_api() -> None:
    for flag, settings in ports._OVERRIDES.values():
        assert type_of("VMwareDVSPortgroupPolicy", flag)
        for setting in settings:
            assert type_of("VMwareDVSPortSetting", setting)


def test_a_port_that_inherits_everything_is_like_its_group() -> None:
    assert ports.port_override(a_port(vlan=INHERITED, securityPolicy=INHERITED)) is None
    assert ports.port_override(a_port()) is None


def test_a_port_tells_what_it_replaces_and_by_what() -> None:
    vlan = {**OWN, "_type": "VmwareDistributedVirtualSwitchVlanIdSpec", "vlanId": "40"}
    security = {**OWN, "allowPromiscuous": {"value": "true"}, "macChanges": {"value": "false"}}
    machine = {"connectedEntity": Ref("vm-7", "VirtualMachine")}

    port = {**a_port(vlan=vlan, securityPolicy=security), "connectee": machine}

    assert ports.port_override(port) == PortOverride(
        key="12",
        replaces=("security", "vlan"),
        vm_ref="vm-7",
        vlan_type="vlan",
        vlan_id=40,
        security=SecurityPolicy(promiscuous=True, mac_changes=False),
    )


def test_only_what_is_replaced_is_told() -> None:
    vlan = {**INHERITED, "_type": "VmwareDistributedVirtualSwitchVlanIdSpec", "vlanId": "40"}
    host = {"connectedEntity": Ref("host-7", "HostSystem")}

    port = {**a_port(vlan=vlan, ipfixEnabled=OWN), "connectee": host}

    assert ports.port_override(port) == PortOverride(key="12", replaces=("netflow",))


def test_a_port_that_replaces_nothing_weighty_is_not_told_wherever_it_is() -> None:
    assert ports.port_override(a_port(blocked=OWN, uplinkTeamingPolicy=OWN)) is None

    found = ports.port_override(a_port(blocked=OWN, vlan=OWN))

    assert found == PortOverride(key="12", replaces=("blocking", "vlan"))


@pytest.mark.parametrize("odd", [{}, {"key": "1", "config": "?"}, {"key": "1", "config": {}}])
def test_a_port_that_cannot_be_read_replaces_nothing(odd: dict[str, Any]) -> None:
    assert ports.port_override(odd) is None
