from inventory.connectors.vsphere.mapping import switches
from inventory.parts import MirrorEnd
from inventory.records import MirrorSession, PrivateVlan, Switch
from tests.inventory.connectors.vsphere.metadata import type_of
from tests.inventory.connectors.vsphere.pages import (
    a_property,
    a_text,
    an_estate,
    facts_of,
    recorded,
    withheld,
)


def test_every_property_read_exists_in_the_vsphere_api() -> None:
    for path in switches.PATHS:
        assert type_of("VmwareDistributedVirtualSwitch", path)


def test_the_simulators_switch_is_read() -> None:
    [switch] = (
        switches.switch(found, an_estate()) for found in recorded("DistributedVirtualSwitch")
    )

    assert switch.uuid
    assert (switch.mirror_sessions, switch.private_vlans, switch.health_checks) == ((), (), {})


def test_a_switch_tells_what_watches_it() -> None:
    estate = an_estate()
    estate.add_uplinks("u-1", "host-1", {"Uplink 1": "vmnic0"})
    config = (
        "<productInfo><version>8.0.0</version></productInfo>"
        "<vspanSession><key>7</key><name>to sensor</name><enabled>true</enabled>"
        "<sessionType>dvPortMirror</sessionType><samplingRate>1</samplingRate>"
        "<sourcePortTransmitted><portKey>12</portKey><portKey>11</portKey><vlans>30</vlans>"
        "</sourcePortTransmitted><destinationPort><ipAddress>10.0.0.9</ipAddress>"
        "<uplinkPortName>Uplink 2</uplinkPortName></destinationPort>"
        "<normalTrafficAllowed>false</normalTrafficAllowed></vspanSession>"
        "<ipfixConfig><collectorIpAddress>10.0.0.5</collectorIpAddress>"
        "<samplingRate>0</samplingRate><internalFlowsOnly>true</internalFlowsOnly></ipfixConfig>"
        '<healthCheckConfig xsi:type="VMwareDVSVlanMtuHealthCheckConfig"><enable>true</enable>'
        '</healthCheckConfig><healthCheckConfig xsi:type="VMwareDVSTeamingHealthCheckConfig">'
        "<enable>false</enable></healthCheckConfig>"
        "<networkResourceManagementEnabled>true</networkResourceManagementEnabled>"
        "<pvlanConfig><primaryVlanId>30</primaryVlanId><secondaryVlanId>31</secondaryVlanId>"
        "<pvlanType>isolated</pvlanType></pvlanConfig>"
        "<linkDiscoveryProtocolConfig><protocol>cdp</protocol><operation>listen</operation>"
        "</linkDiscoveryProtocolConfig>"
        '<host><config><host type="HostSystem">host-1</host></config></host>'
    )
    switch = switches.switch(
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
    assert switch.mirror_sessions == (
        MirrorSession(
            key="7",
            name="to sensor",
            enabled=True,
            type="dvPortMirror",
            sent=MirrorEnd(ports=("11", "12"), vlans=(30,)),
            destination=MirrorEnd(addresses=("10.0.0.9",), uplinks=("Uplink 2",)),
            sampling_rate=1,
            normal_traffic=False,
        ),
    )
    assert (switch.netflow_collector, switch.discovery_protocol) == ("10.0.0.5", "cdp")
    assert (switch.netflow_sampling, switch.netflow_internal_only) == (0, True)
    assert switch.discovery_operation == "listen"
    assert switch.health_checks == {"teaming": False, "vlan-mtu": True}
    assert switch.network_io_control is True
    assert switch.private_vlans == (PrivateVlan(key="31", primary_id=30, type="isolated"),)
    assert switch.host_refs == ("host-1",)
    assert switch.uplinks == {"host-1": {"Uplink 1": "vmnic0"}}


def test_a_switch_that_does_not_tell_its_configuration_is_unknown() -> None:
    switch = switches.switch(
        facts_of(withheld("config"), ref="dvs-1", type_="VmwareDistributedVirtualSwitch"),
        an_estate(),
    )

    told = {"platform", "uid", "ref", "name"}
    assert {name for name in Switch.__struct_fields__ if getattr(switch, name) is not None} == told
