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
    """What every record says."""

    platform: Platform  # which one tells it
    uid: str  # the platform's stable id: instanceUuid of a machine, a host's hardware uuid …
    ref: str  # its managed object id; where there is none, the uid
    name: str  # name, as people write it: %2f is a slash


# --- virtual machines and images --------------------------------------------------------------


class Machine(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a virtual machine and a template have in common: their configuration and their files.

    Of an item of a content library all of it is unknown, but what the item says itself.
    """

    bios_uuid: str | None = None  # config.uuid
    connection_state: str | None = None  # runtime.connectionState
    host_ref: str | None = None  # runtime.host; where it is registered, running or not
    folder: str | None = None  # inventory path of the parent folder
    ancestors: tuple[str, ...] | None = None  # folders above it, nearest first, up to the root
    cpu_count: int | None = None  # config.hardware.numCPU
    memory_mib: int | None = None  # config.hardware.memoryMB
    guest_os: str | None = None  # config.guestFullName
    annotation: str | None = None  # config.annotation
    created_at: datetime | None = None  # config.createDate; creation_time of an item
    # config.modified: when the configuration was last written, so the last time a template can have
    # been patched; last_modified_time of an item.
    modified_at: datetime | None = None
    hardware_version: int | None = None  # 17 for config.version "vmx-17"
    tools_version_status: str | None = None  # guest.toolsVersionStatus2
    firmware: str | None = None  # bios, efi; config.firmware
    secure_boot: bool | None = None  # config.bootOptions.efiSecureBootEnabled
    enters_setup: bool | None = None  # config.bootOptions.enterBIOSSetup, at the next start
    # disk, ethernet, cdrom, floppy; config.bootOptions.bootOrder; () = the default
    boot_order: tuple[str, ...] | None = None
    tpm: bool | None = None  # a VirtualTPM in config.hardware.device
    encrypted: bool | None = None  # config.keyId is set
    # disabled, opportunistic, required: of vMotion; config.migrateEncryption
    migrate_encryption: str | None = None
    ft_encryption: str | None = None  # config.ftEncryptionMode, of fault tolerance
    managed_by: str | None = None  # config.managedBy.extensionKey; "" = nobody
    library_item: str | None = None  # config.contentLibItemInfo: id of the item; "" = of none
    library_item_version: str | None = None  # the version of it that the machine was stamped with
    consolidation_needed: bool | None = None  # runtime.consolidationNeeded
    logging_enabled: bool | None = None  # config.flags.enableLogging
    tools_sync_time: bool | None = None  # config.tools.syncTimeWithHost: now and then
    # config.tools.syncTimeWithHostAllowed: at all, so also when it is resumed or moved
    tools_sync_allowed: bool | None = None
    extra_config: dict[str, str] | None = None  # config.extraConfig, hardening keys only
    nics: tuple[Nic, ...] | None = None  # network cards in config.hardware.device
    disks: tuple[Disk, ...] | None = None  # VirtualDisks in config.hardware.device
    devices: tuple[Device, ...] | None = None  # others in config.hardware.device that matter
    # snapshot.rootSnapshotList, flat, parents before children
    snapshots: tuple[Snapshot, ...] | None = None
    # snapshot.currentSnapshot: uid of the one it runs on; "" = none
    current_snapshot: str | None = None
    config_file: str | None = None  # config.files.vmPathName: "[datastore] folder/name.vmx"
    files: tuple[VmFile, ...] | None = None  # layoutEx.file
    datastore_refs: tuple[str, ...] | None = None  # datastore; of an item, its library's
    network_refs: tuple[str, ...] | None = None  # network
    attributes: dict[str, str] | None = None  # customValue: custom attributes by name
    tags: dict[str, tuple[str, ...]] | None = None  # names by category; over REST
    # These four from attributes or tags, by the source's mapping; "" = not set.
    classification: str | None = None  # how sensitive its data is
    owner: str | None = None  # who answers for it
    criticality: str | None = None  # how much depends on it
    team: str | None = None  # whose it is


class VirtualMachine(
    Machine, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="vm"
):
    power_state: PowerState | None = None  # runtime.powerState
    crypto_state: str | None = None  # locked, unlocked; runtime.cryptoState, of an encrypted one
    resource_pool_ref: str | None = None  # resourcePool
    pool_ancestors: tuple[str, ...] | None = None  # its resource pool and what is above that
    guest_hostname: str | None = None  # guest.hostName
    guest_nics: tuple[GuestNic, ...] | None = None  # guest.net
    booted_at: datetime | None = None  # runtime.bootTime; None also when powered off
    suspended_at: datetime | None = None  # runtime.suspendTime; None also when never suspended
    tools_running: bool | None = None  # guest.toolsRunningStatus
    customization: str | None = None  # guest.customizationInfo.customizationStatus


class Image(Machine, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="image"):
    """What machines are made from: on vSphere a template, or an item of a content library."""

    type: str = "template"  # of an item: ovf, iso, vm-template …; type
    library_ref: str | None = None  # id of the library it is an item of; a template has none
    library_name: str | None = None  # what that library is called
    item_version: str | None = None  # content_version: counts up when its files change
    item_files: tuple[LibraryFile, ...] | None = None  # as the library lists them
    taken_from: str | None = None  # source_id: the item it is a copy of; "" = it is no copy
    cached: bool | None = None  # whether its files are here; of a copy they may not be yet


# --- hosts ------------------------------------------------------------------------------------


class Host(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="host"):
    cluster_ref: str | None = None  # parent; "" for a standalone host
    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    # connected, disconnected, notResponding; runtime.connectionState
    connection_state: str | None = None
    in_maintenance: bool | None = None  # runtime.inMaintenanceMode
    power_state: str | None = None  # poweredOn, poweredOff, standBy; runtime.powerState
    # incapable, prepared, safe, pendingIncapable; runtime.cryptoState: whether it may hold keys
    crypto_state: str | None = None
    vendor: str | None = None  # hardware.systemInfo.vendor
    model: str | None = None  # hardware.systemInfo.model
    cpu_cores: int | None = None  # hardware.cpuInfo.numCpuCores, of all its processors
    memory_mib: int | None = None  # hardware.memorySize, which is in bytes
    product: str | None = None  # config.product.fullName
    version: str | None = None  # config.product.version
    build: str | None = None  # config.product.build
    # lockdownDisabled, lockdownNormal, lockdownStrict; config.lockdownMode
    lockdown_mode: str | None = None
    lockdown_exceptions: tuple[str, ...] | None = None  # sorted; QueryLockdownExceptions
    # vmware_certified … community: of packages it takes; HostImageConfigGetAcceptance
    acceptance_level: str | None = None
    uefi_secure_boot: bool | None = None  # capability.uefiSecureBoot
    pnics: tuple[PhysicalNic, ...] | None = None  # config.network.pnic
    vmkernel_nics: tuple[VmkernelNic, ...] | None = None  # config.network.vnic
    # config.network.vswitch and config.network.proxySwitch
    switches: tuple[HostSwitch, ...] | None = None
    port_groups: tuple[HostPortGroup, ...] | None = None  # config.network.portgroup
    services: tuple[Service, ...] | None = None  # config.service.service, by key
    firewall_incoming_blocked: bool | None = None  # config.firewall.defaultPolicy.incomingBlocked
    firewall_outgoing_blocked: bool | None = None  # config.firewall.defaultPolicy.outgoingBlocked
    firewall_rules: tuple[FirewallRule, ...] | None = None  # config.firewall.ruleset, by key
    options: dict[str, str] | None = None  # config.option, as text; booleans as true, false
    time_servers: tuple[str, ...] | None = None  # config.dateTimeInfo.ntpConfig.server
    time_protocol: str | None = None  # config.dateTimeInfo.systemClockProtocol
    time_enabled: bool | None = None  # config.dateTimeInfo.enabled: whether the clock is set
    # To another protocol: not config.dateTimeInfo.disableFallback.
    time_fallback: bool | None = None
    time_in_fallback: bool | None = None  # config.dateTimeInfo.inFallbackState: it is on that now
    time_in_sync: bool | None = None  # config.dateTimeInfo.serviceSync: with its time servers
    certificate_pem: str | None = None  # config.certificate
    certificate: Certificate | None = None  # the same as it reads; None when it cannot be read
    datastore_refs: tuple[str, ...] | None = None  # datastore
    network_refs: tuple[str, ...] | None = None  # network
    attributes: dict[str, str] | None = None  # customValue: custom attributes by name
    tags: dict[str, tuple[str, ...]] | None = None  # names by category; over REST


# --- the rest of the estate -------------------------------------------------------------------


class Cluster(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="cluster"
):
    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    drs_enabled: bool | None = None  # configurationEx.drsConfig.enabled
    # manual, partiallyAutomated, fullyAutomated; configurationEx.drsConfig.defaultVmBehavior
    drs_automation: str | None = None
    ha_enabled: bool | None = None  # configurationEx.dasConfig.enabled
    ha_admission_control: bool | None = None  # dasConfig.admissionControlEnabled
    rules: tuple[PlacementRule, ...] | None = None  # configurationEx.rule
    groups: tuple[PlacementGroup, ...] | None = None  # configurationEx.group
    overrides: tuple[PlacementOverride, ...] | None = None  # configurationEx.drsVmConfig
    host_refs: tuple[str, ...] | None = None  # host


class Network(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="network"
):
    """A standard network (`type` standard; its VLAN lives on the hosts), a distributed port group or an opaque one."""

    type: str  # standard, distributed, opaque: the type of the managed object
    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    switch_ref: str | None = None  # config.distributedVirtualSwitch
    uplink: bool | None = None  # an uplink port group carries no machines; config.uplink
    vlan_type: str | None = None  # none, vlan, trunk, pvlan; defaultPortConfig.vlan
    vlan_id: int | None = None  # for none and vlan; the secondary id for pvlan
    vlan_ranges: tuple[tuple[int, int], ...] | None = None  # for trunk
    # defaultPortConfig.macManagementPolicy, on older switches defaultPortConfig.securityPolicy
    security: SecurityPolicy | None = None
    mac_learning: bool | None = None  # macManagementPolicy.macLearningPolicy.enabled
    netflow: bool | None = None  # defaultPortConfig.ipfixEnabled
    blocked: bool | None = None  # all its ports; defaultPortConfig.blocked
    binding: str | None = None  # earlyBinding, lateBinding, ephemeral; config.type
    # loadbalance_srcid, failover_explicit …; uplinkTeamingPolicy.policy
    teaming: str | None = None
    failback: bool | None = None  # to a better uplink; not uplinkTeamingPolicy.rollingOrder
    notify_switches: bool | None = None  # uplinkTeamingPolicy.notifySwitches
    # uplinkTeamingPolicy.uplinkPortOrder, in the order they are used
    active_uplinks: tuple[str, ...] | None = None  # activeUplinkPort
    standby_uplinks: tuple[str, ...] | None = None  # standbyUplinkPort
    override_allowed: dict[str, bool] | None = None  # what a port may replace; config.policy
    resets_ports: bool | None = None  # config.policy.portConfigResetAtDisconnect
    # FetchDVPorts: connected ports with a VLAN, security policy, MAC learning, NetFlow or traffic
    # filter of their own; not those that replace nothing but others of `override_allowed`.
    port_overrides: tuple[PortOverride, ...] | None = None
    host_refs: tuple[str, ...] | None = None  # host
    vm_refs: tuple[str, ...] | None = None  # vm


class Switch(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="switch"):
    """A distributed switch."""

    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    uuid: str | None = None  # uuid, by which hosts name it
    version: str | None = None  # config.productInfo.version
    security: SecurityPolicy | None = None  # of ports by default: config.defaultPortConfig
    mac_learning: bool | None = None  # of ports by default, as in Network
    mirror_sessions: tuple[MirrorSession, ...] | None = None  # config.vspanSession
    netflow_collector: str | None = None  # ipfixConfig.collectorIpAddress; "" = none
    # ipfixConfig.samplingRate: packets passed over for each one taken; 0 = none
    netflow_sampling: int | None = None
    netflow_internal_only: bool | None = None  # ipfixConfig.internalFlowsOnly: within a host
    discovery_protocol: str | None = None  # none, cdp, lldp; linkDiscoveryProtocolConfig.protocol
    # none, listen, advertise, both; linkDiscoveryProtocolConfig.operation
    discovery_operation: str | None = None
    health_checks: dict[str, bool] | None = None  # vlan-mtu, teaming; healthCheckConfig[].enable
    network_io_control: bool | None = None  # networkResourceManagementEnabled
    private_vlans: tuple[PrivateVlan, ...] | None = None  # config.pvlanConfig
    host_refs: tuple[str, ...] | None = None  # config.host[].config.host
    # The names its uplinks carry on each host: {host ref: {uplink name: vmnic}}; told by the hosts.
    uplinks: dict[str, dict[str, str]] | None = None


class Datastore(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="datastore"
):
    url: str | None = None  # summary.url: the same wherever it is mounted
    ancestors: tuple[str, ...] | None = None  # what is above it, nearest first, up to the root
    type: str | None = None  # VMFS, NFS, vsan …; summary.type
    capacity_bytes: int | None = None  # summary.capacity
    multiple_host_access: bool | None = None  # summary.multipleHostAccess
    accessible: bool | None = None  # summary.accessible: from any host
    # normal, enteringMaintenance, inMaintenance; summary.maintenanceMode
    maintenance: str | None = None
    mounts: tuple[Mount, ...] | None = None  # one a host; host[].mountInfo
    host_refs: tuple[str, ...] | None = None  # host[].key
    vm_refs: tuple[str, ...] | None = None  # vm: machines and templates with files on it
    tags: dict[str, tuple[str, ...]] | None = None  # names by category; over REST


class Role(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="role"):
    label: str = ""  # roleList[].info.label: what people read
    system: bool | None = None  # roleList[].system: it came with the platform
    privileges: tuple[str, ...] | None = None  # roleList[].privilege, sorted


class Grant(Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="grant"):
    """A principal holds a role on an entity: one of RetrieveAllPermissions.

    `name` reads "principal: role on entity"; `uid` is made of the object and the principal.
    """

    principal: str  # principal: "DOMAIN\\name", as the platform spells it
    is_group: bool  # group
    role_id: int  # roleId: uid of the role, as a number
    role_name: str | None = None  # roleList[].name of that role
    entity_ref: str  # entity: the object it is given on
    entity_name: str | None = None  # name of that object
    entity_path: str | None = None  # its inventory path; "/" is the root
    entity_type: str | None = None  # Folder, Datacenter, HostSystem …: the type of that object
    at_root: bool | None = None  # whether that object is the root folder
    propagate: bool  # propagate: whether it reaches what is below


class Principal(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="principal"
):
    """A user or group that holds a grant, or is in a group that does."""

    is_group: bool  # group, in whatever names it
    full_name: str | None = None  # fullName; RetrieveUserGroups
    # RetrieveUserGroups: the direct ones, sorted; a user has none
    members: tuple[Member, ...] | None = None


class PlatformSettings(
    Record, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="platform"
):
    """The management platform itself: one record a source."""

    product: str | None = None  # content.about.fullName
    version: str | None = None  # content.about.version
    build: str | None = None  # content.about.build
    api_version: str | None = None  # content.about.apiVersion
    # CurrentTime against the clock of who collects, in whole minutes; negative = it is behind
    clock_ahead_minutes: int | None = None
    settings: dict[str, str] | None = None  # content.setting.setting
    extensions: tuple[str, ...] | None = None  # extensionManager.extensionList[].key, sorted
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
