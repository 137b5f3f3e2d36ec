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
    """A network card: one of config.hardware.device with an address."""

    key: str  # config.hardware.device[].key
    label: str = ""  # deviceInfo.label: "Network adapter 1"
    adapter: str | None = None  # e1000, e1000e, vmxnet3, sriov …; the type of the device
    mac: str | None = None  # lower case, colons; macAddress
    mac_type: str | None = None  # manual, generated, assigned; addressType
    network_ref: str | None = None  # Network or DistributedVirtualPortgroup
    network_name: str | None = None  # name of that network, or backing.deviceName
    port_key: str | None = None  # of a distributed switch; backing.port.portKey
    connected: bool | None = None  # connectable.connected
    start_connected: bool | None = None  # connectable.startConnected


class Disk(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A VirtualDisk among config.hardware.device."""

    key: str  # config.hardware.device[].key
    label: str = ""  # deviceInfo.label: "Hard disk 1"
    capacity_bytes: int | None = None  # capacityInBytes, else capacityInKB
    file: str | None = None  # backing.fileName
    datastore_ref: str | None = None  # backing.datastore
    mode: str | None = None  # persistent, independent_persistent, …; backing.diskMode
    sharing: str | None = None  # sharingNone, sharingMultiWriter; backing.sharing
    # The label of the device that controllerKey names: "SCSI controller 0".
    controller: str | None = None
    bus_sharing: str | None = None  # the controller's sharedBus: noSharing, physicalSharing …
    encrypted: bool | None = None  # backing.keyId is set
    thin: bool | None = None  # backing.thinProvisioned


class Device(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A removable or pass-through device: floppy, cdrom, serial, parallel, usb, pci, scsi, sound."""

    key: str  # config.hardware.device[].key
    type: str  # one of these words, for the type of the device
    label: str = ""  # deviceInfo.label: "CD/DVD drive 1"
    backing: str | None = None  # the file, device or address behind it; "" = none
    connected: bool | None = None  # connectable.connected


class Snapshot(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A state a machine can go back to: snapshot.rootSnapshotList and what is below it."""

    uid: str  # snapshot: managed object id
    name: str  # name
    created_at: datetime  # createTime, UTC
    depth: int = 0  # how many snapshots it is built on
    description: str = ""  # description
    quiesced: bool | None = None  # quiesced: whether the guest was brought to rest for it
    power_state: str | None = None  # on, off, suspended: of the machine when it was taken; state


class VmFile(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A file a machine is made of."""

    path: str  # "[datastore] folder/file"; layoutEx.file[].name
    type: str  # config, nvram, diskExtent, log, swap …; layoutEx.file[].type
    # layoutEx.file[].size: of a template all, of a machine only what is written once, such as the
    # memory of a snapshot. The others of one that runs have another size at every look.
    size_bytes: int | None = None


class GuestNic(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A network card as the guest itself sees it."""

    mac: str | None = None  # guest.net[].macAddress; lower case, colons
    network_name: str | None = None  # guest.net[].network
    addresses: tuple[str, ...] = ()  # guest.net[].ipAddress, sorted


# --- of hosts ---------------------------------------------------------------------------------


class PhysicalNic(Part, frozen=True, kw_only=True, omit_defaults=True):
    """An uplink of a host."""

    name: str  # vmnic0; config.network.pnic[].device
    mac: str | None = None  # mac; lower case, colons
    link_up: bool | None = None  # linkSpeed is set
    speed_mbps: int | None = None  # linkSpeed.speedMb
    driver: str | None = None  # driver: name of its kernel module


class VmkernelNic(Part, frozen=True, kw_only=True, omit_defaults=True):
    """An interface of the host itself."""

    device: str  # vmk0; config.network.vnic[].device
    ip: str | None = None  # spec.ip.ipAddress
    mac: str | None = None  # spec.mac; lower case, colons
    port_group: str | None = None  # name of a standard port group; portgroup
    dv_port_group_ref: str | None = None  # spec.distributedVirtualPort.portgroupKey
    services: tuple[str, ...] | None = None  # nicTypes that select it: management, vmotion, vsan …


class SecurityPolicy(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What a port lets a machine do with addresses and others' traffic."""

    promiscuous: bool | None = None  # allowPromiscuous
    mac_changes: bool | None = None  # macChanges
    forged_transmits: bool | None = None  # forgedTransmits


class HostSwitch(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A standard switch, or a host's share of a distributed one (`switch_uuid` set)."""

    name: str  # vswitch[].name, or proxySwitch[].dvsName
    switch_uuid: str | None = None  # proxySwitch[].dvsUuid; a standard switch has none
    pnics: tuple[str, ...] | None = None  # vmnic names; pnic
    security: SecurityPolicy | None = None  # spec.policy.security, of a standard switch


class HostPortGroup(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A standard port group as it is in force (`computedPolicy`)."""

    name: str  # spec.name
    switch: str  # name of its switch; spec.vswitchName
    vlan_id: int | None = None  # 0 = none, 4095 = all (trunk); spec.vlanId
    active_nics: tuple[str, ...] | None = None  # nicTeaming.nicOrder.activeNic, as they are used
    standby_nics: tuple[str, ...] | None = None  # nicTeaming.nicOrder.standbyNic
    security: SecurityPolicy | None = None  # computedPolicy.security


class Service(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A service of a host: one of config.service.service."""

    key: str  # TSM-SSH, TSM, ntpd, slpd …; key
    running: bool | None = None  # running
    policy: str | None = None  # on, off, automatic: whether it starts with the host; policy


class FirewallRule(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What a host lets in for one service: one of config.firewall.ruleset."""

    key: str  # sshServer, CIMHttpServer …; key
    enabled: bool | None = None  # enabled
    all_ips: bool | None = None  # allowedHosts.allIp: whoever asks
    # Addresses, and networks in CIDR form; allowedHosts.ipAddress and .ipNetwork, sorted.
    allowed: tuple[str, ...] = ()


class Certificate(Part, frozen=True, kw_only=True, omit_defaults=True):
    """config.certificate as it reads; whether it has expired is a matter of the clock."""

    subject: str  # RFC 4514
    issuer: str  # RFC 4514
    not_before: datetime  # UTC
    not_after: datetime  # UTC
    sha256: str  # of the whole certificate, hexadecimal


# --- of clusters ------------------------------------------------------------------------------


class PlacementRule(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What may run together or where: one of configurationEx.rule."""

    name: str  # name
    type: str  # affinity, anti-affinity, vm-host, vm-host-anti: by the type of the rule
    enabled: bool | None = None  # enabled
    mandatory: bool | None = None  # mandatory: must, not should
    in_compliance: bool | None = None  # inCompliance: whether it is kept now
    vm_group: str | None = None  # vmGroupName
    host_group: str | None = None  # affineHostGroupName or antiAffineHostGroupName
    vm_refs: tuple[str, ...] = ()  # vm, or those of its group
    host_refs: tuple[str, ...] = ()  # those of its group


class PlacementGroup(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Machines or hosts that rules speak of together: one of configurationEx.group."""

    name: str  # name
    type: str  # vm, host: by the type of the group
    vm_refs: tuple[str, ...] = ()  # vm
    host_refs: tuple[str, ...] = ()  # host


class PlacementOverride(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A machine the scheduler treats in another way than its cluster; drsVmConfig."""

    vm_ref: str  # key: the machine
    enabled: bool | None = None  # enabled: whether the scheduler touches it at all
    automation: str | None = None  # manual, partiallyAutomated, fullyAutomated; behavior


# --- of networks and switches -----------------------------------------------------------------


class PortOverride(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A connected port whose own settings replace its port group's; FetchDVPorts."""

    key: str  # key: the port's number on its switch
    # vlan, security, teaming …: those of config.setting that are not inherited
    replaces: tuple[str, ...] = ()
    vm_ref: str | None = None  # the machine that is connected; connectee.connectedEntity
    vlan_type: str | None = None  # as in Network, where the VLAN is replaced
    vlan_id: int | None = None  # as in Network
    vlan_ranges: tuple[tuple[int, int], ...] | None = None  # as in Network
    security: SecurityPolicy | None = None  # where the security policy is replaced


class MirrorEnd(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Where mirrored traffic is taken from or brought to; VMwareVspanPort."""

    ports: tuple[str, ...] = ()  # portKey: keys of ports of the switch
    uplinks: tuple[str, ...] = ()  # uplinkPortName
    vlans: tuple[int, ...] = ()  # vlans: their ids
    addresses: tuple[str, ...] = ()  # ipAddress: of collectors outside
    # wildcardPortConnecteeType: every port of this kind: vmVnic, pnic …
    wildcards: tuple[str, ...] = ()


class MirrorSession(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Traffic that a switch copies: one of config.vspanSession."""

    key: str  # key
    name: str  # name
    enabled: bool | None = None  # enabled
    # dvPortMirror, remoteMirrorSource, encapsulatedRemoteMirrorSource …; sessionType
    type: str | None = None
    sent: MirrorEnd | None = None  # sourcePortTransmitted
    received: MirrorEnd | None = None  # sourcePortReceived
    destination: MirrorEnd | None = None  # destinationPort
    sampling_rate: int | None = None  # one of so many packets; samplingRate
    normal_traffic: bool | None = None  # normalTrafficAllowed: whether destinations may also speak


class PrivateVlan(Part, frozen=True, kw_only=True, omit_defaults=True):
    """One of config.pvlanConfig."""

    key: str  # the secondary VLAN; secondaryVlanId
    primary_id: int | None = None  # primaryVlanId
    type: str | None = None  # promiscuous, isolated, community; pvlanType


# --- of datastores and platforms --------------------------------------------------------------


class Mount(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A datastore as one host has it; host[].mountInfo."""

    host_ref: str  # host[].key
    access: str | None = None  # readWrite, readOnly; accessMode
    mounted: bool | None = None  # mounted


class Alarm(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What the platform watches by itself; one that GetAlarm names."""

    key: str  # managed object id
    name: str  # info.name
    enabled: bool | None = None  # info.enabled
    entity_ref: str | None = None  # where it is defined; info.entity
    # What sets it off: event ids and conditions, sorted; info.expression.
    when: tuple[str, ...] | None = None
    acts: bool | None = None  # whether it does something beyond showing; info.action is set


class Licence(Part, frozen=True, kw_only=True, omit_defaults=True):
    """One of licenseManager.licenses."""

    key: str  # licenseKey, all but its last group hidden: it is a secret
    name: str  # name
    edition: str | None = None  # editionKey
    total: int | None = None  # in units of the edition; 0 = without limit; total
    expires_at: datetime | None = None  # None also when it never does; expirationDate


class LoginSession(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who is logged in. The platform's key of a session opens it, and is not kept.

    When it was last used is kept only of one that is idle: of others it changes all the time.
    """

    key: str  # made of the moment, the user and the address
    user: str  # userName
    login_at: datetime | None = None  # loginTime, UTC
    ip: str | None = None  # ipAddress it came from
    agent: str | None = None  # userAgent
    idle: bool | None = None  # not used for an hour or longer
    idle_since: datetime | None = None  # lastActiveTime, of an idle one


class Library(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A content library: images that are handed out, and how it is guarded."""

    key: str  # id
    name: str  # name
    type: str | None = None  # local, subscribed; type
    published: bool | None = None  # others may take it; publish_info.published
    publish_login: str | None = None  # basic, none; publish_info.authentication_method
    # subscription_info.subscription_url: where it is taken from; "" = nowhere
    subscribed_from: str | None = None
    security_policy: str | None = None  # security_policy_id; "" = none
    datastore_refs: tuple[str, ...] | None = None  # storage_backings, where all are datastores


class LibraryFile(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A file of an item of a content library; over REST."""

    name: str  # name
    size_bytes: int | None = None  # size
    checksum: str | None = None  # "SHA1 9f…"; "" = none; checksum_info


class Member(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody in a group; RetrieveUserGroups."""

    name: str  # principal, with the domain of its group where it names none
    is_group: bool  # group
