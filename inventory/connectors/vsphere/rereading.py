"""What is read again as a whole when an event tells that it changed, since no property tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

from inventory.connectors.base import Doubt, Event, Item, PublishedTags, Tags
from inventory.connectors.vsphere.collection import Collection
from inventory.connectors.vsphere.mapping.facts import as_flag
from inventory.connectors.vsphere.xml import Ref


class Part(StrEnum):
    """What one event makes doubtful, and one reading settles."""

    RIGHTS = "rights"  # roles, grants and principals
    TAGS = "tags"
    ATTRIBUTES = "attributes"  # their names; values are properties of what carries them
    VCENTER = "vcenter"  # licences and definitions of alarms stand in its record
    LIBRARIES = "libraries"  # in vCenter's record, with their items, which are images


TOLD_BY: Final[Mapping[Part, tuple[str, ...]]] = {
    Part.RIGHTS: (
        "PermissionAddedEvent",
        "PermissionUpdatedEvent",
        "PermissionRemovedEvent",
        "RoleAddedEvent",
        "RoleUpdatedEvent",
        "RoleRemovedEvent",
        "com.vmware.cis.CreateGlobalPermission",
        "com.vmware.cis.RemoveGlobalPermission",
    ),
    # They name objects by name alone, and nothing tells that a tag has another name.
    Part.TAGS: (
        "com.vmware.cis.tagging.attach",
        "com.vmware.cis.tagging.detach",
    ),
    Part.ATTRIBUTES: (
        "CustomFieldDefAddedEvent",
        "CustomFieldDefRenamedEvent",
        "CustomFieldDefRemovedEvent",
    ),
    Part.VCENTER: (
        "AlarmCreatedEvent",
        "AlarmReconfiguredEvent",
        "AlarmRemovedEvent",
        "com.vmware.license.AddLicenseEvent",
        "com.vmware.license.RemoveLicenseEvent",
        "com.vmware.license.AssignLicenseEvent",
        "com.vmware.license.UnassignLicenseEvent",
        "com.vmware.license.DefaultLicenseKeysUpdatedEvent",
    ),
    Part.LIBRARIES: (
        "com.vmware.cl.CreateLibraryEvent",
        "com.vmware.cl.UpdateLibraryEvent",
        "com.vmware.cl.SyncLibraryEvent",
        "com.vmware.cl.PublishLibraryEvent",
        "com.vmware.cl.DeleteLibraryEvent",
        "com.vmware.cl.CreateLibraryItemEvent",
        "com.vmware.cl.UpdateLibraryItemEvent",
        "com.vmware.cl.CopyLibraryItemEvent",
        "com.vmware.cl.SyncLibraryItemEvent",
        "com.vmware.cl.PublishLibraryItemEvent",
        "com.vmware.cl.DeleteLibraryItemEvent",
        "com.vmware.ovfs.ExportEvent",
        "com.vmware.vmtx.LibraryItemCreateEvent",
        "com.vmware.vmtx.LibraryItemCheckInEvent",
    ),
}
_PART_OF: Final = {type_: part for part, types in TOLD_BY.items() for type_ in types}
AT_MOST: Final = 2_000  # changed objects; with more of them all is collected instead
TEMPLATE: Final = "config.template"
# What custom attributes are recorded of.
_CARRIERS: Final = frozenset({"VirtualMachine", "HostSystem"})


def parts(events: Iterable[Event]) -> frozenset[Part]:
    """What these events tell to have changed."""
    return frozenset(_PART_OF[one.type] for one in events if one.type in _PART_OF)


class Rereading:
    """Reads again what changed, with the objects whose records change with it."""

    def __init__(
        self,
        collection: Collection,
        named: Mapping[Ref, Mapping[str, object]],
        touched: Iterable[Ref],
    ) -> None:
        """`named` is everything there is; `touched` what has to be read in any case."""
        self._collection = collection
        self._named = named
        self._refs = set(touched)

    def items(self, changed: frozenset[Part], tags: PublishedTags) -> Iterator[Item]:
        """Raise SoapFault or CollectionFailed. A Doubt stands for more than is read one by one."""
        if Part.ATTRIBUTES in changed:
            yield from self._collection.around.custom_fields()
            self._refs |= {ref for ref in self._named if ref.type in _CARRIERS}
        if Part.TAGS in changed:
            yield from self._collection.around.tags()
            odd = _retagged(tags(), self._collection.estate.tags)
            self._refs |= {ref for ref in self._named if ref in odd}
            if not odd <= self._named.keys():  # items of libraries are the only others
                changed |= {Part.LIBRARIES}
        if len(self._refs) > AT_MOST:
            message = f"{len(self._refs)} objects changed with what stands beside them."
            yield Doubt(kind=None, code="too-many", message=message)
        else:
            yield from self._whole(changed)

    def _whole(self, changed: frozenset[Part]) -> Iterator[Item]:
        if Part.RIGHTS in changed:
            yield from self._collection.rights()
        if changed & {Part.VCENTER, Part.LIBRARIES}:
            yield from self._collection.vcenter(with_libraries=Part.LIBRARIES in changed)
        if Part.LIBRARIES in changed:
            yield from self._collection.with_images(self._refs | self._templates())
        elif self._refs:
            yield from self._collection.some(self._refs)

    def _templates(self) -> set[Ref]:
        """The machines that were told to be templates, which are images."""
        return {ref for ref, told in self._named.items() if as_flag(told.get(TEMPLATE))}


def _retagged(published: Mapping[str, Tags | None], now: Mapping[str, Tags] | None) -> set[str]:
    """The objects of which other tags are published than they carry; `now` None: unknown ones."""

    def carried(ref: str) -> Tags | None:
        return None if now is None else now.get(ref, {})

    return {ref for ref, known in published.items() if known != carried(ref)}
