"""Records for tests: a builder gives an asset that every check passes; a test changes one fact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from inventory.access.principals import key_of, principal
from inventory.records import (
    AnyRecord,
    Cluster,
    Datastore,
    Device,
    Disk,
    FirewallRule,
    Grant,
    Host,
    HostPortGroup,
    HostSwitch,
    Image,
    Kind,
    Library,
    Member,
    MirrorSession,
    Network,
    Nic,
    PhysicalNic,
    PlacementRule,
    Platform,
    PlatformSettings,
    PowerState,
    Principal,
    Role,
    SecurityPolicy,
    Service,
    Snapshot,
    Switch,
    VirtualMachine,
    VmkernelNic,
)
from policies.evaluate import Configured, Evaluation, evaluate_all
from policies.registry import get
from policies.spec import Estate, History, Outcome, Violation

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STRICT = SecurityPolicy(promiscuous=False, mac_changes=False, forged_transmits=False)


# --- machines ---------------------------------------------------------------------------------


def a_vm(name: str = "app-01", **facts: Any) -> VirtualMachine:
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"uuid-{name}",
        "ref": f"vm-{name}",
        "power_state": PowerState.ON,
        "connection_state": "connected",
        "host_ref": "host-esx-01",
        "hardware_version": 19,
        "tools_version_status": "guestToolsCurrent",
        "tools_running": True,
        "firmware": "efi",
        "secure_boot": True,
        "encrypted": False,
        "consolidation_needed": False,
        "logging_enabled": True,
        "tools_sync_time": False,
        "extra_config": {},
        "nics": (a_nic(mac=f"00:50:56:00:00:{sum(name.encode()) % 256:02x}"),),
        "disks": (a_disk(file=f"[gold] {name}/{name}.vmdk"),),
        "devices": (),
        "snapshots": (a_snapshot(uid=f"snapshot-{name}", age_hours=6),),
        "datastore_refs": ("datastore-gold",),
        "network_refs": ("network-app",),
        "classification": "internal",
        "owner": "kari@halden.example",
        "criticality": "high",
        "team": "Web",
    }
    return VirtualMachine(name=name, **{**defaults, **facts})


def a_nic(key: str = "4000", **facts: Any) -> Nic:
    defaults: dict[str, Any] = {
        "mac": "00:50:56:00:00:01",
        "mac_type": "assigned",
        "network_ref": "network-app",
        "connected": True,
    }
    return Nic(key=key, **{**defaults, **facts})


def a_disk(key: str = "2000", **facts: Any) -> Disk:
    defaults: dict[str, Any] = {
        "label": "Hard disk 1",
        "file": "[gold] app-01/app-01.vmdk",
        "mode": "persistent",
        "sharing": "sharingNone",
    }
    return Disk(key=key, **{**defaults, **facts})


def a_device(type: str = "cdrom", *, key: str = "3000", connected: bool | None = False) -> Device:
    return Device(key=key, type=type, label=f"{type} 1", connected=connected)


def a_snapshot(
    uid: str = "snapshot-1", *, age_days: float = 0, age_hours: float = 0, depth: int = 0
) -> Snapshot:
    created_at = NOW - timedelta(days=age_days, hours=age_hours)
    return Snapshot(uid=uid, name="before patch", created_at=created_at, depth=depth)


# --- hosts ------------------------------------------------------------------------------------


def a_host(name: str = "esx-01", **facts: Any) -> Host:
    """A host with management on vSwitch0 (vmnic0, VLAN 10) and machines on vSwitch1 (vmnic1)."""
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"uuid-{name}",
        "ref": f"host-{name}",
        "cluster_ref": "cluster-app",
        "connection_state": "connected",
        "in_maintenance": False,
        "version": "8.0.3",
        "build": "24280767",
        "lockdown_mode": "lockdownNormal",
        "uefi_secure_boot": True,
        "pnics": (a_pnic("vmnic0"), a_pnic("vmnic1")),
        "vmkernel_nics": (
            a_vmk("vmk0"),
            a_vmk("vmk1", port_group="vMotion", services=("vmotion",)),
        ),
        "switches": (
            HostSwitch(name="vSwitch0", pnics=("vmnic0",), security=STRICT),
            HostSwitch(name="vSwitch1", pnics=("vmnic1",), security=STRICT),
        ),
        "port_groups": (
            a_port_group("Management Network", vlan_id=10, nics=("vmnic0",)),
            a_port_group("vMotion", vlan_id=20, nics=("vmnic1",), switch="vSwitch1"),
            a_port_group("App", vlan_id=100, nics=("vmnic1",), switch="vSwitch1"),
        ),
        "services": (
            *(a_service(key) for key in ("TSM-SSH", "TSM", "slpd", "snmpd")),
            a_service("ntpd", running=True, policy="on"),
        ),
        "firewall_incoming_blocked": True,
        "firewall_rules": (
            FirewallRule(key="sshServer", enabled=True, all_ips=False, allowed=("10.0.10.0/24",)),
        ),
        "options": dict(HOST_OPTIONS),
        "time_servers": ("ntp1.halden.example", "ntp2.halden.example"),
        "time_protocol": "ntp",
        "network_refs": ("network-app",),
        "datastore_refs": ("datastore-gold",),
    }
    return Host(name=name, **{**defaults, **facts})


HOST_OPTIONS = {
    "Config.HostAgent.plugins.solo.enableMob": "false",
    "Net.BMCNetworkEnable": "0",
    "Security.AccountLockFailures": "5",
    "Security.AccountUnlockTime": "900",
    "Syslog.global.logHost": "ssl://siem.halden.example:6514",
    "UserVars.DcuiTimeOut": "600",
    "UserVars.ESXiShellInteractiveTimeOut": "900",
    "UserVars.ESXiShellTimeOut": "600",
    "UserVars.HostClientSessionTimeout": "900",
}


def a_pnic(name: str, *, link_up: bool | None = True) -> PhysicalNic:
    return PhysicalNic(name=name, link_up=link_up)


def a_vmk(device: str = "vmk0", **facts: Any) -> VmkernelNic:
    defaults: dict[str, Any] = {"port_group": "Management Network", "services": ("management",)}
    return VmkernelNic(device=device, **{**defaults, **facts})


def a_port_group(
    name: str,
    *,
    vlan_id: int | None = 100,
    nics: tuple[str, ...] | None = ("vmnic0",),
    switch: str = "vSwitch0",
    security: SecurityPolicy | None = STRICT,
) -> HostPortGroup:
    return HostPortGroup(
        name=name,
        switch=switch,
        vlan_id=vlan_id,
        active_nics=nics,
        standby_nics=(),
        security=security,
    )


def a_service(key: str, *, running: bool | None = False, policy: str | None = "off") -> Service:
    return Service(key=key, running=running, policy=policy)


# --- the rest ---------------------------------------------------------------------------------


def a_cluster(name: str = "app", **facts: Any) -> Cluster:
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"cluster-{name}",
        "ref": f"cluster-{name}",
        "drs_enabled": True,
        "drs_automation": "fullyAutomated",
        "ha_enabled": True,
        "rules": (),
        "host_refs": ("host-esx-01",),
    }
    return Cluster(name=name, **{**defaults, **facts})


def a_rule(name: str = "public stays", **facts: Any) -> PlacementRule:
    defaults: dict[str, Any] = {"type": "vm-host", "enabled": True, "mandatory": True}
    return PlacementRule(name=name, **{**defaults, **facts})


def a_network(name: str = "app", **facts: Any) -> Network:
    """A distributed port group."""
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"network-{name}",
        "ref": f"network-{name}",
        "type": "distributed",
        "switch_ref": "dvs-1",
        "uplink": False,
        "vlan_type": "vlan",
        "vlan_id": 100,
        "security": STRICT,
        "netflow": True,
        "active_uplinks": ("Uplink 2",),
        "standby_uplinks": (),
        "host_refs": ("host-esx-01",),
        "vm_refs": ("vm-app-01",),
    }
    return Network(name=name, **{**defaults, **facts})


def a_switch(name: str = "dvs-1", **facts: Any) -> Switch:
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": name,
        "ref": name,
        "uuid": f"uuid-{name}",
        "security": STRICT,
        "mirror_sessions": (MirrorSession(key="1", name="to sensor", enabled=True),),
        "netflow_collector": "",
        "discovery_protocol": "lldp",
        "host_refs": ("host-esx-01",),
        "uplinks": {
            host: {"Uplink 1": "vmnic0", "Uplink 2": "vmnic1"}
            for host in ("host-esx-01", "host-esx-02")
        },
    }
    return Switch(name=name, **{**defaults, **facts})


def a_datastore(name: str = "gold", **facts: Any) -> Datastore:
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"datastore-{name}",
        "ref": f"datastore-{name}",
        "type": "VMFS",
        "accessible": True,
        "multiple_host_access": True,
        "host_refs": ("host-esx-01",),
        "vm_refs": ("vm-app-01",),
    }
    return Datastore(name=name, **{**defaults, **facts})


def an_image(name: str = "rhel9-base", **facts: Any) -> Image:
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"uuid-{name}",
        "ref": f"vm-{name}",
        "created_at": NOW - timedelta(days=400),
        "modified_at": NOW - timedelta(days=10),
        "hardware_version": 19,
        "classification": "internal",
        "owner": "platform@halden.example",
        "criticality": "high",
    }
    return Image(name=name, **{**defaults, **facts})


def a_role(role_id: int = 101, *privileges: str, **facts: Any) -> Role:
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": str(role_id),
        "ref": str(role_id),
        "name": f"role-{role_id}",
        "label": f"Role {role_id}",
        "system": False,
        "privileges": privileges or ("System.Read", "VirtualMachine.Interact.PowerOn"),
    }
    return Role(**{**defaults, **facts})


def a_grant(principal: str = r"HALDEN\vm-operators", role_id: int = 101, **facts: Any) -> Grant:
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"grant-{principal}-{role_id}",
        "ref": f"grant-{principal}-{role_id}",
        "name": f"{principal}: role-{role_id} on Web",
        "is_group": True,
        "role_name": f"role-{role_id}",
        "entity_ref": "group-v7",
        "entity_name": "Web",
        "entity_path": "/Oslo/vm/Web",
        "entity_type": "Folder",
        "at_root": False,
        "propagate": True,
    }
    return Grant(principal=principal, role_id=role_id, **{**defaults, **facts})


def a_principal(
    name: str = r"HALDEN\anna",
    *users: str,
    groups: tuple[str, ...] = (),
    is_group: bool | None = None,
    **facts: Any,
) -> Principal:
    """A user; a group where it has members."""
    told = (
        *(Member(name=one, is_group=False) for one in users),
        *(Member(name=one, is_group=True) for one in groups),
    )
    is_group = bool(told) if is_group is None else is_group
    made = principal(
        key_of(name, is_group=is_group), name, platform=Platform.VSPHERE, members=told or None
    )
    return msgspec.structs.replace(made, **facts)


def a_platform(**facts: Any) -> PlatformSettings:
    defaults: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": "uuid-vc-oslo",
        "ref": "ServiceInstance",
        "name": "vc-oslo",
        "product": "VMware vCenter Server",
        "version": "8.0.3",
        "settings": {
            "VirtualCenter.VimPasswordExpirationInDays": "30",
            "config.log.level": "info",
            "event.maxAge": "30",
            "event.maxAgeEnabled": "true",
            "vpxd.event.syslog.enabled": "true",
        },
        "libraries": (
            Library(
                key="lib-1",
                name="Gold",
                type="local",
                published=True,
                publish_login="basic",
                subscribed_from="",
                security_policy="policy-1",
            ),
        ),
    }
    return PlatformSettings(**{**defaults, **facts})


def a_sound_estate() -> list[AnyRecord]:
    """A small estate in which every check passes somebody and fails nobody."""
    return [
        a_vm(),
        a_vm("app-02"),
        a_vm(
            "archive-01",
            power_state=PowerState.OFF,
            classification="secret",
            encrypted=True,
            network_refs=("network-archive",),
        ),
        a_host(),
        a_host("esx-02"),
        a_cluster(host_refs=("host-esx-01", "host-esx-02")),
        a_network(vm_refs=("vm-app-01", "vm-app-02")),
        a_switch(),
        a_datastore(),
        an_image(),
        a_role(),
        a_grant(),
        a_grant(
            r"VSPHERE.LOCAL\Administrators",
            -1,
            at_root=True,
            entity_type="Folder",
            entity_path="/",
        ),
        a_principal(r"HALDEN\vm-operators", r"HALDEN\anna"),
        a_principal(r"VSPHERE.LOCAL\Administrators", r"VSPHERE.LOCAL\Administrator"),
        a_principal(),
        a_platform(),
    ]


def a_flawed_estate() -> list[AnyRecord]:
    """A small estate in which every check fails somebody."""
    loose = SecurityPolicy(promiscuous=True, mac_changes=True, forged_transmits=True)
    return [
        a_vm(
            "web-01",
            classification="public",
            owner="",
            criticality="",
            nics=(a_nic(mac="00:50:56:aa:aa:aa", mac_type="manual"),),
            disks=(a_disk(file="[gold] shared.vmdk", mode="independent_nonpersistent"),),
            devices=(a_device("cdrom", connected=True), a_device("floppy", key="8000")),
            snapshots=tuple(
                a_snapshot(f"s{depth}", age_days=60, depth=depth) for depth in range(5)
            ),
            tools_version_status="guestToolsTooOld",
            hardware_version=10,
            firmware="bios",
            secure_boot=False,
            consolidation_needed=True,
            logging_enabled=False,
            extra_config={
                "isolation.tools.copy.disable": "FALSE",
                "ethernet0.filter2.name": "unheard-of",
            },
        ),
        a_vm(
            "db-pay-02",
            classification="secret",
            nics=(a_nic(mac="00:50:56:aa:aa:aa"),),
            disks=(a_disk(file="[gold] shared.vmdk"),),
            snapshots=(),
        ),
        a_vm("old-01", power_state=PowerState.OFF, criticality="low"),
        a_host(
            network_refs=("network-app", "network-lab"),
            time_servers=(),
            lockdown_mode="lockdownDisabled",
            uefi_secure_boot=False,
            build="1",
            pnics=(a_pnic("vmnic0"), a_pnic("vmnic1", link_up=False)),
            vmkernel_nics=(a_vmk("vmk0", services=("management", "vmotion")),),
            port_groups=(
                a_port_group("Management Network", vlan_id=0),
                a_port_group("VM Network", vlan_id=0, security=loose),
            ),
            services=(
                a_service("TSM-SSH", running=True, policy="on"),
                a_service("TSM"),
                a_service("slpd", running=True, policy="on"),
                a_service("ntpd"),
            ),
            firewall_incoming_blocked=False,
            firewall_rules=(FirewallRule(key="sshServer", enabled=True, all_ips=True),),
            options={
                **HOST_OPTIONS,
                "Config.HostAgent.plugins.solo.enableMob": "true",
                "Net.BMCNetworkEnable": "1",
                "Security.AccountLockFailures": "0",
                "Syslog.global.logHost": "",
                "UserVars.DcuiTimeOut": "0",
            },
        ),
        a_host("esx-02", cluster_ref="cluster-lab"),
        a_cluster(host_refs=("host-esx-01", "host-esx-02")),
        a_network(
            vlan_type="none", vlan_id=0, security=loose, vm_refs=("vm-web-01", "vm-db-pay-02")
        ),
        a_network(
            "lab",
            type="standard",
            switch_ref=None,
            uplink=None,
            vlan_type=None,
            vlan_id=None,
            security=None,
            vm_refs=("vm-web-01", "vm-db-pay-02"),
        ),
        a_switch(security=loose, mirror_sessions=(), netflow_collector=""),
        a_datastore(host_refs=("host-esx-01", "host-esx-02")),
        an_image(modified_at=NOW - timedelta(days=120), owner=""),
        a_role(102, "Host.Config.Network", "VirtualMachine.Interact.ConsoleInteract"),
        a_role(103, "Datastore.Browse", "Host.Config.Storage"),
        a_role(104, "VirtualMachine.Interact.PowerOn"),
        a_grant(r"HALDEN\contractor", 102, is_group=False, entity_type="Datacenter"),
        a_grant(r"HALDEN\storage", 103),
        a_grant(r"HALDEN\storage", 104),
        a_grant(r"HALDEN\everyone", -1, at_root=True, entity_path="/"),
        a_role(105, "Host.Config.Network"),
        a_role(106, "VirtualMachine.Interact.ConsoleInteract"),
        a_grant(r"HALDEN\host-admins", 105, entity_ref="group-h1", entity_path="/Oslo/host"),
        a_grant(r"HALDEN\console-users", 106),
        a_principal(r"HALDEN\host-admins", r"HALDEN\jonas"),
        a_principal(r"HALDEN\console-users", r"HALDEN\jonas"),
        a_principal(r"HALDEN\jonas"),
        a_platform(
            settings={
                "VirtualCenter.VimPasswordExpirationInDays": "365",
                "event.maxAge": "7",
                "event.maxAgeEnabled": "true",
                "vpxd.event.syslog.enabled": "false",
            },
            libraries=(
                Library(
                    key="lib-2",
                    name="Lab",
                    published=True,
                    publish_login="none",
                    security_policy="",
                ),
            ),
        ),
    ]


def without(fact: str) -> dict[str, Any]:
    """For a builder: this fact could not be read."""
    return {fact: None}


def a_history(record: AnyRecord, kind: Kind, *, off_for_days: float) -> dict[Any, History]:
    since = NOW - timedelta(days=off_for_days)
    return {(kind, record.uid): History(first_seen_at=since, power_since=since)}


# --- the vocabulary of check tests ------------------------------------------------------------


def judge(
    check_id: str,
    subject: AnyRecord,
    *around: AnyRecord,
    complete: frozenset[Kind] = frozenset(Kind),
    history: dict[Any, History] | None = None,
    **params: Any,
) -> Evaluation:
    """What the check says about the subject in an estate of itself and what is around it."""
    check = get(check_id)
    estate = Estate([subject, *around], complete=complete, history=history)
    configured = Configured(check, check.params(**params), check.severity)
    only = {(check.kind, subject.uid)}
    [evaluation] = evaluate_all([configured], estate, now=NOW, subjects=only)
    return evaluation


def passes(check_id: str, subject: AnyRecord, *around: AnyRecord, **how: Any) -> bool:
    return judge(check_id, subject, *around, **how).outcome is Outcome.PASS


def violations(
    check_id: str, subject: AnyRecord, *around: AnyRecord, **how: Any
) -> tuple[Violation, ...]:
    """What a failing subject is charged with."""
    evaluation = judge(check_id, subject, *around, **how)
    assert evaluation.outcome is Outcome.FAIL, evaluation
    return evaluation.violations


def keys(check_id: str, subject: AnyRecord, *around: AnyRecord, **how: Any) -> set[str]:
    return {violation.key for violation in violations(check_id, subject, *around, **how)}


def missing(check_id: str, subject: AnyRecord, *around: AnyRecord, **how: Any) -> str:
    """The fact without which the check cannot answer."""
    evaluation = judge(check_id, subject, *around, **how)
    assert evaluation.outcome is Outcome.UNKNOWN, evaluation
    return evaluation.reason


def excused(check_id: str, subject: AnyRecord, *around: AnyRecord, **how: Any) -> str:
    """Why the check does not apply."""
    evaluation = judge(check_id, subject, *around, **how)
    assert evaluation.outcome is Outcome.NOT_APPLICABLE, evaluation
    return evaluation.reason
