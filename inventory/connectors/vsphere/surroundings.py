"""What has to be known before a record can be made: names, places, tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inventory.connectors.base import Doubt, Item
from inventory.connectors.vsphere.bulk import Wanted
from inventory.connectors.vsphere.making import Making
from inventory.connectors.vsphere.mapping.facts import as_number, as_text, dicts
from inventory.connectors.vsphere.reading import READ, Reading
from inventory.connectors.vsphere.tags import read_tags
from inventory.connectors.vsphere.xml import SoapFault
from inventory.records import Kind

TREE: Final = ("Folder", "Datacenter", "ComputeResource", "ResourcePool")


class Surroundings:
    """Reads it into the estate; yields only what is not as it should be."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self.root_privileges: frozenset[str] | None = None  # once they are known

    def root_access(self) -> Iterator[Item]:
        root = self._making.content.root_folder
        try:
            held = self._making.session.privileges([root])
        except SoapFault:
            held = {}
        self.root_privileges = held.get(root, frozenset())
        if READ not in self.root_privileges:
            yield Doubt(
                kind=None,
                code="root-access",
                message="The account may not read the root of the inventory, so objects can exist "
                "that it is not told about.",
            )

    def tree(self) -> Iterator[Item]:
        """Folders, data centers, compute resources and pools: names for the paths of others."""
        wanted = Wanted(type="ManagedEntity", paths=("name", "parent"))
        reading = Reading(self._making.session, None, wanted)
        for facts in reading.facts(*TREE):
            self._making.estate.add(facts)
        yield from reading.notes

    def custom_fields(self) -> Iterator[Item]:
        """The names of custom attributes, whose values are properties of what carries them."""
        estate, notes = self._making.estate, list[Item]()
        estate.field_names = None  # until they are known
        manager = self._making.content.custom_fields
        fields = self._making.manager_list(manager, "field", Kind.VM, notes)
        if fields is not None:
            estate.field_names = {
                str(key): as_text(field.get("name")) or ""
                for field in dicts(fields)
                if (key := as_number(field.get("key"))) is not None
            }
        yield from notes

    def tags(self) -> Iterator[Item]:
        return read_tags(self._making.session, self._making.estate)
