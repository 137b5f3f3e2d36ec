"""What a platform says exists: frozen, typed, platform-neutral records.

Connectors produce them, inventory stores them, checks read them. In every field `None` means that the
platform did not say (withheld, unreadable or unsupported); an empty string or tuple means that it said
"none". Field comments name the vSphere property a value comes from. Facts that change without meaning
(free space, uptime, log sizes) and facts that may hold secrets (`guestinfo.*`, vApp properties) are
not kept.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Platform(StrEnum):
    VSPHERE = "vsphere"
    HYPERV = "hyperv"
    KVM = "kvm"


class Kind(StrEnum):
    VM = "vm"
    HOST = "host"
    CLUSTER = "cluster"
    NETWORK = "network"
    SWITCH = "switch"
    DATASTORE = "datastore"
    IMAGE = "image"
    ROLE = "role"
    GRANT = "grant"
    PLATFORM = "platform"


class PowerState(StrEnum):
    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a record that has no life of its own (a NIC, a disk, a service)."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every record says. `uid` is the platform's stable id, `ref` its managed object id."""

    platform: Platform
    uid: str
    ref: str
    name: str


# --- virtual machines -------------------------------------------------------------------------


class Nic(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str  # config.hardware.device[].key
    label: str = ""
    mac: str | None = None  # lower case, colons; macAddress
    mac_type: str | None = None  # manual, generated, assigned; addressType
    network_ref: str | None = None  # Network or DistributedVirtualPortgroup
    network_name: str | None = None
    connected: bool | None = None  # connectable.connected
    start_connected: bool | None = None


class Disk(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str
    label: str = ""
    capacity_bytes: int | None = None
    file: str | None = None  # backing.fileName
    mode: str | None = None  # persistent, independent_persistent, …; backing.diskMode
    sharing: str | None = None  # sharingNone, sharingMultiWriter; backing.sharing
    thin: bool | None = None


class Device(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A removable or pass-through device: floppy, cdrom, serial, parallel, usb, pci."""

    key: str
    type: str
    label: str = ""
    connected: bool | None = None


class Snapshot(Part, frozen=True, kw_only=True, omit_defaults=True):
    uid: str  # managed object id
    name: str
    created_at: datetime  # createTime, UTC
    depth: int = 0
    description: str = ""
    quiesced: bool | None = None


class VmFile(Part, frozen=True, kw_only=True, omit_defaults=True):
    path: str  # "[datastore] folder/file"
    type: str  # FileLayoutEx.FileType: config, nvram, diskExtent, log, swap …


class GuestNic(Part, frozen=True, kw_only=True, omit_defaults=True):
    mac: str | None = None
    network_name: str | None = None
    addresses: tuple[str, ...] = ()


class VirtualMachine(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="vm"
):
    bios_uuid: str | None = None  # config.uuid
    power_state: PowerState | None = None  # runtime.powerState
    connection_state: str | None = None  # runtime.connectionState
    host_ref: str | None = None  # runtime.host
    folder: str | None = None  # inventory path of the parent folder
    resource_pool_ref: str | None = None
    cpu_count: int | None = None  # config.hardware.numCPU
    memory_mib: int | None = None  # config.hardware.memoryMB
    guest_os: str | None = None  # config.guestFullName
    guest_hostname: str | None = None  # guest.hostName
    guest_nics: tuple[GuestNic, ...] | None = None  # guest.net
    annotation: str | None = None  # config.annotation
    created_at: datetime | None = None  # config.createDate
    booted_at: datetime | None = None  # runtime.bootTime; None also when powered off
    hardware_version: int | None = None  # 17 for config.version "vmx-17"
    tools_version_status: str | None = None  # guest.toolsVersionStatus2
    tools_running: bool | None = None  # guest.toolsRunningStatus
    firmware: str | None = None  # bios, efi
    secure_boot: bool | None = None  # config.bootOptions.efiSecureBootEnabled
    encrypted: bool | None = None  # config.keyId is set
    consolidation_needed: bool | None = None  # runtime.consolidationNeeded
    logging_enabled: bool | None = None  # config.flags.enableLogging
    tools_sync_time: bool | None = None  # config.tools.syncTimeWithHost
    extra_config: dict[str, str] | None = None  # config.extraConfig, hardening keys only
    nics: tuple[Nic, ...] | None = None
    disks: tuple[Disk, ...] | None = None
    devices: tuple[Device, ...] | None = None
    snapshots: tuple[Snapshot, ...] | None = None  # flat, parents before children
    files: tuple[VmFile, ...] | None = None  # layoutEx.file
    datastore_refs: tuple[str, ...] | None = None
    network_refs: tuple[str, ...] | None = None
    attributes: dict[str, str] | None = None  # custom attributes by name
    classification: str | None = None  # from attributes by the source's mapping; "" = not set
    owner: str | None = None
    criticality: str | None = None
    team: str | None = None


# --- hosts ------------------------------------------------------------------------------------


class PhysicalNic(Part, frozen=True, kw_only=True, omit_defaults=True):
    name: str  # vmnic0; config.network.pnic[].device
    mac: str | None = None
    link_up: bool | None = None  # linkSpeed is set
    speed_mbps: int | None = None
    driver: str | None = None


class VmkernelNic(Part, frozen=True, kw_only=True, omit_defaults=True):
    device: str  # vmk0; config.network.vnic[].device
    ip: str | None = None
    mac: str | None = None
    port_group: str | None = None  # standard port group name
    dv_port_group_ref: str | None = None  # spec.distributedVirtualPort.portgroupKey
    services: tuple[str, ...] | None = None  # nicTypes that select it: management, vmotion, vsan …


class SecurityPolicy(Part, frozen=True, kw_only=True, omit_defaults=True):
    promiscuous: bool | None = None  # allowPromiscuous
    mac_changes: bool | None = None  # macChanges
    forged_transmits: bool | None = None  # forgedTransmits


class HostSwitch(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A standard switch, or a host's share of a distributed one (`switch_uuid` set)."""

    name: str
    switch_uuid: str | None = None
    pnics: tuple[str, ...] | None = None  # vmnic names
    security: SecurityPolicy | None = None


class HostPortGroup(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A standard port group as it is in force (`computedPolicy`)."""

    name: str
    switch: str
    vlan_id: int | None = None  # 0 = none, 4095 = all (trunk)
    active_nics: tuple[str, ...] | None = None
    standby_nics: tuple[str, ...] | None = None
    security: SecurityPolicy | None = None


class Service(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str  # TSM-SSH, TSM, ntpd, slpd …
    running: bool | None = None
    policy: str | None = None  # on, off, automatic


class FirewallRule(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str
    enabled: bool | None = None
    all_ips: bool | None = None
    allowed: tuple[str, ...] = ()  # addresses and networks in CIDR form


class Host(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="host"):
    cluster_ref: str | None = None  # parent; "" for a standalone host
    connection_state: str | None = None  # connected, disconnected, notResponding
    in_maintenance: bool | None = None
    power_state: str | None = None
    vendor: str | None = None
    model: str | None = None
    cpu_cores: int | None = None
    memory_mib: int | None = None
    product: str | None = None  # config.product.fullName
    version: str | None = None
    build: str | None = None
    lockdown_mode: str | None = None  # lockdownDisabled, lockdownNormal, lockdownStrict
    uefi_secure_boot: bool | None = None  # capability.uefiSecureBoot
    pnics: tuple[PhysicalNic, ...] | None = None
    vmkernel_nics: tuple[VmkernelNic, ...] | None = None
    switches: tuple[HostSwitch, ...] | None = None
    port_groups: tuple[HostPortGroup, ...] | None = None
    services: tuple[Service, ...] | None = None
    firewall_incoming_blocked: bool | None = None  # config.firewall.defaultPolicy.incomingBlocked
    firewall_rules: tuple[FirewallRule, ...] | None = None
    options: dict[str, str] | None = None  # config.option, as text; booleans as true, false
    time_servers: tuple[str, ...] | None = None  # config.dateTimeInfo.ntpConfig.server
    time_protocol: str | None = None  # config.dateTimeInfo.systemClockProtocol
    certificate_pem: str | None = None
    datastore_refs: tuple[str, ...] | None = None
    network_refs: tuple[str, ...] | None = None
    attributes: dict[str, str] | None = None


# --- the rest of the estate -------------------------------------------------------------------


class PlacementRule(Part, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    type: str  # affinity, anti-affinity, vm-host
    enabled: bool | None = None
    mandatory: bool | None = None
    vm_refs: tuple[str, ...] = ()
    host_refs: tuple[str, ...] = ()


class Cluster(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="cluster"
):
    drs_enabled: bool | None = None
    drs_automation: str | None = None  # manual, partiallyAutomated, fullyAutomated
    ha_enabled: bool | None = None
    rules: tuple[PlacementRule, ...] | None = None
    host_refs: tuple[str, ...] | None = None


class Network(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="network"
):
    """A standard network (`type` standard; its VLAN lives on the hosts), a distributed port group or an opaque one."""

    type: str  # standard, distributed, opaque
    switch_ref: str | None = None
    uplink: bool | None = None  # an uplink port group carries no machines
    vlan_type: str | None = None  # none, vlan, trunk, pvlan
    vlan_id: int | None = None  # for none and vlan; the secondary id for pvlan
    vlan_ranges: tuple[tuple[int, int], ...] | None = None  # for trunk
    security: SecurityPolicy | None = None
    netflow: bool | None = None  # ipfixEnabled
    active_uplinks: tuple[str, ...] | None = None
    standby_uplinks: tuple[str, ...] | None = None
    host_refs: tuple[str, ...] | None = None
    vm_refs: tuple[str, ...] | None = None


class MirrorSession(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str
    name: str
    enabled: bool | None = None
    type: str | None = None


class Switch(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="switch"):
    """A distributed switch."""

    uuid: str | None = None
    version: str | None = None
    security: SecurityPolicy | None = None
    mirror_sessions: tuple[MirrorSession, ...] | None = None
    netflow_collector: str | None = None  # "" = none
    discovery_protocol: str | None = None  # none, cdp, lldp
    host_refs: tuple[str, ...] | None = None
    # The names its uplinks carry on each host: {host ref: {uplink name: vmnic}}.
    uplinks: dict[str, dict[str, str]] | None = None


class Datastore(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="datastore"
):
    url: str | None = None
    type: str | None = None  # VMFS, NFS, vsan …
    capacity_bytes: int | None = None
    multiple_host_access: bool | None = None
    accessible: bool | None = None
    host_refs: tuple[str, ...] | None = None
    vm_refs: tuple[str, ...] | None = None


class Image(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="image"):
    """A stored machine that others are made from: on vSphere a template."""

    type: str = "template"
    guest_os: str | None = None
    folder: str | None = None
    host_ref: str | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None  # config.modified: the last time it can have been patched
    hardware_version: int | None = None
    files: tuple[VmFile, ...] | None = None
    datastore_refs: tuple[str, ...] | None = None
    attributes: dict[str, str] | None = None
    classification: str | None = None
    owner: str | None = None
    criticality: str | None = None
    team: str | None = None


class Role(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="role"):
    label: str = ""
    system: bool | None = None
    privileges: tuple[str, ...] | None = None  # sorted


class Grant(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="grant"):
    """A principal holds a role on an entity. `name` reads "principal: role on entity"."""

    principal: str
    is_group: bool
    role_id: int
    role_name: str | None = None
    entity_ref: str
    entity_name: str | None = None
    entity_path: str | None = None
    entity_type: str | None = None
    at_root: bool | None = None
    propagate: bool


class PlatformSettings(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="platform"
):
    """The management platform itself: one record a source."""

    product: str | None = None
    version: str | None = None
    build: str | None = None
    api_version: str | None = None
    settings: dict[str, str] | None = None  # content.setting.setting
    extensions: tuple[str, ...] | None = None


AnyRecord = (
    VirtualMachine
    | Host
    | Cluster
    | Network
    | Switch
    | Datastore
    | Image
    | Role
    | Grant
    | PlatformSettings
)

KIND_OF: dict[type[Any], Kind] = {
    VirtualMachine: Kind.VM,
    Host: Kind.HOST,
    Cluster: Kind.CLUSTER,
    Network: Kind.NETWORK,
    Switch: Kind.SWITCH,
    Datastore: Kind.DATASTORE,
    Image: Kind.IMAGE,
    Role: Kind.ROLE,
    Grant: Kind.GRANT,
    PlatformSettings: Kind.PLATFORM,
}
RECORD_OF: dict[Kind, type[Any]] = {kind: record for record, kind in KIND_OF.items()}

_encoder = msgspec.json.Encoder(order="deterministic")
_decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)


def kind_of(record: AnyRecord) -> Kind:
    return KIND_OF[type(record)]


def encode(record: AnyRecord) -> bytes:
    """The record as canonical JSON: equal records give equal bytes."""
    return _encoder.encode(record)


def decode(data: bytes | str) -> AnyRecord:
    """The record that `encode` wrote, or raise msgspec.ValidationError."""
    return _decoder.decode(data)


def digest(encoded: bytes) -> str:
    """32 hexadecimal digits that change when the record does."""
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()
