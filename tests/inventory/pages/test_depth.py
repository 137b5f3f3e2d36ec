"""What a platform says beyond the first facts stands on the page where one would look for it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from inventory.parts import MirrorEnd
from inventory.records import (
    Alarm,
    Certificate,
    Device,
    Disk,
    Library,
    LibraryFile,
    Licence,
    LoginSession,
    MirrorSession,
    Mount,
    Nic,
    PlacementGroup,
    PlacementOverride,
    PortOverride,
    PrivateVlan,
    SecurityPolicy,
    VmFile,
)
from tests.inventory.pages.test_assets import page
from tests.inventory.pages.world import HOSTILE, World, change, person, publish
from tests.policies.builders import (
    a_cluster,
    a_datastore,
    a_host,
    a_network,
    a_nic,
    a_platform,
    a_rule,
    a_snapshot,
    a_switch,
    an_image,
)


def text_of(html: str) -> str:
    """What a reader reads, in one line, with a space where a cell ends."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def analyst(client: Client, world: World) -> Client:
    client.force_login(person("analyst"))
    return client


def test_a_machine_tells_how_it_is_built(analyst: Client, world: World):
    vm = change(
        world["web-01"],
        at=world.now,
        modified_at=AT,
        suspended_at=AT,
        boot_order=("ethernet", "disk"),
        enters_setup=True,
        tpm=False,
        migrate_encryption="required",
        ft_encryption=None,
        managed_by="com.vmware.vcHms",
        tags={"Zone": ("a", "b")},
        customization="TOOLSDEPLOYPKG_FAILED",
        current_snapshot="s2",
        snapshots=(a_snapshot(uid="s1", age_days=3), a_snapshot(uid="s2", depth=1)),
        nics=(Nic(key="4000", label="NIC 1", adapter="sriov", port_key="17"),),
        disks=(
            Disk(
                key="2000",
                label="Hard disk 1",
                controller="SCSI controller 0",
                bus_sharing="physicalSharing",
                encrypted=False,
            ),
        ),
        devices=(Device(key="13000", type="pci", label="PCI device 0", backing="0000:3b:00.0"),),
    )

    text = text_of(page(analyst, vm))

    for said in (
        "Boot order ethernet, disk",
        "Enters setup at the next start yes",
        "Virtual TPM no",
        "vMotion encryption always",
        "Fault tolerance encryption unknown",
        "Managed by com.vmware.vcHms",
        "Tags (1) Zone a , b",
        "Guest customization failed",
        "Configuration changed 2026-01-01 12:00 UTC",
        "Suspended 2026-01-01 12:00 UTC",
        "sriov",
        "port 17",
        "SCSI controller 0",
        "controller shared across hosts",
        "unknown, 0000:3b:00.0",
    ):
        assert said in text
    assert text.count("before patch Current ") == 1


def test_a_host_tells_who_may_pass_its_lockdown_and_when_its_certificate_ends(
    analyst: Client, world: World
):
    certificate = Certificate(
        subject="CN=esx-20.halden.example",
        issuer="O=VMware,CN=CA",
        not_before=AT,
        not_after=AT + timedelta(days=365),
        sha256="ab" * 32,
    )
    facts = {
        "lockdown_exceptions": ("svc-backup",),
        "acceptance_level": "community",
        "time_enabled": True,
        "time_fallback": False,
        "certificate": certificate,
    }
    host = publish(world.source, a_host("esx-20", **facts), at=world.now)
    silent = publish(world.source, a_host("esx-21"), at=world.now)

    text, unsaid = (text_of(page(analyst, each)) for each in (host, silent))

    assert "Lockdown exceptions svc-backup" in text
    assert "Acceptance level of packages supported by a community" in text
    assert "Time falls back to another protocol no" in text
    assert "Subject CN=esx-20.halden.example" in text
    assert "Valid until 2027-01-01 12:00 UTC" in text
    assert "Lockdown exceptions unknown" in unsaid
    assert "Certificate unknown" in unsaid


def test_a_cluster_tells_its_groups_and_who_goes_another_way(analyst: Client, world: World):
    cluster = publish(
        world.source,
        a_cluster(
            "two",
            ha_admission_control=False,
            rules=(a_rule(in_compliance=False, vm_refs=("vm-web-01",)),),
            groups=(PlacementGroup(name="public", type="vm", vm_refs=("vm-web-02", "vm-none")),),
            overrides=(
                PlacementOverride(vm_ref="vm-web-01", enabled=True, automation="manual"),
                PlacementOverride(vm_ref="vm-none", enabled=False),
            ),
        ),
        at=world.now,
    )

    text = text_of(page(analyst, cluster))

    assert "HA admission control no" in text
    assert "public stays vm-host yes must no web-01 none" in text
    assert "public machines web-02" in text
    assert "web-01 yes manual" in text
    assert "vm-none no unknown" in text


def test_a_network_tells_what_its_ports_may_replace_and_which_do(analyst: Client, world: World):
    network = publish(
        world.source,
        a_network(
            "loose",
            binding="ephemeral",
            override_allowed={"security": True, "vlan": False},
            resets_ports=False,
            teaming="loadbalance_srcid",
            port_overrides=(
                PortOverride(
                    key="7",
                    replaces=("security",),
                    vm_ref="vm-web-01",
                    security=SecurityPolicy(promiscuous=True),
                ),
                PortOverride(key="8", replaces=("vlan",), vlan_type="vlan", vlan_id=40),
            ),
        ),
        at=world.now,
    )

    text = text_of(page(analyst, network))

    assert "Ports may replace security = yes; vlan = no" in text
    assert "7 web-01 security promiscuous yes" in text
    assert "8 none vlan VLAN 40" in text


def test_a_network_without_such_ports_tells_what_was_looked_for(analyst: Client, world: World):
    network = publish(world.source, a_network("strict", port_overrides=()), at=world.now)

    text = text_of(page(analyst, network))

    assert "No connected port has a VLAN, security policy, MAC learning, NetFlow" in text


def test_a_standard_network_is_not_said_to_lack_what_it_cannot_have(analyst: Client, world: World):
    text = text_of(page(analyst, world["Old servers"]))

    assert "Load balancing" not in text
    assert "Port binding" not in text


def test_a_switch_tells_what_it_copies_and_where_to(analyst: Client, world: World):
    session = MirrorSession(
        key="1",
        name="to sensor",
        enabled=True,
        sent=MirrorEnd(ports=("11", "12"), vlans=(1030,)),
        destination=MirrorEnd(addresses=("10.0.0.9",)),
    )
    switch = publish(
        world.source,
        a_switch(
            "dvs-2",
            mirror_sessions=(session,),
            netflow_internal_only=True,
            health_checks={"vlan-mtu": True},
            network_io_control=False,
            private_vlans=(PrivateVlan(key="31", primary_id=30, type="isolated"),),
        ),
        at=world.now,
    )

    text = text_of(page(analyst, switch))

    assert "sent at ports 11, 12, VLANs 1030 addresses 10.0.0.9" in text
    assert "NetFlow of internal traffic alone yes" in text
    assert "Health checks vlan-mtu = yes" in text
    assert "31 30 isolated" in text


def test_a_datastore_tells_which_host_may_only_read(analyst: Client, world: World):
    mounts = (Mount(host_ref="host-esx-01", access="readOnly", mounted=True), Mount(host_ref="h-x"))
    store = publish(
        world.source,
        a_datastore("iso", mounts=mounts, maintenance="normal", tags={"Zone": ("a",)}),
        at=world.now,
    )

    text = text_of(page(analyst, store))

    assert "esx-01 readOnly yes" in text
    assert "h-x unknown unknown" in text
    assert "Maintenance normal" in text
    assert "Tags Zone = a" in text


def test_a_platform_tells_its_alarms_and_licences(analyst: Client, world: World):
    platform = publish(
        world.source,
        a_platform(
            uid="other",
            name="vc-other",
            alarms=(Alarm(key="alarm-1", name=HOSTILE, enabled=False, when=("BadLogin",)),),
            licences=(Licence(key="…-EEEEE", name="vSphere 8", expires_at=AT),),
        ),
        at=world.now,
    )

    html = page(analyst, platform)

    assert "<script>alert(1)" not in html
    assert "no unknown BadLogin" in text_of(html)
    assert "vSphere 8 unknown …-EEEEE 2026-01-01" in text_of(html)
    assert "Unknown: the platform did not give them." in text_of(page(analyst, world["vc-oslo"]))


def test_a_platform_tells_who_is_logged_in_and_what_it_hands_out(analyst: Client, world: World):
    platform = publish(
        world.source,
        a_platform(
            uid="other",
            name="vc-other",
            sessions=(
                LoginSession(key="1", user=HOSTILE, ip="192.0.2.7", login_at=AT, idle=False),
                LoginSession(key="2", user="bo", login_at=AT, idle=True, idle_since=AT),
                LoginSession(key="3", user="eve"),
            ),
            libraries=(
                Library(key="1", name="Gold", published=True, publish_login="none"),
                Library(key="2", name="Lab", published=False, security_policy=""),
            ),
        ),
        at=world.now,
    )

    html = page(analyst, platform)
    text = text_of(html)

    assert "<script>alert(1)" not in html
    assert "192.0.2.7" in text
    assert "less than an hour" in text
    assert "eveunknownunknownunknown" in text.replace(" ", "")
    assert "login:none" in text.replace(" ", "")


def test_a_platform_that_tells_nothing_of_either_reads_unknown(analyst: Client, world: World):
    silent = publish(
        world.source, a_platform(uid="other", name="vc-other", libraries=None), at=world.now
    )
    told = publish(world.source, a_platform(uid="third", libraries=(), sessions=()), at=world.now)

    assert "Unknown: the platform did not say who is logged in." in text_of(page(analyst, silent))
    assert "Nobody but the account that reads." in text_of(page(analyst, told))
    assert "An account without a global permission" in text_of(page(analyst, told))


def test_a_template_tells_all_that_a_machine_is_configured_with(analyst: Client, world: World):
    template = publish(
        world.source,
        an_image(
            "gold",
            annotation="Built on Mondays.",
            bios_uuid="4210aaaa-0000-0000-0000-000000000001",
            secure_boot=False,
            config_file="[gold] gold/gold.vmtx",
            extra_config={"isolation.tools.copy.disable": "FALSE"},
            nics=(a_nic(mac="00:50:56:99:99:99"),),
            disks=(Disk(key="2000", label="Hard disk 1", mode="persistent"),),
            devices=(Device(key="13000", type="usb", label="USB 1"),),
            snapshots=(a_snapshot(uid="s1", age_days=3),),
            files=(VmFile(path="[gold] gold/gold.vmdk", type="diskExtent", size_bytes=2048),),
        ),
        at=world.now,
    )

    text = text_of(page(analyst, template))

    for said in (
        "Notes Built on Mondays.",
        "BIOS UUID 4210aaaa-0000-0000-0000-000000000001",
        "Secure boot no",
        "Configuration file [gold] gold/gold.vmtx",
        "isolation.tools.copy.disable FALSE",
        "00:50:56:99:99:99",
        "Hard disk 1",
        "usb, unknown",
        "before patch",
        "[gold] gold/gold.vmdk diskExtent, 2.0 KiB",
        "Who can copy it or make machines of it",
    ):
        assert said in text, said
    assert "Copy of the item" not in text
    assert "As the guest sees it" not in text
    assert "What the guest itself sees" not in text


def test_an_item_of_a_library_tells_where_it_comes_from(analyst: Client, world: World):
    item = publish(
        world.source,
        an_image(
            "boot",
            type="iso",
            library_ref="lib-1",
            library_name=HOSTILE,
            item_version="3",
            taken_from="",
            item_files=(LibraryFile(name="boot.iso", size_bytes=2048, checksum="SHA1 9f"),),
        ),
        at=world.now,
    )

    html = page(analyst, item)
    text = text_of(html)

    assert "<script>alert(1)" not in html
    assert "boot.iso 2.0 KiB, SHA1 9f" in text
    assert "Nothing is known to have been made from it." in text
    for of_a_template in ("BIOS UUID", "Secure boot", "Disks and devices", "Advanced settings"):
        assert of_a_template not in text
    listed = text_of(analyst.get("/inventory/images/").content.decode())
    assert "iso" in listed


def test_history_names_what_a_change_is_about(analyst: Client, world: World):
    cluster = publish(world.source, a_cluster("three", overrides=()), at=world.now)
    store = publish(
        world.source, a_datastore("nfs", mounts=(Mount(host_ref="host-esx-01"),)), at=AT
    )
    override = PlacementOverride(vm_ref="vm-web-01", enabled=True, automation="manual")
    change(cluster, at=world.now + timedelta(seconds=1), overrides=(override,))
    change(store, at=world.now, mounts=(Mount(host_ref="host-esx-01", access="readOnly"),))

    text = text_of(page(analyst, cluster))

    assert "DRS override" in text
    assert "vm-web-01" not in text
    assert "Mount esx-01: access" in text_of(page(analyst, store))
