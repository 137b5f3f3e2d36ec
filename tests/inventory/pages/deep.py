"""A record of each kind that says everything a platform can say of it."""

from __future__ import annotations

from datetime import UTC, datetime

from inventory.parts import MirrorEnd
from inventory.records import (
    Alarm,
    AnyRecord,
    Certificate,
    Device,
    Disk,
    Licence,
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
from tests.policies.builders import (
    a_cluster,
    a_datastore,
    a_host,
    a_network,
    a_platform,
    a_rule,
    a_snapshot,
    a_switch,
    a_vm,
    an_image,
)

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def deep_records() -> list[AnyRecord]:
    return [
        a_vm(
            "deep-vm",
            modified_at=AT,
            boot_order=("ethernet", "disk"),
            tpm=True,
            managed_by="com.vmware.vcHms",
            current_snapshot="s1",
            snapshots=(a_snapshot(uid="s1", age_days=3),),
            nics=(Nic(key="4000", label="NIC 1", adapter="vmxnet3", port_key="17"),),
            disks=(
                Disk(
                    key="2000",
                    label="Hard disk 1",
                    controller="SCSI controller 0",
                    bus_sharing="physicalSharing",
                    encrypted=True,
                    file="[osl-finance-02] deep-vm/deep-vm-000001.vmdk",
                ),
            ),
            devices=(
                Device(key="13000", type="pci", label="PCI device 0", backing="0000:3b:00.0"),
            ),
            tags={"Zone": ("a", "b")},
        ),
        an_image(
            "deep-template",
            annotation="Built on Mondays.",
            extra_config={"isolation.tools.copy.disable": "FALSE"},
            nics=(Nic(key="4000", label="NIC 1", adapter="vmxnet3", mac="00:50:56:99:99:99"),),
            disks=(Disk(key="2000", label="Hard disk 1", mode="persistent"),),
            devices=(Device(key="13000", type="usb", label="USB 1"),),
            snapshots=(a_snapshot(uid="s1", age_days=3),),
            files=(VmFile(path="[gold] gold/gold.vmdk", type="diskExtent", size_bytes=2048),),
        ),
        a_host(
            "deep-host",
            lockdown_exceptions=("svc-backup",),
            acceptance_level="partner",
            certificate=Certificate(
                subject="CN=deep-host.halden.example,O=Halden Clinics,C=NO",
                issuer="O=VMware Engineering,C=US,CN=CA,DC=vsphere,DC=local",
                not_before=AT,
                not_after=AT,
                sha256="ab" * 32,
            ),
            tags={"Zone": ("a",)},
        ),
        a_cluster(
            "deep-cluster",
            rules=(a_rule(in_compliance=False, vm_refs=("vm-deep-vm",)),),
            groups=(PlacementGroup(name="public", type="vm", vm_refs=("vm-deep-vm", "vm-none")),),
            overrides=(PlacementOverride(vm_ref="vm-deep-vm", automation="manual"),),
        ),
        a_network(
            "deep-network",
            override_allowed={"security": True, "vlan": False},
            teaming="loadbalance_srcid",
            port_overrides=(
                PortOverride(
                    key="7",
                    replaces=("security", "vlan"),
                    vm_ref="vm-deep-vm",
                    vlan_type="trunk",
                    vlan_ranges=((1, 9), (40, 40)),
                    security=SecurityPolicy(promiscuous=True),
                ),
            ),
        ),
        a_switch(
            "deep-switch",
            mirror_sessions=(
                MirrorSession(
                    key="1",
                    name="to sensor",
                    enabled=True,
                    sent=MirrorEnd(ports=("11", "12"), vlans=(1030,)),
                    received=MirrorEnd(wildcards=("vmVnic",)),
                    destination=MirrorEnd(addresses=("10.0.0.9",)),
                ),
            ),
            health_checks={"vlan-mtu": True},
            private_vlans=(PrivateVlan(key="31", primary_id=30, type="isolated"),),
        ),
        a_datastore("deep-store", mounts=(Mount(host_ref="host-deep-host", access="readOnly"),)),
        a_platform(
            uid="deep-platform",
            name="deep-platform",
            alarms=(
                Alarm(key="alarm-1", name="Permissions", enabled=False, when=("a", "b"), acts=True),
            ),
            licences=(Licence(key="…-EEEEE", name="vSphere 8", expires_at=AT),),
        ),
    ]
