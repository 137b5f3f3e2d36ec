"""Which fields of a record stay unknown when a platform withholds one of its own properties."""

from __future__ import annotations

from inventory.records import Kind

_ASSIGNED = ("classification", "owner", "criticality", "team")
_ATTRIBUTES = ("attributes", *_ASSIGNED)
_MACHINE = {
    "config.annotation": ("annotation",),
    "config.bootOptions.bootOrder": ("boot_order",),
    "config.bootOptions.efiSecureBootEnabled": ("secure_boot",),
    "config.bootOptions.enterBIOSSetup": ("enters_setup",),
    "config.contentLibItemInfo": ("library_item", "library_item_version"),
    "config.createDate": ("created_at",),
    "config.extraConfig": ("extra_config",),
    "config.files.vmPathName": ("config_file",),
    "config.firmware": ("firmware",),
    "config.flags.enableLogging": ("logging_enabled",),
    "config.ftEncryptionMode": ("ft_encryption",),
    "config.guestFullName": ("guest_os",),
    "config.hardware.device": ("nics", "disks", "devices", "tpm"),
    "config.hardware.memoryMB": ("memory_mib",),
    "config.hardware.numCPU": ("cpu_count",),
    "config.keyId": ("encrypted",),
    "config.managedBy": ("managed_by",),
    "config.migrateEncryption": ("migrate_encryption",),
    "config.modified": ("modified_at",),
    "config.tools.syncTimeWithHost": ("tools_sync_time",),
    "config.tools.syncTimeWithHostAllowed": ("tools_sync_allowed",),
    "config.uuid": ("bios_uuid",),
    "config.version": ("hardware_version",),
    "customValue": _ATTRIBUTES,
    "datastore": ("datastore_refs",),
    "guest.customizationInfo.customizationStatus": ("customization",),
    "guest.hostName": ("guest_hostname",),
    "guest.net": ("guest_nics",),
    "guest.toolsRunningStatus": ("tools_running",),
    "guest.toolsVersionStatus2": ("tools_version_status",),
    "layoutEx.file": ("files",),
    "network": ("network_refs",),
    "parent": ("folder", "ancestors"),
    "resourcePool": ("resource_pool_ref", "pool_ancestors"),
    "runtime.bootTime": ("booted_at",),
    "runtime.connectionState": ("connection_state",),
    "runtime.consolidationNeeded": ("consolidation_needed",),
    "runtime.cryptoState": ("crypto_state",),
    "runtime.host": ("host_ref",),
    "runtime.powerState": ("power_state",),
    "runtime.suspendTime": ("suspended_at",),
    "snapshot.currentSnapshot": ("current_snapshot",),
    "snapshot.rootSnapshotList": ("snapshots",),
    "tags": ("tags", *_ASSIGNED),
}
_HOST = {
    "HostImageConfigGetAcceptance": ("acceptance_level",),
    "QueryLockdownExceptions": ("lockdown_exceptions",),
    "capability.uefiSecureBoot": ("uefi_secure_boot",),
    "config.certificate": ("certificate_pem", "certificate"),
    "config.dateTimeInfo": (
        "time_servers",
        "time_protocol",
        "time_enabled",
        "time_fallback",
        "time_in_fallback",
        "time_in_sync",
    ),
    "config.firewall": (
        "firewall_rules",
        "firewall_incoming_blocked",
        "firewall_outgoing_blocked",
    ),
    "config.lockdownMode": ("lockdown_mode",),
    "config.network.pnic": ("pnics",),
    "config.network.portgroup": ("port_groups",),
    "config.network.proxySwitch": ("switches",),
    "config.network.vnic": ("vmkernel_nics",),
    "config.network.vswitch": ("switches",),
    "config.option": ("options",),
    "config.product.build": ("build",),
    "config.product.fullName": ("product",),
    "config.product.version": ("version",),
    "config.service": ("services",),
    "config.virtualNicManagerInfo.netConfig": ("vmkernel_nics",),
    "configManager.hostAccessManager": ("lockdown_exceptions",),
    "configManager.imageConfigManager": ("acceptance_level",),
    "customValue": ("attributes",),
    "datastore": ("datastore_refs",),
    "hardware.cpuInfo.numCpuCores": ("cpu_cores",),
    "hardware.memorySize": ("memory_mib",),
    "network": ("network_refs",),
    "parent": ("cluster_ref", "ancestors"),
    "runtime.connectionState": ("connection_state",),
    "runtime.cryptoState": ("crypto_state",),
    "runtime.inMaintenanceMode": ("in_maintenance",),
    "runtime.powerState": ("power_state",),
}
_NETWORK = {
    "FetchDVPorts": ("port_overrides",),
    "config.defaultPortConfig": (
        "vlan_type",
        "vlan_id",
        "vlan_ranges",
        "security",
        "mac_learning",
        "netflow",
        "blocked",
        "teaming",
        "failback",
        "notify_switches",
        "active_uplinks",
        "standby_uplinks",
    ),
    "config.distributedVirtualSwitch": ("switch_ref", "port_overrides"),
    "config.policy": ("override_allowed", "resets_ports", "port_overrides"),
    "config.type": ("binding",),
    "config.uplink": ("uplink",),
    "host": ("host_refs",),
    "parent": ("ancestors",),
    "vm": ("vm_refs",),
}
_SWITCH: dict[str, tuple[str, ...]] = {
    "parent": ("ancestors",),
    "config": (
        "security",
        "mac_learning",
        "mirror_sessions",
        "netflow_collector",
        "netflow_sampling",
        "netflow_internal_only",
        "discovery_protocol",
        "discovery_operation",
        "health_checks",
        "network_io_control",
        "private_vlans",
        "host_refs",
        "version",
    ),
}
_DATASTORE = {
    "host": ("mounts", "host_refs"),
    "parent": ("ancestors",),
    "summary.accessible": ("accessible",),
    "summary.capacity": ("capacity_bytes",),
    "summary.maintenanceMode": ("maintenance",),
    "summary.multipleHostAccess": ("multiple_host_access",),
    "summary.type": ("type",),
    "summary.url": ("url",),
    "vm": ("vm_refs",),
}
_PLATFORM: dict[str, tuple[str, ...]] = {
    "Alarm.info": ("alarms",),
    "ExtensionManager.extensionList": ("extensions",),
    "GetAlarm": ("alarms",),
    "LicenseManager.licenses": ("licences",),
    "OptionManager.setting": ("settings",),
    "SessionManager.sessionList": ("sessions",),
    "libraries": ("libraries",),
}
_BY_KIND: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.VM: _MACHINE,
    Kind.IMAGE: _MACHINE,
    Kind.HOST: _HOST,
    Kind.CLUSTER: {
        "configurationEx": (
            "drs_enabled",
            "drs_automation",
            "ha_enabled",
            "ha_admission_control",
            "rules",
            "groups",
            "overrides",
        ),
        "host": ("host_refs",),
        "parent": ("ancestors",),
    },
    Kind.NETWORK: _NETWORK,
    Kind.SWITCH: _SWITCH,
    Kind.DATASTORE: _DATASTORE,
    Kind.PLATFORM: _PLATFORM,
}


def fields_behind(kind: Kind, path: str) -> frozenset[str]:
    """The fields of a record that come from a platform's property, the whole of it or a part."""
    known = _BY_KIND.get(kind, {})
    found = {path}
    for each, fields in known.items():
        if each == path or each.startswith(f"{path}.") or path.startswith(f"{each}."):
            found.update(fields)
    return frozenset(found)
