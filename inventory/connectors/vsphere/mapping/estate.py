"""What is known about the estate while its objects are mapped: names, paths, attribute names."""

from __future__ import annotations

from typing import Any

import msgspec

from inventory.connectors.base import Tags
from inventory.connectors.vsphere.mapping.facts import (
    Facts,
    as_number,
    as_text,
    dicts,
    display_name,
)
from inventory.parts import PortOverride

_PATH_DEPTH = 200  # deeper than any inventory; ends a loop of parents


class AttributeNames(msgspec.Struct, frozen=True, kw_only=True):
    """Which custom attribute or category of tags carries what; empty when none does."""

    classification: str = ""
    owner: str = ""
    criticality: str = ""
    team: str = ""


class Entity(msgspec.Struct, frozen=True):
    name: str | None
    parent: str | None
    type: str


class Estate:
    """Filled in the order of collection; asked by the mappings."""

    def __init__(self, *, root: str, attribute_names: AttributeNames) -> None:
        self.root = root
        self.attribute_names = attribute_names
        self.field_names: dict[str, str] | None = {}  # custom field key → name; None = withheld
        self.network_by_key: dict[str, str] = {}  # port group key or opaque id → network ref
        self.tags: dict[str, Tags] | None = {}  # object ref → its tags; None = withheld
        self.answers: dict[str, dict[str, list[Any]]] = {}  # method → entity ref → what it answered
        self.port_overrides: dict[str, tuple[PortOverride, ...]] = {}  # port group ref → ports
        self._uplinks: dict[str, dict[str, dict[str, str]]] = {}  # switch uuid → host → names
        self._entities: dict[str, Entity] = {}
        self._paths: dict[str, str | None] = {}

    def add(self, facts: Facts) -> None:
        """Remember an entity's name and parent."""
        name, parent = as_text(facts.raw("name")), as_text(facts.raw("parent"))
        self._entities[str(facts.ref)] = Entity(
            None if name is None else display_name(name), parent, facts.ref.type
        )

    def forget_paths(self) -> None:
        """To be called when something that holds others has a new name or another place."""
        self._paths.clear()

    def entity(self, ref: str | None) -> Entity | None:
        return self._entities.get(ref) if ref else None

    def name(self, ref: str | None) -> str | None:
        found = self.entity(ref)
        return found.name if found else None

    def path(self, ref: str | None) -> str | None:
        """The inventory path of an entity, "/" for the root; None when a part of it is unknown."""
        if ref is None:
            return None
        if ref not in self._paths:
            self._paths[ref] = self._walk(ref)
        return self._paths[ref]

    def _walk(self, ref: str) -> str | None:
        names: list[str] = []
        at: str | None = ref
        while at != self.root:
            found = self.entity(at)
            if found is None or found.name is None or len(names) == _PATH_DEPTH:
                return None
            names.append(found.name)
            at = found.parent
        return "/" + "/".join(reversed(names))

    def ancestors(self, ref: str | None) -> tuple[str, ...] | None:
        """What is above an entity, nearest first, up to the root; None when a part is unknown."""
        above: list[str] = []
        while ref != self.root:
            found = self.entity(ref)
            if found is None or found.parent is None or len(above) == _PATH_DEPTH:
                return None
            ref = found.parent
            above.append(ref)
        return tuple(above)

    def standing_in(self, ref: str | None) -> tuple[str, ...] | None:
        """A container and what is above it; None when a part of that is unknown."""
        above = self.ancestors(ref)
        return None if ref is None or above is None else (ref, *above)

    def add_uplinks(self, switch_uuid: str, host_ref: str, uplinks: dict[str, str]) -> None:
        """Remember which vmnic of a host is behind which uplink of a distributed switch."""
        self._uplinks.setdefault(switch_uuid, {})[host_ref] = uplinks

    def uplinks_of(self, switch_uuid: str | None) -> dict[str, dict[str, str]] | None:
        """{host: {uplink: vmnic}} as the hosts told; None when none did."""
        found = self._uplinks.get(switch_uuid) if switch_uuid else None
        return None if found is None else dict(sorted(found.items()))

    def attributes(self, facts: Facts) -> dict[str, str] | None:
        """Custom attributes by name; None when values or names are withheld."""
        found = facts.items("customValue")
        if found is None or self.field_names is None:
            return None
        values: dict[str, str] = {}
        for item in dicts(found):
            key, content = as_number(item.get("key")), as_text(item.get("value"))
            name = self.field_names.get(str(key))
            if name is not None and content is not None:
                values[name] = content
        return dict(sorted(values.items()))

    def tags_of(self, facts: Facts) -> dict[str, tuple[str, ...]] | None:
        """Tags by category; None when they are withheld."""
        return None if self.tags is None else self.tags.get(str(facts.ref), {})

    def assigned(
        self, attributes: dict[str, str] | None, tags: dict[str, tuple[str, ...]] | None
    ) -> dict[str, Any]:
        """classification, owner, criticality and team as the source's attributes or tags say."""
        names = msgspec.structs.asdict(self.attribute_names)
        return {field: self._said(name, attributes, tags) for field, name in names.items()}

    def _said(
        self,
        name: str,
        attributes: dict[str, str] | None,
        tags: dict[str, tuple[str, ...]] | None,
    ) -> str | None:
        """The attribute of this name, else the tags of this category; "" when neither is set."""
        if not name:
            return None
        said = (attributes or {}).get(name, "").strip() or ", ".join((tags or {}).get(name, ()))
        if said:
            return said
        is_attribute = name in (self.field_names or {}).values()
        return None if attributes is None or (tags is None and not is_attribute) else ""
