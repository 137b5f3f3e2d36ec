"""The pieces records are made of: what has no life of its own, such as a NIC, a disk or a service.

They follow the rules of `inventory.records`: `None` means that the platform did not say, and what
changes without meaning is not kept.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a record."""


# --- of virtual machines ----------------------------------------------------------------------


class Nic(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str  # config.hardware.device[].key
    label: str = ""
    adapter: str | None = None  # e1000, e1000e, vmxnet3, sriov …; the type of the device
    mac: str | None = None  # lower case, colons; macAddress
    mac_type: str | None = None  # manual, generated, assigned; addressType
    network_ref: str | None = None  # Network or DistributedVirtualPortgroup
    network_name: str | None = None
    port_key: str | None = None  # of a distributed switch; backing.port.portKey
    connected: bool | None = None  # connectable.connected
    start_connected: bool | None = None


class Disk(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str
    label: str = ""
    capacity_bytes: int | None = None
    file: str | None = None  # backing.fileName
    datastore_ref: str | None = None  # backing.datastore
    mode: str | None = None  # persistent, independent_persistent, …; backing.diskMode
    sharing: str | None = None  # sharingNone, sharingMultiWriter; backing.sharing
    controller: str | None = (
        None  # the label of the device controllerKey names: "SCSI controller 0"
    )
    bus_sharing: str | None = None  # the controller's sharedBus: noSharing, physicalSharing …
    encrypted: bool | None = None  # backing.keyId is set
    thin: bool | None = None


class Device(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A removable or pass-through device: floppy, cdrom, serial, parallel, usb, pci, scsi, sound."""

    key: str
    type: str
    label: str = ""
    backing: str | None = None  # the file, device or address behind it; "" = none
    connected: bool | None = None


class Snapshot(Part, frozen=True, kw_only=True, omit_defaults=True):
    uid: str  # managed object id
    name: str
    created_at: datetime  # createTime, UTC
    depth: int = 0
    description: str = ""
    quiesced: bool | None = None
    power_state: str | None = None  # on, off, suspended: of the machine when it was taken; state


class VmFile(Part, frozen=True, kw_only=True, omit_defaults=True):
    path: str  # "[datastore] folder/file"
    type: str  # FileLayoutEx.FileType: config, nvram, diskExtent, log, swap …


class GuestNic(Part, frozen=True, kw_only=True, omit_defaults=True):
    mac: str | None = None
    network_name: str | None = None
    addresses: tuple[str, ...] = ()


# --- of hosts ---------------------------------------------------------------------------------


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


class Certificate(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A certificate as it reads; whether it has expired is a matter of the clock."""

    subject: str  # RFC 4514
    issuer: str
    not_before: datetime  # UTC
    not_after: datetime
    sha256: str  # of the whole certificate, hexadecimal


# --- of clusters ------------------------------------------------------------------------------


class PlacementRule(Part, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    type: str  # affinity, anti-affinity, vm-host
    enabled: bool | None = None
    mandatory: bool | None = None
    in_compliance: bool | None = None  # inCompliance: whether it is kept now
    vm_group: str | None = None  # vmGroupName
    host_group: str | None = None  # affineHostGroupName or antiAffineHostGroupName
    vm_refs: tuple[str, ...] = ()
    host_refs: tuple[str, ...] = ()


class PlacementGroup(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Machines or hosts that rules speak of together."""

    name: str
    type: str  # vm, host
    vm_refs: tuple[str, ...] = ()
    host_refs: tuple[str, ...] = ()


class PlacementOverride(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A machine the scheduler treats in another way than its cluster; drsVmConfig."""

    vm_ref: str
    enabled: bool | None = None
    automation: str | None = None  # manual, partiallyAutomated, fullyAutomated; behavior


# --- of networks and switches -----------------------------------------------------------------


class PortOverride(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A port whose own settings replace its port group's."""

    key: str  # the port's
    replaces: tuple[str, ...] = ()  # vlan, security, teaming …
    vm_ref: str | None = None  # the machine that is connected; connectee.connectedEntity
    vlan_type: str | None = None  # as in Network, where the VLAN is replaced
    vlan_id: int | None = None
    vlan_ranges: tuple[tuple[int, int], ...] | None = None
    security: SecurityPolicy | None = None  # where the security policy is replaced


class MirrorEnd(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Where mirrored traffic is taken from or brought to; VMwareVspanPort."""

    ports: tuple[str, ...] = ()  # keys of ports of the switch
    uplinks: tuple[str, ...] = ()
    vlans: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()  # of collectors outside
    wildcards: tuple[str, ...] = ()  # every port of this kind: vmVnic, pnic …


class MirrorSession(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str
    name: str
    enabled: bool | None = None
    type: str | None = None  # dvPortMirror, remoteMirrorSource, encapsulatedRemoteMirrorSource …
    sent: MirrorEnd | None = None  # sourcePortTransmitted
    received: MirrorEnd | None = None  # sourcePortReceived
    destination: MirrorEnd | None = None  # destinationPort
    sampling_rate: int | None = None  # one of so many packets
    normal_traffic: bool | None = None  # normalTrafficAllowed: whether destinations may also speak


class PrivateVlan(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str  # the secondary VLAN; secondaryVlanId
    primary_id: int | None = None  # primaryVlanId
    type: str | None = None  # promiscuous, isolated, community; pvlanType


# --- of datastores and platforms --------------------------------------------------------------


class Mount(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A datastore as one host has it; host[].mountInfo."""

    host_ref: str
    access: str | None = None  # readWrite, readOnly; accessMode
    mounted: bool | None = None


class Alarm(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str  # managed object id
    name: str
    enabled: bool | None = None
    entity_ref: str | None = None  # where it is defined; info.entity
    when: tuple[str, ...] | None = None  # what sets it off: event ids and conditions, sorted
    acts: bool | None = None  # whether it does something beyond showing; info.action is set


class Licence(Part, frozen=True, kw_only=True, omit_defaults=True):
    key: str  # all but its last group hidden: it is a secret
    name: str
    edition: str | None = None  # editionKey
    total: int | None = None  # in units of the edition; 0 = without limit
    expires_at: datetime | None = None  # None also when it never does; expirationDate


class LoginSession(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who is logged in. The platform's key of a session opens it, and is not kept.

    When it was last used is kept only of one that is idle: of others it changes all the time.
    """

    key: str  # made of the moment, the user and the address
    user: str
    login_at: datetime | None = None
    ip: str | None = None
    agent: str | None = None  # userAgent
    idle: bool | None = None  # not used for an hour or longer
    idle_since: datetime | None = None  # lastActiveTime, of an idle one


class Library(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A content library: images that are handed out, and how it is guarded."""

    key: str  # its id
    name: str
    type: str | None = None  # local, subscribed
    published: bool | None = None  # others may take it; publish_info.published
    publish_login: str | None = None  # basic, none; publish_info.authentication_method
    subscribed_from: str | None = None  # where it is taken from; "" = nowhere
    security_policy: str | None = None  # its id; "" = none
    datastore_refs: tuple[str, ...] | None = None  # storage_backings, as far as they are datastores


class LibraryFile(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A file of an item of a content library."""

    name: str
    size_bytes: int | None = None
    checksum: str | None = None  # "SHA1 9f…"; "" = none


class Member(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody in a group."""

    name: str
    is_group: bool
