import pytest

from inventory.connectors.vsphere.mapping import fabric
from inventory.records import Mount, Network, SecurityPolicy
from tests.inventory.connectors.vsphere.metadata import type_of
from tests.inventory.connectors.vsphere.pages import (
    a_property,
    a_text,
    an_estate,
    facts_of,
    recorded,
    withheld,
)

PATHS = {
    "Network": fabric.NETWORK_PATHS,
    "DistributedVirtualPortgroup": fabric.PORT_GROUP_PATHS,
    "OpaqueNetwork": fabric.OPAQUE_PATHS,
    "Datastore": fabric.DATASTORE_PATHS,
}


@pytest.mark.parametrize("type_", PATHS)
def test_every_property_read_exists_in_the_vsphere_api(type_: str) -> None:
    for path in PATHS[type_]:
        assert type_of(type_, path)


def test_the_simulators_networks_are_read_whole() -> None:
    details = {facts.ref: facts for facts in recorded("DistributedVirtualPortgroup")}

    found = {
        network.name: network
        for facts in recorded("Network")
        for network in [fabric.network(facts, details.get(facts.ref), an_estate())]
    }

    assert found["VM Network"].type == "standard"
    group = found["DC0_DVPG0"]
    assert (group.type, group.vlan_type, group.vlan_id) == ("distributed", "none", 0)
    assert group.uplink is False
    assert group.switch_ref == "dvs-8"
    assert group.security == SecurityPolicy(
        promiscuous=False, mac_changes=False, forged_transmits=False
    )
    [uplinks] = [network for network in found.values() if network.uplink]
    assert uplinks.vlan_type == "trunk"
    assert uplinks.vlan_ranges == ((0, 4094),)


def test_the_simulators_datastore_is_read() -> None:
    [datastore] = (fabric.datastore(found, an_estate()) for found in recorded("Datastore"))

    assert datastore.accessible is True
    assert datastore.maintenance == "normal"
    assert len(datastore.host_refs or ()) == 1
    assert len(datastore.vm_refs or ()) == 1


def test_a_datastore_tells_what_each_host_may_do_with_it() -> None:
    mounts = "".join(
        f'<DatastoreHostMount><key type="HostSystem">{host}</key><mountInfo>{info}</mountInfo>'
        "</DatastoreHostMount>"
        for host, info in (
            ("host-2", "<accessMode>readOnly</accessMode><mounted>true</mounted>"),
            ("host-1", "<accessMode>readWrite</accessMode><mounted>false</mounted>"),
            ("host-3", ""),
        )
    )
    found = fabric.datastore(
        facts_of(
            a_property("host", mounts, "ArrayOfDatastoreHostMount"),
            ref="datastore-1",
            type_="Datastore",
        ),
        an_estate(),
    )

    assert found.mounts == (
        Mount(host_ref="host-1", access="readWrite", mounted=False),
        Mount(host_ref="host-2", access="readOnly", mounted=True),
        Mount(host_ref="host-3"),
    )


def test_mounts_of_a_datastore_are_unknown_when_withheld() -> None:
    found = fabric.datastore(
        facts_of(withheld("host"), ref="datastore-1", type_="Datastore"), an_estate()
    )

    assert found.mounts is None


def a_group(ports: str, *more: str) -> Network:
    ref, type_ = "dvportgroup-1", "DistributedVirtualPortgroup"
    return fabric.network(
        facts_of(a_text("name", "pg"), ref=ref, type_=type_),
        facts_of(
            a_property("config.defaultPortConfig", ports, "VMwareDVSPortSetting"),
            *more,
            ref=ref,
            type_=type_,
        ),
        an_estate(),
    )


@pytest.mark.parametrize(
    ("spec", "content", "expected"),
    [
        ("VlanIdSpec", "<vlanId>0</vlanId>", ("none", 0, None)),
        ("VlanIdSpec", "<vlanId>40</vlanId>", ("vlan", 40, None)),
        ("PvlanSpec", "<pvlanId>41</pvlanId>", ("pvlan", 41, None)),
        (
            "TrunkVlanSpec",
            "<vlanId><start>1</start><end>9</end></vlanId>"
            "<vlanId><start>20</start><end>20</end></vlanId>",
            ("trunk", None, ((1, 9), (20, 20))),
        ),
        ("SomethingNew", "<vlanId>1</vlanId>", (None, None, None)),
    ],
)
def test_vlans_are_told_by_their_kind(
    spec: str, content: str, expected: tuple[object, ...]
) -> None:
    group = a_group(f'<vlan xsi:type="VmwareDistributedVirtualSwitch{spec}">{content}</vlan>')

    assert (group.vlan_type, group.vlan_id, group.vlan_ranges) == expected


def test_the_newer_security_policy_wins_over_the_older_one() -> None:
    group = a_group(
        "<securityPolicy><allowPromiscuous><value>false</value></allowPromiscuous>"
        "<macChanges><value>true</value></macChanges></securityPolicy>"
        "<macManagementPolicy><allowPromiscuous>true</allowPromiscuous></macManagementPolicy>"
    )

    assert group.security == SecurityPolicy(
        promiscuous=True, mac_changes=True, forged_transmits=None
    )


def test_uplinks_and_flow_export_are_read() -> None:
    group = a_group(
        "<ipfixEnabled><value>true</value></ipfixEnabled><uplinkTeamingPolicy><uplinkPortOrder>"
        "<activeUplinkPort>Uplink 1</activeUplinkPort></uplinkPortOrder></uplinkTeamingPolicy>"
    )

    assert group.netflow is True
    assert (group.failback, group.notify_switches, group.teaming) == (None, None, None)
    assert (group.active_uplinks, group.standby_uplinks) == (("Uplink 1",), ())


def test_a_port_group_whose_details_are_withheld_is_unknown() -> None:
    ref, type_ = "dvportgroup-1", "DistributedVirtualPortgroup"
    details = facts_of(
        withheld("config.defaultPortConfig"), withheld("config.uplink"), ref=ref, type_=type_
    )

    group = fabric.network(
        facts_of(a_text("name", "pg"), ref=ref, type_=type_), details, an_estate()
    )

    assert (group.vlan_type, group.security, group.netflow, group.uplink) == (None,) * 4


def test_a_network_is_found_by_what_a_cards_backing_calls_it() -> None:
    summary = a_property(
        "summary",
        "<name>seg</name><opaqueNetworkId>o-1</opaqueNetworkId>",
        "OpaqueNetworkSummary",
    )

    assert fabric.network_key(facts_of(a_text("key", "dvportgroup-1"))) == "dvportgroup-1"
    assert fabric.network_key(facts_of(summary)) == "o-1"


def test_a_group_tells_how_it_uses_its_uplinks() -> None:
    group = a_group(
        "<blocked><value>false</value></blocked><uplinkTeamingPolicy>"
        "<policy><value>failover_explicit</value></policy>"
        "<notifySwitches><value>true</value></notifySwitches>"
        "<rollingOrder><value>false</value></rollingOrder></uplinkTeamingPolicy>",
        a_text("config.type", "ephemeral"),
    )

    assert (group.teaming, group.failback, group.notify_switches) == (
        "failover_explicit",
        True,
        True,
    )
    assert (group.blocked, group.binding) == (False, "ephemeral")


def test_a_group_tells_whether_addresses_are_learnt() -> None:
    learning = (
        "<macManagementPolicy><macLearningPolicy><enabled>true</enabled></macLearningPolicy>"
        "</macManagementPolicy>"
    )

    assert a_group(learning).mac_learning is True
    assert a_group("").mac_learning is None


def test_a_group_tells_what_its_ports_may_replace() -> None:
    policy = (
        "<blockOverrideAllowed>true</blockOverrideAllowed>"
        "<vlanOverrideAllowed>false</vlanOverrideAllowed>"
        "<portConfigResetAtDisconnect>true</portConfigResetAtDisconnect>"
    )
    group = a_group("", a_property("config.policy", policy, "VMwareDVSPortgroupPolicy"))

    assert group.override_allowed == {"blocking": True, "vlan": False}
    assert group.resets_ports is True
    assert a_group("").override_allowed is None
    assert a_group("").resets_ports is None
