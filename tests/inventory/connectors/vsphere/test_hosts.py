from datetime import UTC, datetime

import pytest

from inventory.connectors.vsphere.mapping import hosts
from inventory.records import Certificate, FirewallRule, Host, HostPortGroup, SecurityPolicy
from tests.inventory.connectors.vsphere.metadata import type_of
from tests.inventory.connectors.vsphere.pages import (
    a_property,
    a_text,
    an_estate,
    facts_of,
    recorded,
    withheld,
)

IDENTITY = a_text("hardware.systemInfo.uuid", "h-1")
PNICS = a_property(
    "config.network.pnic",
    "<PhysicalNic><key>key-vim.host.PhysicalNic-vmnic0</key><device>vmnic0</device>"
    "<driver>ixgben</driver><linkSpeed><speedMb>10000</speedMb><duplex>true</duplex></linkSpeed>"
    "<mac>AA:BB:CC:00:00:01</mac></PhysicalNic>"
    "<PhysicalNic><key>key-vim.host.PhysicalNic-vmnic1</key><device>vmnic1</device>"
    "<mac>AA:BB:CC:00:00:02</mac></PhysicalNic>",
    "ArrayOfPhysicalNic",
)


def a_host(*properties: str) -> Host:
    return hosts.host(
        facts_of(IDENTITY, a_text("name", "esx1"), *properties, ref="host-1", type_="HostSystem"),
        an_estate(),
    )


def test_the_simulators_host_is_read_whole() -> None:
    [facts] = recorded("HostSystem")

    host = hosts.host(facts, an_estate())

    assert (host.cluster_ref or "").startswith("domain-c")
    assert [nic.name for nic in host.pnics or ()] == ["vmnic0", "vmnic1"]
    assert [(nic.device, nic.services) for nic in host.vmkernel_nics or ()] == [
        ("vmk0", ("management",))
    ]
    assert [(switch.name, switch.pnics) for switch in host.switches or ()] == [
        ("vSwitch0", ("vmnic0",))
    ]
    assert "TSM-SSH" in {service.key for service in host.services or ()}
    assert host.firewall_incoming_blocked is not None
    assert host.lockdown_mode == "lockdownDisabled"
    assert host.product is not None
    assert host.options


def test_every_property_read_exists_in_the_vsphere_api() -> None:
    for path in hosts.PATHS:
        assert type_of("HostSystem", path)


def test_a_host_that_is_away_says_nothing_rather_than_that_it_has_nothing() -> None:
    host = a_host()

    assert host.pnics is None
    assert host.vmkernel_nics is None
    assert host.switches is None
    assert host.port_groups is None
    assert host.services is None
    assert host.firewall_rules is None
    assert host.options is None
    assert host.time_servers is None
    assert host.certificate_pem is None


def test_a_present_network_without_port_groups_has_none() -> None:
    host = a_host(PNICS)

    assert host.port_groups == ()
    assert host.switches == ()


def test_a_network_that_is_withheld_is_unknown() -> None:
    host = a_host(PNICS, withheld("config.network.vswitch"))

    assert host.switches is None
    assert host.port_groups == ()


def test_a_nic_without_speed_has_no_link() -> None:
    host = a_host(PNICS)

    assert [(nic.name, nic.link_up, nic.speed_mbps) for nic in host.pnics or ()] == [
        ("vmnic0", True, 10000),
        ("vmnic1", False, None),
    ]


def test_vmkernel_interfaces_list_the_services_that_select_them() -> None:
    vnics = (
        "<HostVirtualNic><device>vmk0</device><key>key-vim.host.VirtualNic-vmk0</key>"
        "<portgroup>Management</portgroup><spec><ip><ipAddress>10.0.0.1</ipAddress></ip>"
        "<mac>00:50:56:00:00:01</mac></spec></HostVirtualNic>"
        "<HostVirtualNic><device>vmk1</device><key>key-vim.host.VirtualNic-vmk1</key>"
        "<portgroup></portgroup><spec><distributedVirtualPort>"
        "<portgroupKey>dvportgroup-3</portgroupKey></distributedVirtualPort></spec>"
        "</HostVirtualNic>"
    )
    config = "".join(
        f"<VirtualNicManagerNetConfig><nicType>{kind}</nicType>"
        f"<candidateVnic><device>vmk0</device><key>{kind}.A</key></candidateVnic>"
        f"<candidateVnic><device>vmk1</device><key>{kind}.B</key></candidateVnic>"
        f"<selectedVnic>{selected}</selectedVnic></VirtualNicManagerNetConfig>"
        for kind, selected in (
            ("management", "management.A"),
            ("vmotion", "vmotion.B"),
            ("vsan", "vsan.key-vim.host.VirtualNic-vmk1"),
        )
    )
    host = a_host(
        a_property("config.network.vnic", vnics, "ArrayOfHostVirtualNic"),
        a_property(
            "config.virtualNicManagerInfo.netConfig", config, "ArrayOfVirtualNicManagerNetConfig"
        ),
    )

    first, second = host.vmkernel_nics or ()
    assert (first.device, first.port_group, first.services) == (
        "vmk0",
        "Management",
        ("management",),
    )
    assert first.ip == "10.0.0.1"
    assert (second.device, second.port_group, second.dv_port_group_ref) == (
        "vmk1",
        None,
        "dvportgroup-3",
    )
    assert second.services == ("vmotion", "vsan")


def test_services_of_interfaces_are_unknown_when_withheld() -> None:
    vnic = "<HostVirtualNic><device>vmk0</device></HostVirtualNic>"
    host = a_host(
        a_property("config.network.vnic", vnic, "ArrayOfHostVirtualNic"),
        withheld("config.virtualNicManagerInfo.netConfig"),
    )

    assert (host.vmkernel_nics or ())[0].services is None


def test_a_port_group_is_read_as_it_is_in_force() -> None:
    group = (
        "<HostPortGroup><key>k</key><computedPolicy>"
        "<security><allowPromiscuous>true</allowPromiscuous><macChanges>false</macChanges>"
        "<forgedTransmits>false</forgedTransmits></security>"
        "<nicTeaming><nicOrder><activeNic>vmnic0</activeNic><standbyNic>vmnic1</standbyNic>"
        "<standbyNic>vmnic2</standbyNic></nicOrder></nicTeaming></computedPolicy>"
        "<spec><name>Prod</name><vlanId>40</vlanId><vswitchName>vSwitch1</vswitchName></spec>"
        "</HostPortGroup>"
    )
    host = a_host(a_property("config.network.portgroup", group, "ArrayOfHostPortGroup"))

    assert host.port_groups == (
        HostPortGroup(
            name="Prod",
            switch="vSwitch1",
            vlan_id=40,
            active_nics=("vmnic0",),
            standby_nics=("vmnic1", "vmnic2"),
            security=SecurityPolicy(promiscuous=True, mac_changes=False, forged_transmits=False),
        ),
    )


def test_firewall_rules_name_addresses_and_networks() -> None:
    section = (
        "<defaultPolicy><incomingBlocked>true</incomingBlocked>"
        "<outgoingBlocked>false</outgoingBlocked></defaultPolicy>"
        "<ruleset><key>sshServer</key><enabled>true</enabled><allowedHosts>"
        "<ipAddress>10.0.0.9</ipAddress>"
        "<ipNetwork><network>10.1.0.0</network><prefixLength>24</prefixLength></ipNetwork>"
        "<allIp>false</allIp></allowedHosts></ruleset>"
    )
    host = a_host(a_property("config.firewall", section, "HostFirewallInfo"))

    assert host.firewall_incoming_blocked is True
    assert host.firewall_outgoing_blocked is False
    assert host.firewall_rules == (
        FirewallRule(
            key="sshServer", enabled=True, all_ips=False, allowed=("10.0.0.9", "10.1.0.0/24")
        ),
    )


def test_options_are_text_and_secrets_stay_where_they_are() -> None:
    options = "".join(
        f'<OptionValue><key>{key}</key><value xsi:type="{type_}">{text}</value></OptionValue>'
        for key, type_, text in (
            ("Net.BlockGuestBPDU", "xsd:long", "1"),
            ("Config.HostAgent.plugins.solo.enableMob", "xsd:boolean", "false"),
            ("Security.PasswordHistory", "xsd:long", "5"),
            ("Security.PasswordQualityControl", "xsd:string", "retry=3"),
            ("UserVars.ProxyPassword", "xsd:string", "hunter2"),
            ("snmp.receiver.1.community", "xsd:string", "public"),
        )
    )
    host = a_host(a_property("config.option", options, "ArrayOfOptionValue"))

    assert host.options == {
        "Config.HostAgent.plugins.solo.enableMob": "false",
        "Net.BlockGuestBPDU": "1",
        "Security.PasswordHistory": "5",
        "Security.PasswordQualityControl": "retry=3",
    }


def test_time_servers_are_none_set_when_the_section_says_so() -> None:
    host = a_host(
        a_property(
            "config.dateTimeInfo",
            "<timeZone><key>UTC</key></timeZone><systemClockProtocol>ntp</systemClockProtocol>",
            "HostDateTimeInfo",
        )
    )

    assert host.time_servers == ()
    assert host.time_protocol == "ntp"


def test_how_a_host_keeps_time_is_read() -> None:
    section = "<enabled>true</enabled><disableFallback>true</disableFallback>"
    host = a_host(a_property("config.dateTimeInfo", section, "HostDateTimeInfo"))

    assert (host.time_enabled, host.time_fallback) == (True, False)
    older = a_host(a_property("config.dateTimeInfo", "<timeZone/>", "HostDateTimeInfo"))
    assert (older.time_enabled, older.time_fallback) == (None, None)
    assert (older.time_in_fallback, older.time_in_sync) == (None, None)


def test_a_host_tells_whether_its_clock_is_in_step_and_whether_it_may_hold_keys() -> None:
    section = "<inFallbackState>true</inFallbackState><serviceSync>false</serviceSync>"
    host = a_host(
        a_property("config.dateTimeInfo", section, "HostDateTimeInfo"),
        a_text("runtime.cryptoState", "safe"),
    )

    assert (host.time_in_fallback, host.time_in_sync) == (True, False)
    assert host.crypto_state == "safe"


def test_one_time_server_is_still_a_list() -> None:
    section = "<ntpConfig><server>ntp.example.org</server></ntpConfig>"
    host = a_host(a_property("config.dateTimeInfo", section, "HostDateTimeInfo"))

    assert host.time_servers == ("ntp.example.org",)


@pytest.mark.parametrize(
    ("content", "type_"),
    [
        ("".join(f"<byte>{byte}</byte>" for byte in b"-----BEGIN X"), "ArrayOfByte"),
        ("LS0tLS1CRUdJTiBY", "xsd:base64Binary"),
    ],
)
def test_a_certificate_is_text_however_it_is_sent(content: str, type_: str) -> None:
    assert (
        a_host(a_property("config.certificate", content, type_)).certificate_pem == "-----BEGIN X"
    )


def test_a_certificate_is_read() -> None:
    [facts] = recorded("HostSystem")
    certificate = hosts.host(facts, an_estate()).certificate

    assert certificate == Certificate(
        subject="O=Acme Co",
        issuer="O=Acme Co",
        not_before=datetime(1970, 1, 1, tzinfo=UTC),
        not_after=datetime(2084, 1, 29, 16, tzinfo=UTC),
        sha256="4c3d58c280ea08a0675379a8d53b7c776a8a40eed1804e1726395bd70723d4d8",
    )


def test_a_certificate_that_cannot_be_read_is_unknown() -> None:
    text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    host = a_host(a_text("config.certificate", text))

    assert host.certificate_pem == text
    assert host.certificate is None


def test_a_host_says_what_it_answered_when_asked() -> None:
    estate = an_estate()
    estate.answers = {
        "QueryLockdownExceptions": {"host-1": ["svc-backup", "CORP\\ops"], "host-2": []},
        "HostImageConfigGetAcceptance": {"host-1": ["partner"]},
    }

    one, two, three = (
        hosts.host(facts_of(IDENTITY, ref=ref, type_="HostSystem"), estate)
        for ref in ("host-1", "host-2", "host-3")
    )

    assert one.lockdown_exceptions == ("CORP\\ops", "svc-backup")
    assert one.acceptance_level == "partner"
    assert (two.lockdown_exceptions, two.acceptance_level) == ((), None)
    assert three.lockdown_exceptions is None


def test_a_host_outside_a_cluster_says_so() -> None:
    parent = (
        '<propSet><name>parent</name><val type="{}" xsi:type="ManagedObjectReference">{}</val>'
        "</propSet>"
    )

    assert a_host(parent.format("ComputeResource", "domain-s1")).cluster_ref == ""
    assert a_host(parent.format("ClusterComputeResource", "domain-c1")).cluster_ref == "domain-c1"
    assert a_host().cluster_ref is None


def test_a_host_without_hardware_falls_back_to_its_summary() -> None:
    facts = facts_of(a_text("summary.hardware.uuid", "h-2"), ref="host-2", type_="HostSystem")

    assert hosts.host(facts, an_estate()).uid == "h-2"


def test_a_host_without_an_identity_is_refused() -> None:
    with pytest.raises(ValueError, match="hardware id"):
        hosts.host(facts_of(a_text("name", "esx"), ref="host-1", type_="HostSystem"), an_estate())


def test_a_host_tells_which_vmnic_is_behind_which_uplink() -> None:
    estate = an_estate()
    proxy = (
        "<HostProxySwitch><dvsUuid>u-1</dvsUuid><dvsName>dvs</dvsName>"
        "<pnic>key-vim.host.PhysicalNic-vmnic1</pnic>"
        "<uplinkPort><key>16</key><value>Uplink 1</value></uplinkPort>"
        "<uplinkPort><key>17</key><value>Uplink 2</value></uplinkPort>"
        "<spec><backing><pnicSpec><pnicDevice>vmnic1</pnicDevice>"
        "<uplinkPortKey>17</uplinkPortKey></pnicSpec></backing></spec></HostProxySwitch>"
    )
    facts = facts_of(
        IDENTITY,
        a_property("config.network.proxySwitch", proxy, "ArrayOfHostProxySwitch"),
        ref="host-1",
        type_="HostSystem",
    )

    host = hosts.host(facts, estate)

    assert [(one.name, one.switch_uuid, one.pnics) for one in host.switches or ()] == [
        ("dvs", "u-1", ("vmnic1",))
    ]
    assert estate.uplinks_of("u-1") == {"host-1": {"Uplink 2": "vmnic1"}}
    assert estate.uplinks_of("u-2") is None
