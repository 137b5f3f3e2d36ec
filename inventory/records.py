"""What a platform says exists: frozen, typed, platform-neutral records.

Connectors produce them, inventory stores them, checks read them. In every field `None` means that the
platform did not say (withheld, unreadable or unsupported); an empty string or tuple means that it said
"none". Field comments name the vSphere property a value comes from. Facts that change without meaning
(free space, uptime, log sizes, `config.changeVersion`: an opaque count that says no more than
`config.modified`) and facts that may hold secrets (`guestinfo.*`, vApp properties, licence keys) are
not kept. What records are made of is in `inventory.parts`; others find both here.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from inventory.parts import (
    Alarm,
    Certificate,
    Device,
    Disk,
    FirewallRule,
    GuestNic,
    HostPortGroup,
    HostSwitch,
    Library,
    LibraryFile,
    Licence,
    LoginSession,
    Member,
    MirrorSession,
    Mount,
    Nic,
    PhysicalNic,
    PlacementGroup,
    PlacementOverride,
    PlacementRule,
    PortOverride,
    PrivateVlan,
    SecurityPolicy,
    Service,
    Snapshot,
    VmFile,
    VmkernelNic,
)


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
    PRINCIPAL = "principal"
    PLATFORM = "platform"


class PowerState(StrEnum):
    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every record says. `uid` is the platform's stable id, `ref` its managed object id."""

    platform: Platform
    uid: str
    ref: str
    name: str


# --- virtual machines -------------------------------------------------------------------------


class VirtualMachine(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="vm"
):
    bios_uuid: str | None = None  # config.uuid
    power_state: PowerState | None = None  # runtime.powerState
    connection_state: str | None = None  # runtime.connectionState
    host_ref: str | None = None  # runtime.host
    folder: str | None = None  # inventory path of the parent folder
    ancestors: tuple[str, ...] | None = None  # folders above it, nearest first, up to the root
    resource_pool_ref: str | None = None
    pool_ancestors: tuple[str, ...] | None = None  # its resource pool and what is above that
    cpu_count: int | None = None  # config.hardware.numCPU
    memory_mib: int | None = None  # config.hardware.memoryMB
    guest_os: str | None = None  # config.guestFullName
    guest_hostname: str | None = None  # guest.hostName
    guest_nics: tuple[GuestNic, ...] | None = None  # guest.net
    annotation: str | None = None  # config.annotation
    created_at: datetime | None = None  # config.createDate
    modified_at: datetime | None = None  # config.modified: when the configuration was last written
    booted_at: datetime | None = None  # runtime.bootTime; None also when powered off
    suspended_at: datetime | None = None  # runtime.suspendTime; None also when never suspended
    hardware_version: int | None = None  # 17 for config.version "vmx-17"
    tools_version_status: str | None = None  # guest.toolsVersionStatus2
    tools_running: bool | None = None  # guest.toolsRunningStatus
    customization: str | None = None  # guest.customizationInfo.customizationStatus
    firmware: str | None = None  # bios, efi
    secure_boot: bool | None = None  # config.bootOptions.efiSecureBootEnabled
    enters_setup: bool | None = None  # config.bootOptions.enterBIOSSetup, at the next start
    boot_order: tuple[str, ...] | None = None  # disk, ethernet, cdrom, floppy; () = the default
    tpm: bool | None = None  # a VirtualTPM among the devices
    encrypted: bool | None = None  # config.keyId is set
    migrate_encryption: str | None = None  # disabled, opportunistic, required; of vMotion
    ft_encryption: str | None = None  # config.ftEncryptionMode, of fault tolerance
    managed_by: str | None = None  # config.managedBy.extensionKey; "" = nobody
    library_item: str | None = None  # config.contentLibItemInfo: id of the item; "" = of none
    library_item_version: str | None = None  # the version of it that the machine was stamped with
    consolidation_needed: bool | None = None  # runtime.consolidationNeeded
    logging_enabled: bool | None = None  # config.flags.enableLogging
    tools_sync_time: bool | None = None  # config.tools.syncTimeWithHost
    extra_config: dict[str, str] | None = None  # config.extraConfig, hardening keys only
    nics: tuple[Nic, ...] | None = None
    disks: tuple[Disk, ...] | None = None
    devices: tuple[Device, ...] | None = None
    snapshots: tuple[Snapshot, ...] | None = None  # flat, parents before children
    current_snapshot: str | None = None  # uid of the one it runs on; "" = none
    files: tuple[VmFile, ...] | None = None  # layoutEx.file
    datastore_refs: tuple[str, ...] | None = None
    network_refs: tuple[str, ...] | None = None
    attributes: dict[str, str] | None = None  # custom attributes by name
    tags: dict[str, tuple[str, ...]] | None = None  # names by category; over REST
    classification: str | None = (
        None  # from attributes or tags by the source's mapping; "" = not set
    )
    owner: str | None = None
    criticality: str | None = None
    team: str | None = None


# --- hosts ------------------------------------------------------------------------------------


class Host(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="host"):
    cluster_ref: str | None = None  # parent; "" for a standalone host
    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
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
    lockdown_exceptions: tuple[str, ...] | None = None  # sorted; QueryLockdownExceptions
    acceptance_level: str | None = None  # vmware_certified … community; of packages it takes
    uefi_secure_boot: bool | None = None  # capability.uefiSecureBoot
    pnics: tuple[PhysicalNic, ...] | None = None
    vmkernel_nics: tuple[VmkernelNic, ...] | None = None
    switches: tuple[HostSwitch, ...] | None = None
    port_groups: tuple[HostPortGroup, ...] | None = None
    services: tuple[Service, ...] | None = None
    firewall_incoming_blocked: bool | None = None  # config.firewall.defaultPolicy.incomingBlocked
    firewall_outgoing_blocked: bool | None = None  # config.firewall.defaultPolicy.outgoingBlocked
    firewall_rules: tuple[FirewallRule, ...] | None = None
    options: dict[str, str] | None = None  # config.option, as text; booleans as true, false
    time_servers: tuple[str, ...] | None = None  # config.dateTimeInfo.ntpConfig.server
    time_protocol: str | None = None  # config.dateTimeInfo.systemClockProtocol
    time_enabled: bool | None = None  # config.dateTimeInfo.enabled: whether the clock is set
    time_fallback: bool | None = (
        None  # to another protocol; not config.dateTimeInfo.disableFallback
    )
    certificate_pem: str | None = None  # config.certificate
    certificate: Certificate | None = None  # the same as it reads; None when it cannot be read
    datastore_refs: tuple[str, ...] | None = None
    network_refs: tuple[str, ...] | None = None
    attributes: dict[str, str] | None = None
    tags: dict[str, tuple[str, ...]] | None = None


# --- the rest of the estate -------------------------------------------------------------------


class Cluster(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="cluster"
):
    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    drs_enabled: bool | None = None
    drs_automation: str | None = None  # manual, partiallyAutomated, fullyAutomated
    ha_enabled: bool | None = None
    ha_admission_control: bool | None = None  # dasConfig.admissionControlEnabled
    rules: tuple[PlacementRule, ...] | None = None
    groups: tuple[PlacementGroup, ...] | None = None  # configurationEx.group
    overrides: tuple[PlacementOverride, ...] | None = None  # configurationEx.drsVmConfig
    host_refs: tuple[str, ...] | None = None


class Network(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="network"
):
    """A standard network (`type` standard; its VLAN lives on the hosts), a distributed port group or an opaque one."""

    type: str  # standard, distributed, opaque
    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    switch_ref: str | None = None
    uplink: bool | None = None  # an uplink port group carries no machines
    vlan_type: str | None = None  # none, vlan, trunk, pvlan
    vlan_id: int | None = None  # for none and vlan; the secondary id for pvlan
    vlan_ranges: tuple[tuple[int, int], ...] | None = None  # for trunk
    security: SecurityPolicy | None = None
    mac_learning: bool | None = None  # macManagementPolicy.macLearningPolicy.enabled
    netflow: bool | None = None  # ipfixEnabled
    blocked: bool | None = None  # all its ports; defaultPortConfig.blocked
    binding: str | None = None  # earlyBinding, lateBinding, ephemeral; config.type
    teaming: str | None = None  # loadbalance_srcid, failover_explicit …; uplinkTeamingPolicy.policy
    failback: bool | None = None  # to a better uplink; not uplinkTeamingPolicy.rollingOrder
    notify_switches: bool | None = None  # uplinkTeamingPolicy.notifySwitches
    active_uplinks: tuple[str, ...] | None = None
    standby_uplinks: tuple[str, ...] | None = None
    override_allowed: dict[str, bool] | None = None  # what a port may replace; config.policy
    resets_ports: bool | None = None  # config.policy.portConfigResetAtDisconnect
    # FetchDVPorts: connected ports with a VLAN, security policy, MAC learning, NetFlow or traffic
    # filter of their own; not those that replace nothing but others of `override_allowed`.
    port_overrides: tuple[PortOverride, ...] | None = None
    host_refs: tuple[str, ...] | None = None
    vm_refs: tuple[str, ...] | None = None


class Switch(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="switch"):
    """A distributed switch."""

    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    uuid: str | None = None
    version: str | None = None
    security: SecurityPolicy | None = None
    mac_learning: bool | None = None  # of ports by default, as in Network
    mirror_sessions: tuple[MirrorSession, ...] | None = None  # config.vspanSession
    netflow_collector: str | None = None  # "" = none
    netflow_sampling: int | None = None  # packets passed over for each one taken; 0 = none
    netflow_internal_only: bool | None = None  # ipfixConfig.internalFlowsOnly: within a host
    discovery_protocol: str | None = None  # none, cdp, lldp
    discovery_operation: str | None = None  # none, listen, advertise, both
    health_checks: dict[str, bool] | None = None  # vlan-mtu, teaming; healthCheckConfig[].enable
    network_io_control: bool | None = None  # networkResourceManagementEnabled
    private_vlans: tuple[PrivateVlan, ...] | None = None  # config.pvlanConfig
    host_refs: tuple[str, ...] | None = None
    # The names its uplinks carry on each host: {host ref: {uplink name: vmnic}}.
    uplinks: dict[str, dict[str, str]] | None = None


class Datastore(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="datastore"
):
    url: str | None = None
    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    type: str | None = None  # VMFS, NFS, vsan …
    capacity_bytes: int | None = None
    multiple_host_access: bool | None = None
    accessible: bool | None = None
    maintenance: str | None = None  # normal, enteringMaintenance, inMaintenance
    mounts: tuple[Mount, ...] | None = None  # one a host; host[].mountInfo
    host_refs: tuple[str, ...] | None = None
    vm_refs: tuple[str, ...] | None = None
    tags: dict[str, tuple[str, ...]] | None = None


class Image(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="image"):
    """What machines are made from: on vSphere a template, or an item of a content library."""

    type: str = "template"  # of an item: ovf, iso, vm-template …
    guest_os: str | None = None
    folder: str | None = None
    ancestors: tuple[str, ...] | None = None  # folders above it, nearest first, up to the root
    host_ref: str | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None  # config.modified: the last time it can have been patched
    hardware_version: int | None = None
    files: tuple[VmFile, ...] | None = None
    library_ref: str | None = None  # id of the library it is an item of; a template has none
    library_name: str | None = None
    item_version: str | None = None  # content_version: counts up when its files change
    item_files: tuple[LibraryFile, ...] | None = None
    taken_from: str | None = None  # id of the item it is a copy of; "" = it is no copy
    cached: bool | None = None  # whether its files are here; of a copy they may not be yet
    library_item: str | None = None  # of a template: id of the item it is behind; "" = of none
    library_item_version: str | None = None  # config.contentLibItemInfo, like the id
    datastore_refs: tuple[str, ...] | None = None
    attributes: dict[str, str] | None = None
    tags: dict[str, tuple[str, ...]] | None = None
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


class Principal(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="principal"
):
    """A user or group that holds a grant, or is in a group that does."""

    is_group: bool
    full_name: str | None = None
    members: tuple[Member, ...] | None = None  # the direct ones, sorted; a user has none


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
    alarms: tuple[Alarm, ...] | None = None  # GetAlarm at the root and below, and info of each
    licences: tuple[Licence, ...] | None = None  # licenseManager.licenses
    sessions: tuple[LoginSession, ...] | None = None  # sessionManager.sessionList, without ours
    libraries: tuple[Library, ...] | None = None  # content libraries; over REST


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
    | Principal
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
    Principal: Kind.PRINCIPAL,
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
