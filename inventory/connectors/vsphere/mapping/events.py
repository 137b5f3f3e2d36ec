"""Lines of vCenter's log, and the types of them that the product asks for."""

from __future__ import annotations

import re
from typing import Any, Final

from inventory.connectors.base import Event
from inventory.connectors.vsphere.mapping.facts import (
    as_mac,
    as_number,
    as_text,
    as_time,
    dicts,
    display_name,
    inside,
    option_values,
)
from inventory.connectors.vsphere.xml import Ref

# What a statement of the policy or a question about the past needs. A vCenter writes many more,
# most of them about tasks, alarms and logins of machines.
ASKED: Final = (
    # a machine begins and ends
    "VmCreatedEvent",
    "VmClonedEvent",
    "VmDeployedEvent",
    "VmRegisteredEvent",
    "VmDiscoveredEvent",
    "VmReloadFromPathEvent",
    "VmRemovedEvent",
    # where it runs, and whether
    "VmMigratedEvent",
    "DrsVmMigratedEvent",
    "VmRelocatedEvent",
    "VmRestartedOnAlternateHostEvent",
    "VmPoweredOnEvent",
    "DrsVmPoweredOnEvent",
    "VmResumingEvent",
    "VmPoweredOffEvent",
    "VmSuspendedEvent",
    # what it is
    "VmReconfiguredEvent",
    "VmRenamedEvent",
    "VmMacAssignedEvent",
    "VmMacChangedEvent",
    "VmMacConflictEvent",
    "VmStaticMacConflictEvent",
    "VmInstanceUuidChangedEvent",
    "VmUuidChangedEvent",
    # who looked into it
    "VmAcquiredTicketEvent",
    "VmAcquiredMksTicketEvent",
    "VmRemoteConsoleConnectedEvent",
    "VmRemoteConsoleDisconnectedEvent",
    # who may do what
    "PermissionAddedEvent",
    "PermissionUpdatedEvent",
    "PermissionRemovedEvent",
    "RoleAddedEvent",
    "RoleUpdatedEvent",
    "RoleRemovedEvent",
    "com.vmware.cis.CreateGlobalPermission",
    "com.vmware.cis.RemoveGlobalPermission",
    # what is said of objects
    "com.vmware.cis.tagging.attach",
    "com.vmware.cis.tagging.detach",
    "CustomFieldDefAddedEvent",
    "CustomFieldDefRenamedEvent",
    "CustomFieldDefRemovedEvent",
    # what vCenter holds itself
    "com.vmware.license.AddLicenseEvent",
    "com.vmware.license.RemoveLicenseEvent",
    "com.vmware.license.AssignLicenseEvent",
    "com.vmware.license.UnassignLicenseEvent",
    "com.vmware.license.DefaultLicenseKeysUpdatedEvent",
    "AlarmCreatedEvent",
    "AlarmReconfiguredEvent",
    "AlarmRemovedEvent",
    # files
    "DatastoreFileDeletedEvent",
    "DatastoreFileCopiedEvent",
    "DatastoreFileMovedEvent",
    # content libraries: what goes out of them and into them
    "com.vmware.ovfs.DeployEvent",
    "com.vmware.vmtx.LibraryItemDeployEvent",
    "com.vmware.vmtx.LibraryItemCheckOutEvent",
    "com.vmware.ovfs.ExportEvent",
    "com.vmware.vmtx.LibraryItemCreateEvent",
    "com.vmware.vmtx.LibraryItemCheckInEvent",
    "com.vmware.cl.CreateLibraryItemEvent",
    "com.vmware.cl.UpdateLibraryItemEvent",
    "com.vmware.cl.CopyLibraryItemEvent",
    "com.vmware.cl.SyncLibraryItemEvent",
    "com.vmware.cl.PublishLibraryItemEvent",
    "com.vmware.cl.DeleteLibraryItemEvent",
    "com.vmware.cl.CreateLibraryEvent",
    "com.vmware.cl.UpdateLibraryEvent",
    "com.vmware.cl.SyncLibraryEvent",
    "com.vmware.cl.PublishLibraryEvent",
    "com.vmware.cl.DeleteLibraryEvent",
    # networks, hosts and datastores
    "DVPortgroupCreatedEvent",
    "DVPortgroupRenamedEvent",
    "DVPortgroupReconfiguredEvent",
    "DVPortgroupDestroyedEvent",
    "DvsCreatedEvent",
    "DvsRenamedEvent",
    "DvsReconfiguredEvent",
    "DvsDestroyedEvent",
    "HostAddedEvent",
    "HostRemovedEvent",
    "HostConnectedEvent",
    "HostDisconnectedEvent",
    "HostConnectionLostEvent",
    "EnteredMaintenanceModeEvent",
    "ExitMaintenanceModeEvent",
    "LocalDatastoreCreatedEvent",
    "NASDatastoreCreatedEvent",
    "VMFSDatastoreCreatedEvent",
    "DatastoreRenamedEvent",
    "DatastoreCapacityIncreasedEvent",
    "DatastoreDestroyedEvent",
    # sessions of people
    "UserLoginSessionEvent",
    "UserLogoutSessionEvent",
    "BadUsernameSessionEvent",
)
_LICENCE_KEY: Final = re.compile(r"\b\w{5}(?:-\w{5}){3}(-\w{5})\b")
_MACS: Final = frozenset({"mac", "oldMac", "newMac"})
# Fields that say the same as columns do, or nothing about what happened.
_KNOWN: Final = frozenset(
    {
        "_type",
        "key",
        "chainId",
        "createdTime",
        "userName",
        "eventTypeId",
        "fullFormattedMessage",
        "vm",
        "host",
        "template",
        "changeTag",
        "configSpec",  # the whole order of a reconfiguration, with what may be secret in it
    }
)
_LONGEST: Final = 2_000
_LONGEST_KEY: Final = 200
_MOST_ARGUMENTS: Final = 50
_MACHINE: Final = frozenset({"VirtualMachine", "vim.VirtualMachine"})


def event(found: dict[str, Any]) -> Event:
    """A line of the log, or raise ValueError when it has no key, type or time."""
    key, at = as_number(found.get("key")), as_time(found.get("createdTime"))
    type_ = as_text(found.get("eventTypeId")) or as_text(found.get("_type"))
    if key is None or at is None or not type_:
        raise ValueError("An event has no key, no type or no time.")
    if type_.startswith("com.vmware.license."):
        found = _without_keys(found)
    return Event(
        key=key,
        type=type_.rpartition(".")[2] if type_.startswith("vim.event.") else type_,
        at=at,
        user=as_text(found.get("userName")) or "",
        message=(as_text(found.get("fullFormattedMessage")) or "")[:_LONGEST],
        vm_ref=_ref(found, "vm", "vm") or _object(found, "objectId"),
        vm_name=_name(found, "vm") or display_name(_object(found, "objectName")),
        host_ref=_ref(found, "host", "host"),
        host_name=_name(found, "host"),
        detail=_detail(found),
    )


def _without_keys(value: Any) -> Any:
    """Licence keys stay where they are: of each its end is kept, as of those that are recorded."""
    if isinstance(value, str):
        # A reference is text as well, and no key.
        return value if isinstance(value, Ref) else _LICENCE_KEY.sub(r"…\1", value)
    if isinstance(value, dict):
        return {name: _without_keys(inner) for name, inner in value.items()}
    return [_without_keys(inner) for inner in value] if isinstance(value, list) else value


def _ref(found: dict[str, Any], argument: str, field: str) -> str:
    ref = inside(found, argument, field)
    return str(ref) if isinstance(ref, Ref) else ""


def _name(found: dict[str, Any], argument: str) -> str:
    name = as_text(inside(found, argument, "name"))
    return display_name(name) if name else ""


def _object(found: dict[str, Any], field: str) -> str:
    """What an event without a machine says of the object it is about, if that is a machine."""
    is_machine = as_text(found.get("objectType")) in _MACHINE and "vm" not in found
    return (as_text(found.get(field)) or "") if is_machine else ""


def _detail(found: dict[str, Any]) -> dict[str, str]:
    """Plain fields as they are; of an object that is named its reference and its name."""
    detail: dict[str, str] = {}
    for name, value in found.items():
        if name in _KNOWN:
            continue
        if name == "configChanges":
            detail |= _changes(value)
            continue
        if name == "arguments":
            detail |= _arguments(value)
            continue
        plain = as_mac(value) if name in _MACS else as_text(value)
        if plain is not None:
            detail[name] = plain[:_LONGEST]
        elif isinstance(value, dict):
            detail |= _argument(name, value)
    return dict(sorted(detail.items()))


def _argument(name: str, value: dict[str, Any]) -> dict[str, str]:
    said = {}
    for field, inner in value.items():
        if isinstance(inner, Ref):
            said[f"{name}.ref"] = str(inner)
        elif field == "name" and (text := as_text(inner)):
            said[f"{name}.name"] = display_name(text)[:_LONGEST]
        elif field == "roleId" and (text := as_text(inner)):
            said[f"{name}.id"] = text
    return said


def _arguments(value: Any) -> dict[str, str]:
    """What an extension says with its event, in its own words; nothing that may be a secret."""
    said = option_values(dicts(value)[:_MOST_ARGUMENTS])
    return {f"arguments.{key}"[:_LONGEST_KEY]: text[:_LONGEST] for key, text in said.items()}


def _changes(value: Any) -> dict[str, str]:
    """`configChanges` of a reconfiguration: which properties were modified, added and deleted.

    Only their paths: values are in the versions of the machine, and may be secret here.
    """
    changes = dicts(value)[0] if dicts(value) else {}
    said = {}
    for way in ("modified", "added", "deleted"):
        text = as_text(changes.get(way)) or ""
        paths = sorted({line.split(":")[0].strip() for line in text.splitlines() if line.strip()})
        if paths:
            said[f"changes.{way}"] = ", ".join(paths)[:_LONGEST]
    return said
