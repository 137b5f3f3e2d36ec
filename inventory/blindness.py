"""Which fields of a record stay unknown when a platform withholds one of its own properties."""

from __future__ import annotations

from inventory.records import Kind

_ATTRIBUTES = ("attributes", "classification", "owner", "criticality", "team")
_MACHINE = {
    "config.annotation": ("annotation",),
    "config.bootOptions.efiSecureBootEnabled": ("secure_boot",),
    "config.createDate": ("created_at",),
    "config.extraConfig": ("extra_config",),
    "config.firmware": ("firmware",),
    "config.flags.enableLogging": ("logging_enabled",),
    "config.guestFullName": ("guest_os",),
    "config.hardware.device": ("nics", "disks", "devices"),
    "config.hardware.memoryMB": ("memory_mib",),
    "config.hardware.numCPU": ("cpu_count",),
    "config.keyId": ("encrypted",),
    "config.modified": ("modified_at",),
    "config.tools.syncTimeWithHost": ("tools_sync_time",),
    "config.uuid": ("bios_uuid",),
    "config.version": ("hardware_version",),
    "customValue": _ATTRIBUTES,
    "datastore": ("datastore_refs",),
    "guest.hostName": ("guest_hostname",),
    "guest.net": ("guest_nics",),
    "guest.toolsRunningStatus": ("tools_running",),
    "guest.toolsVersionStatus2": ("tools_version_status",),
    "layoutEx.file": ("files",),
    "network": ("network_refs",),
    "parent": ("folder",),
    "resourcePool": ("resource_pool_ref",),
    "runtime.bootTime": ("booted_at",),
    "runtime.connectionState": ("connection_state",),
    "runtime.consolidationNeeded": ("consolidation_needed",),
    "runtime.host": ("host_ref",),
    "runtime.powerState": ("power_state",),
    "snapshot.rootSnapshotList": ("snapshots",),
}
_HOST = {
    "capability.uefiSecureBoot": ("uefi_secure_boot",),
    "config.certificate": ("certificate_pem",),
    "config.dateTimeInfo": ("time_servers", "time_protocol"),
    "config.firewall": ("firewall_rules", "firewall_incoming_blocked"),
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
    "customValue": ("attributes",),
    "datastore": ("datastore_refs",),
    "hardware.cpuInfo.numCpuCores": ("cpu_cores",),
    "hardware.memorySize": ("memory_mib",),
    "network": ("network_refs",),
    "parent": ("cluster_ref",),
    "runtime.connectionState": ("connection_state",),
    "runtime.inMaintenanceMode": ("in_maintenance",),
    "runtime.powerState": ("power_state",),
}
_NETWORK = {
    "config.defaultPortConfig": ("vlan_type", "vlan_id", "vlan_ranges", "security", "netflow"),
    "config.distributedVirtualSwitch": ("switch_ref",),
    "config.uplink": ("uplink",),
    "host": ("host_refs",),
    "vm": ("vm_refs",),
}
_SWITCH: dict[str, tuple[str, ...]] = {
    "config": (
        "security",
        "mirror_sessions",
        "netflow_collector",
        "discovery_protocol",
        "host_refs",
        "version",
    )
}
_BY_KIND: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.VM: _MACHINE,
    Kind.IMAGE: _MACHINE,
    Kind.HOST: _HOST,
    Kind.CLUSTER: {
        "configurationEx": ("drs_enabled", "drs_automation", "ha_enabled", "rules"),
        "host": ("host_refs",),
    },
    Kind.NETWORK: _NETWORK,
    Kind.SWITCH: _SWITCH,
}


def fields_behind(kind: Kind, path: str) -> frozenset[str]:
    """The fields of a record that come from a platform's property, the whole of it or a part."""
    known = _BY_KIND.get(kind, {})
    found = {path}
    for each, fields in known.items():
        if each == path or each.startswith(f"{path}.") or path.startswith(f"{each}."):
            found.update(fields)
    return frozenset(found)
