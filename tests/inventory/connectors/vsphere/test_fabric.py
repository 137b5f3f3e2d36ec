import pytest

from inventory.connectors.vsphere.mapping import fabric
from inventory.records import Network, PlacementRule, SecurityPolicy
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
    "ClusterComputeResource": fabric.CLUSTER_PATHS,
    "Network": fabric.NETWORK_PATHS,
    "DistributedVirtualPortgroup": fabric.PORT_GROUP_PATHS,
    "OpaqueNetwork": fabric.OPAQUE_PATHS,
    "DistributedVirtualSwitch": fabric.SWITCH_PATHS,
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
        for network in [fabric.network(facts, details.get(facts.ref))]
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


def test_the_simulators_other_objects_are_read() -> None:
    [cluster] = map(fabric.cluster, recorded("ClusterComputeResource"))
    [switch] = (fabric.switch(found, an_estate()) for found in recorded("DistributedVirtualSwitch"))
    [datastore] = map(fabric.datastore, recorded("Datastore"))

    assert cluster.drs_enabled is True
    assert len(cluster.host_refs or ()) == 1
    assert switch.uuid
    assert switch.mirror_sessions == ()
    assert datastore.accessible is True
    assert len(datastore.host_refs or ()) == 1
    assert len(datastore.vm_refs or ()) == 1


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
    assert (group.active_uplinks, group.standby_uplinks) == (("Uplink 1",), ())


def test_a_port_group_whose_details_are_withheld_is_unknown() -> None:
    ref, type_ = "dvportgroup-1", "DistributedVirtualPortgroup"
    details = facts_of(
        withheld("config.defaultPortConfig"), withheld("config.uplink"), ref=ref, type_=type_
    )

    group = fabric.network(facts_of(a_text("name", "pg"), ref=ref, type_=type_), details)

    assert (group.vlan_type, group.security, group.netflow, group.uplink) == (None,) * 4


def test_a_network_is_found_by_what_a_cards_backing_calls_it() -> None:
    summary = a_property(
        "summary",
        "<name>seg</name><opaqueNetworkId>o-1</opaqueNetworkId>",
        "OpaqueNetworkSummary",
    )

    assert fabric.network_key(facts_of(a_text("key", "dvportgroup-1"))) == "dvportgroup-1"
    assert fabric.network_key(facts_of(summary)) == "o-1"


def test_placement_rules_name_machines_and_hosts() -> None:
    def refs(tag: str, type_: str, *found: str) -> str:
        return "".join(f'<{tag} type="{type_}">{ref}</{tag}>' for ref in found)

    config = (
        "<drsConfig><enabled>true</enabled><defaultVmBehavior>fullyAutomated</defaultVmBehavior>"
        "</drsConfig><dasConfig><enabled>false</enabled></dasConfig>"
        '<rule xsi:type="ClusterAntiAffinityRuleSpec"><name>apart</name><enabled>true</enabled>'
        f"{refs('vm', 'VirtualMachine', 'vm-2', 'vm-1')}</rule>"
        '<rule xsi:type="ClusterVmHostRuleInfo"><name>licensed</name><enabled>true</enabled>'
        "<mandatory>true</mandatory><vmGroupName>vms</vmGroupName>"
        "<affineHostGroupName>hosts</affineHostGroupName></rule>"
        '<rule xsi:type="ClusterVmHostRuleInfo"><name>keep off</name><enabled>false</enabled>'
        "<vmGroupName>vms</vmGroupName><antiAffineHostGroupName>hosts</antiAffineHostGroupName>"
        "</rule>"
        f'<group xsi:type="ClusterVmGroup"><name>vms</name>{refs("vm", "VirtualMachine", "vm-3")}'
        '</group><group xsi:type="ClusterHostGroup"><name>hosts</name>'
        f"{refs('host', 'HostSystem', 'host-1')}</group>"
    )
    cluster = fabric.cluster(
        facts_of(
            a_text("name", "c"),
            a_property("configurationEx", config, "ClusterConfigInfoEx"),
            ref="domain-c1",
            type_="ClusterComputeResource",
        )
    )

    assert (cluster.drs_automation, cluster.ha_enabled) == ("fullyAutomated", False)
    assert cluster.rules == (
        PlacementRule(name="apart", type="anti-affinity", enabled=True, vm_refs=("vm-1", "vm-2")),
        PlacementRule(
            name="licensed",
            type="vm-host",
            enabled=True,
            mandatory=True,
            vm_refs=("vm-3",),
            host_refs=("host-1",),
        ),
        PlacementRule(
            name="keep off",
            type="vm-host-anti",
            enabled=False,
            vm_refs=("vm-3",),
            host_refs=("host-1",),
        ),
    )


def test_a_cluster_that_does_not_tell_its_rules_has_unknown_rules() -> None:
    facts = facts_of(withheld("configurationEx"), ref="domain-c1", type_="ClusterComputeResource")

    assert fabric.cluster(facts).rules is None


def test_a_switch_tells_what_watches_it() -> None:
    estate = an_estate()
    estate.add_uplinks("u-1", "host-1", {"Uplink 1": "vmnic0"})
    config = (
        "<productInfo><version>8.0.0</version></productInfo>"
        "<vspanSession><key>7</key><name>to sensor</name><enabled>true</enabled>"
        "<sessionType>dvPortMirror</sessionType></vspanSession>"
        "<ipfixConfig><collectorIpAddress>10.0.0.5</collectorIpAddress></ipfixConfig>"
        "<linkDiscoveryProtocolConfig><protocol>cdp</protocol><operation>listen</operation>"
        "</linkDiscoveryProtocolConfig>"
        '<host><config><host type="HostSystem">host-1</host></config></host>'
    )
    switch = fabric.switch(
        facts_of(
            a_text("name", "dvs"),
            a_text("uuid", "u-1"),
            a_property("config", config, "VMwareDVSConfigInfo"),
            ref="dvs-1",
            type_="VmwareDistributedVirtualSwitch",
        ),
        estate,
    )

    assert switch.version == "8.0.0"
    assert [(one.key, one.enabled, one.type) for one in switch.mirror_sessions or ()] == [
        ("7", True, "dvPortMirror")
    ]
    assert (switch.netflow_collector, switch.discovery_protocol) == ("10.0.0.5", "cdp")
    assert switch.host_refs == ("host-1",)
    assert switch.uplinks == {"host-1": {"Uplink 1": "vmnic0"}}
