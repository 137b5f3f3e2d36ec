"""Virtual machines and templates."""

from __future__ import annotations

import re
from typing import Any, Final

from inventory.connectors.vsphere.mapping import devices
from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import (
    Facts,
    as_flag,
    as_mac,
    as_number,
    as_text,
    as_time,
    dicts,
    display_name,
    inside,
    option_text,
    texts,
)
from inventory.records import (
    GuestNic,
    Image,
    Platform,
    PowerState,
    Snapshot,
    VirtualMachine,
    VmFile,
)

PATHS: Final = (
    "name",
    "parent",
    "config.annotation",
    "config.bootOptions.bootOrder",
    "config.bootOptions.efiSecureBootEnabled",
    "config.bootOptions.enterBIOSSetup",
    "config.contentLibItemInfo",
    "config.createDate",
    "config.extraConfig",
    "config.files.vmPathName",
    "config.firmware",
    "config.flags.enableLogging",
    "config.ftEncryptionMode",
    "config.guestFullName",
    "config.hardware.device",
    "config.hardware.memoryMB",
    "config.hardware.numCPU",
    "config.instanceUuid",
    "config.keyId",
    "config.managedBy",
    "config.migrateEncryption",
    "config.modified",
    "config.template",
    "config.tools.syncTimeWithHost",
    "config.tools.syncTimeWithHostAllowed",
    "config.uuid",
    "config.version",
    "customValue",
    "datastore",
    "guest.customizationInfo.customizationStatus",
    "guest.hostName",
    "guest.net",
    "guest.toolsRunningStatus",
    "guest.toolsVersionStatus2",
    "layoutEx.file",
    "network",
    "resourcePool",
    "runtime.bootTime",
    "runtime.connectionState",
    "runtime.consolidationNeeded",
    "runtime.cryptoState",
    "runtime.host",
    "runtime.powerState",
    "runtime.suspendTime",
    "snapshot.currentSnapshot",
    "snapshot.rootSnapshotList",
)

_POWER: Final = {
    "poweredOn": PowerState.ON,
    "poweredOff": PowerState.OFF,
    "suspended": PowerState.SUSPENDED,
}
_BOOTS_FROM: Final = {
    f"VirtualMachineBootOptionsBootable{name}Device": name.lower()
    for name in ("Cdrom", "Disk", "Ethernet", "Floppy")
}
# What hardening guides look at; everything else in extraConfig is left where it is, since owners
# and tools keep secrets there (guestinfo.*, RemoteDisplay.vnc.password). Keys are compared without
# regard to case, as the platform does, and kept as documented.
_HARDENING_KEYS: Final = {
    key.lower(): key
    for key in (
        "RemoteDisplay.maxConnections",
        "RemoteDisplay.vnc.enabled",
        "RemoteDisplay.vnc.port",
        "devices.hotplug",
        "guest.command.enabled",
        "isolation.bios.bbs.disable",
        "isolation.device.connectable.disable",
        "isolation.device.edit.disable",
        "isolation.tools.copy.disable",
        "isolation.tools.diskShrink.disable",
        "isolation.tools.diskWiper.disable",
        "isolation.tools.dnd.disable",
        "isolation.tools.paste.disable",
        "log.keepOld",
        "log.rotateSize",
        "logging",
        "mks.enable3d",
        "sched.mem.pshare.salt",
        "svga.vgaOnly",
        "tools.guest.desktop.autolock",
        "tools.guestlib.enableHostInfo",
        "tools.setInfo.sizeLimit",
    )
}
_HARDENING_PATTERN: Final = re.compile(
    r"^(isolation\.[\w.]+|ethernet\d+\.filter\d*\.\w+|pciPassthru\d+\.present)$", re.IGNORECASE
)

# Files that are written once. All others of something that runs have another size at every look.
_WRITTEN_ONCE: Final = frozenset(
    {"diskDescriptor", "nvram", "snapshotData", "snapshotMemory", "suspend", "suspendMemory"}
)


def machine(facts: Facts, estate: Estate) -> VirtualMachine | Image:
    """A virtual machine, or an image if it is a template; raise ValueError without an identity."""
    uid = facts.choice("config.instanceUuid")
    if uid is None:
        raise ValueError(_no_identity(facts))
    said = {
        "platform": Platform.VSPHERE,
        "uid": uid,
        "ref": str(facts.ref),
        "name": _name(facts),
        **_configuration(facts, estate),
    }
    if facts.flag("config.template"):
        return Image(**said, files=_files(facts))
    files = _files(facts, with_size=_WRITTEN_ONCE)
    return VirtualMachine(**said, **_life(facts, estate), files=files)


def _no_identity(facts: Facts) -> str:
    if facts.withheld("config.instanceUuid"):
        return "The account may not read the configuration of this machine."
    state = facts.choice("runtime.connectionState")
    return "vCenter has no configuration for this machine" + (
        f"; its state is “{state}”." if state else "."
    )


def _configuration(facts: Facts, estate: Estate) -> dict[str, Any]:
    """What a machine and a template have in common."""
    hardware = facts.items("config.hardware.device")
    attributes, tags = estate.attributes(facts), estate.tags_of(facts)
    return {
        "bios_uuid": facts.choice("config.uuid"),
        "connection_state": facts.choice("runtime.connectionState"),
        "host_ref": facts.text("runtime.host"),
        "folder": estate.path(facts.choice("parent")),
        "ancestors": estate.standing_in(facts.choice("parent")),
        "cpu_count": facts.number("config.hardware.numCPU"),
        "memory_mib": facts.number("config.hardware.memoryMB"),
        "guest_os": facts.text("config.guestFullName"),
        "annotation": facts.text("config.annotation"),
        "created_at": facts.time("config.createDate"),
        "modified_at": facts.time("config.modified"),
        "hardware_version": _hardware_version(facts),
        "tools_version_status": facts.choice("guest.toolsVersionStatus2"),
        "firmware": facts.choice("config.firmware"),
        "secure_boot": _off_when_unset(facts, "config.bootOptions.efiSecureBootEnabled"),
        "enters_setup": _off_when_unset(facts, "config.bootOptions.enterBIOSSetup"),
        "boot_order": _boot_order(facts.items("config.bootOptions.bootOrder")),
        "tpm": devices.has_tpm(hardware),
        "encrypted": _is_set(facts, "config.keyId"),
        "migrate_encryption": facts.choice("config.migrateEncryption"),
        "ft_encryption": facts.choice("config.ftEncryptionMode"),
        "managed_by": _manager(facts),
        **_library_item(facts),
        "consolidation_needed": facts.flag("runtime.consolidationNeeded"),
        "logging_enabled": facts.flag("config.flags.enableLogging"),
        "tools_sync_time": facts.flag("config.tools.syncTimeWithHost"),
        "tools_sync_allowed": facts.flag("config.tools.syncTimeWithHostAllowed"),
        "extra_config": _hardening(facts.items("config.extraConfig")),
        "nics": devices.nics(hardware, estate),
        "disks": devices.disks(hardware),
        "devices": devices.others(hardware),
        "snapshots": _snapshots(facts.items("snapshot.rootSnapshotList")),
        "current_snapshot": facts.text("snapshot.currentSnapshot"),
        "config_file": facts.choice("config.files.vmPathName"),
        "datastore_refs": facts.refs("datastore"),
        "network_refs": facts.refs("network"),
        "attributes": attributes,
        "tags": tags,
        **estate.assigned(attributes, tags),
    }


def _life(facts: Facts, estate: Estate) -> dict[str, Any]:
    """What only something that can run has."""
    return {
        "power_state": _POWER.get(facts.choice("runtime.powerState") or ""),
        "crypto_state": facts.choice("runtime.cryptoState"),
        "resource_pool_ref": facts.text("resourcePool"),
        "pool_ancestors": estate.standing_in(facts.choice("resourcePool")),
        "guest_hostname": facts.text("guest.hostName"),
        "guest_nics": _guest_nics(facts.items("guest.net")),
        "booted_at": facts.time("runtime.bootTime"),
        "suspended_at": facts.time("runtime.suspendTime"),
        "tools_running": _tools_running(facts),
        "customization": facts.choice("guest.customizationInfo.customizationStatus"),
    }


def _name(facts: Facts) -> str:
    return display_name(as_text(facts.raw("name")) or str(facts.ref))


def _hardware_version(facts: Facts) -> int | None:
    return as_number((facts.choice("config.version") or "").removeprefix("vmx-"))


def _tools_running(facts: Facts) -> bool | None:
    status = facts.choice("guest.toolsRunningStatus")
    return None if status is None else status != "guestToolsNotRunning"


def _off_when_unset(facts: Facts, path: str) -> bool | None:
    """A feature that a machine's file does not mention is off."""
    found = facts.flag(path)
    return False if found is None and not facts.withheld(path) else found


def _is_set(facts: Facts, path: str) -> bool | None:
    if facts.raw(path) is not None:
        return True
    return None if facts.withheld(path) else False


def _boot_order(found: list[Any] | None) -> tuple[str, ...] | None:
    """The classes of devices in the order they are tried."""
    if found is None:
        return None
    types = (as_text(device.get("_type")) or "" for device in dicts(found))
    return tuple(_BOOTS_FROM.get(type_, type_) for type_ in types)


def _manager(facts: Facts) -> str | None:
    """The extension that looks after this machine."""
    if facts.withheld("config.managedBy"):
        return None
    return as_text(inside(facts.raw("config.managedBy"), "extensionKey")) or ""


def _library_item(facts: Facts) -> dict[str, Any]:
    """The item of a content library that vCenter says it belongs to: as the template behind it, or
    checked out of it. Platforms before 7.0 do not say.
    """
    if facts.withheld("config.contentLibItemInfo"):
        return {}
    found = facts.raw("config.contentLibItemInfo")
    item = as_text(inside(found, "contentLibraryItemUuid")) or ""
    version = as_text(inside(found, "contentLibraryItemVersion")) or ""
    return {"library_item": item, "library_item_version": version if item else ""}


def _hardening(found: list[Any] | None) -> dict[str, str] | None:
    if found is None:
        return None
    kept: dict[str, str] = {}
    for option in dicts(found):
        key, content = option.get("key"), option_text(option.get("value"))
        if not isinstance(key, str) or content is None:
            continue
        known = _HARDENING_KEYS.get(key.lower())
        if known or _HARDENING_PATTERN.match(key):
            kept[known or key] = content
    return dict(sorted(kept.items()))


def _guest_nics(found: list[Any] | None) -> tuple[GuestNic, ...] | None:
    if found is None:
        return None
    return tuple(
        GuestNic(
            mac=as_mac(nic.get("macAddress")),
            network_name=as_text(nic.get("network")),
            addresses=tuple(sorted(texts(nic.get("ipAddress")))),
        )
        for nic in dicts(found)
    )


def _snapshots(found: list[Any] | None) -> tuple[Snapshot, ...] | None:
    if found is None:
        return None
    flat: list[Snapshot] = []
    waiting = [(root, 0) for root in reversed(dicts(found))]
    while waiting:
        node, depth = waiting.pop()
        flat.append(_snapshot(node, depth))
        waiting += [(child, depth + 1) for child in reversed(dicts(node.get("childSnapshotList")))]
    return tuple(flat)


def _snapshot(node: dict[str, Any], depth: int) -> Snapshot:
    created_at = as_time(node.get("createTime"))
    if created_at is None:
        raise ValueError("A snapshot of this machine has no readable time of creation.")
    return Snapshot(
        uid=str(node.get("snapshot") or ""),
        name=display_name(as_text(node.get("name")) or ""),
        created_at=created_at,
        depth=depth,
        description=as_text(node.get("description")) or "",
        quiesced=as_flag(node.get("quiesced")),
        power_state=_POWER.get(as_text(node.get("state")) or ""),
    )


def _files(facts: Facts, *, with_size: frozenset[str] | None = None) -> tuple[VmFile, ...] | None:
    """The files in the order of their names, with the size of those types or of all."""
    found = facts.items("layoutEx.file")
    if found is None:
        return None
    sizes: dict[tuple[str, str], int | None] = {}
    for file in dicts(found):
        path, type_ = as_text(file.get("name")) or "", as_text(file.get("type")) or ""
        is_told = with_size is None or type_ in with_size
        sizes[path, type_] = as_number(file.get("size")) if is_told else None
    return tuple(
        VmFile(path=path, type=type_, size_bytes=size)
        for (path, type_), size in sorted(sizes.items())
        if path
    )
