"""What types of events are called."""

from __future__ import annotations

import re

from inventory.connectors.vsphere.mapping.events import ASKED

_WORDS = {
    "VmCreatedEvent": "Created",
    "VmClonedEvent": "Cloned",
    "VmDeployedEvent": "Deployed from a template",
    "VmRegisteredEvent": "Registered",
    "VmDiscoveredEvent": "Found on a host",
    "VmReloadFromPathEvent": "Reloaded from a file",
    "VmRemovedEvent": "Removed",
    "VmMigratedEvent": "Moved",
    "DrsVmMigratedEvent": "Moved by DRS",
    "VmRelocatedEvent": "Relocated",
    "VmRestartedOnAlternateHostEvent": "Restarted on another host",
    "VmPoweredOnEvent": "Powered on",
    "DrsVmPoweredOnEvent": "Powered on by DRS",
    "VmResumingEvent": "Resumed",
    "VmPoweredOffEvent": "Powered off",
    "VmSuspendedEvent": "Suspended",
    "VmReconfiguredEvent": "Reconfigured",
    "VmRenamedEvent": "Renamed",
    "VmMacAssignedEvent": "MAC address assigned",
    "VmMacChangedEvent": "MAC address changed",
    "VmMacConflictEvent": "MAC address conflict",
    "VmStaticMacConflictEvent": "MAC address conflict",
    "VmInstanceUuidChangedEvent": "Instance UUID changed",
    "VmUuidChangedEvent": "BIOS UUID changed",
    "VmAcquiredTicketEvent": "Console ticket acquired",
    "VmAcquiredMksTicketEvent": "Console ticket acquired",
    "VmRemoteConsoleConnectedEvent": "Console opened",
    "VmRemoteConsoleDisconnectedEvent": "Console closed",
    "PermissionAddedEvent": "Grant added",
    "PermissionUpdatedEvent": "Grant changed",
    "PermissionRemovedEvent": "Grant removed",
    "RoleAddedEvent": "Role added",
    "RoleUpdatedEvent": "Role changed",
    "RoleRemovedEvent": "Role removed",
    "com.vmware.cis.CreateGlobalPermission": "Grant added",
    "com.vmware.cis.RemoveGlobalPermission": "Grant removed",
    "com.vmware.cis.tagging.attach": "Tag attached",
    "com.vmware.cis.tagging.detach": "Tag detached",
    "CustomFieldDefAddedEvent": "Custom attribute added",
    "CustomFieldDefRenamedEvent": "Custom attribute renamed",
    "CustomFieldDefRemovedEvent": "Custom attribute removed",
    "com.vmware.license.AddLicenseEvent": "Licence added",
    "com.vmware.license.RemoveLicenseEvent": "Licence removed",
    "com.vmware.license.AssignLicenseEvent": "Licence assigned",
    "com.vmware.license.UnassignLicenseEvent": "Licence unassigned",
    "com.vmware.license.DefaultLicenseKeysUpdatedEvent": "Default licences changed",
    "AlarmCreatedEvent": "Alarm defined",
    "AlarmReconfiguredEvent": "Alarm changed",
    "AlarmRemovedEvent": "Alarm removed",
    "DatastoreFileDeletedEvent": "File deleted",
    "DatastoreFileCopiedEvent": "File copied",
    "DatastoreFileMovedEvent": "File moved",
    "com.vmware.ovfs.DeployEvent": "Deployed from a library",
    "com.vmware.vmtx.LibraryItemDeployEvent": "Deployed from a library",
    "com.vmware.vmtx.LibraryItemCheckOutEvent": "Checked out of a library",
    "com.vmware.ovfs.ExportEvent": "Cloned to a library",
    "com.vmware.vmtx.LibraryItemCreateEvent": "Cloned to a library",
    "com.vmware.vmtx.LibraryItemCheckInEvent": "Checked into a library",
    "com.vmware.cl.CreateLibraryItemEvent": "Library item created",
    "com.vmware.cl.UpdateLibraryItemEvent": "Library item changed",
    "com.vmware.cl.CopyLibraryItemEvent": "Library item copied",
    "com.vmware.cl.SyncLibraryItemEvent": "Library item synchronized",
    "com.vmware.cl.PublishLibraryItemEvent": "Library item published",
    "com.vmware.cl.DeleteLibraryItemEvent": "Library item removed",
    "com.vmware.cl.CreateLibraryEvent": "Library created",
    "com.vmware.cl.UpdateLibraryEvent": "Library changed",
    "com.vmware.cl.SyncLibraryEvent": "Library synchronized",
    "com.vmware.cl.PublishLibraryEvent": "Library published",
    "com.vmware.cl.DeleteLibraryEvent": "Library removed",
    "DVPortgroupCreatedEvent": "Port group created",
    "DVPortgroupRenamedEvent": "Port group renamed",
    "DVPortgroupReconfiguredEvent": "Port group changed",
    "DVPortgroupDestroyedEvent": "Port group removed",
    "DvsCreatedEvent": "Switch created",
    "DvsRenamedEvent": "Switch renamed",
    "DvsReconfiguredEvent": "Switch changed",
    "DvsDestroyedEvent": "Switch removed",
    "HostAddedEvent": "Host added",
    "HostRemovedEvent": "Host removed",
    "HostConnectedEvent": "Host connected",
    "HostDisconnectedEvent": "Host disconnected",
    "HostConnectionLostEvent": "Host lost",
    "EnteredMaintenanceModeEvent": "Entered maintenance",
    "ExitMaintenanceModeEvent": "Left maintenance",
    "LocalDatastoreCreatedEvent": "Datastore created",
    "NASDatastoreCreatedEvent": "Datastore created",
    "VMFSDatastoreCreatedEvent": "Datastore created",
    "DatastoreRenamedEvent": "Datastore renamed",
    "DatastoreCapacityIncreasedEvent": "Datastore enlarged",
    "DatastoreDestroyedEvent": "Datastore removed",
    "UserLoginSessionEvent": "Signed in",
    "UserLogoutSessionEvent": "Signed out",
    "BadUsernameSessionEvent": "Sign-in refused",
}
# Offered in menus, each word once, with the types it stands for.
CHOICES: dict[str, tuple[str, ...]] = {}
for _type in ASKED:
    CHOICES[_WORDS[_type]] = (*CHOICES.get(_WORDS[_type], ()), _type)


def title_of(type_: str) -> str:
    """“Moved by DRS” for DrsVmMigratedEvent; types nobody named are told by their own name."""
    if type_ in _WORDS:
        return _WORDS[type_]
    own = type_.rpartition(".")[2].removesuffix("Event").removeprefix("Vm")
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", own).strip() or type_
    return spaced[:1].upper() + spaced[1:].lower()
