"""From what vCenter tells to records: what all rooms of a collection share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from inventory.connectors.base import Count, Item, Unreadable
from inventory.connectors.vsphere.bulk import Wanted
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.mapping.estate import AttributeNames, Estate
from inventory.connectors.vsphere.mapping.facts import Facts
from inventory.connectors.vsphere.reading import Reading, explained
from inventory.connectors.vsphere.xml import Ref, many
from inventory.records import AnyRecord, Kind, kind_of


class Making:
    """The session, what is known of the estate so far, and who has been told already."""

    def __init__(self, session: OpenSession, attribute_names: AttributeNames) -> None:
        self.session = session
        self.content = session.content
        self.estate = Estate(root=str(session.content.root_folder), attribute_names=attribute_names)

    def kind(
        self,
        kinds: tuple[Kind, ...],
        type_: str,
        paths: tuple[str, ...],
        build: Callable[[Facts], AnyRecord],
    ) -> Iterator[Item]:
        """Everything of a type, which may turn out to be of one of several kinds."""
        kind = kinds[0]
        reading = Reading(self.session, kind, Wanted(type=type_, paths=paths))
        arrived = dict.fromkeys(kinds, 0)
        for facts in reading.facts(type_):
            self.estate.add(facts)
            name = self.estate.name(str(facts.ref)) or str(facts.ref)
            item = self.record(kind, str(facts.ref), name, partial(build, facts))
            of = kind if isinstance(item, Unreadable) else kind_of(item)
            arrived[of] += 1
            yield item
        arrived[kind] += reading.missing
        for of, count in arrived.items():
            yield Count(kind=of, expected=count)
        yield from reading.notes

    def record(
        self, kind: Kind, ref: str, name: str, build: Callable[[], AnyRecord]
    ) -> AnyRecord | Unreadable:
        """The record; what cannot be made into one is told instead, and spoils nothing else."""
        try:
            return build()
        except ValueError as error:
            return Unreadable(kind=kind, ref=ref, name=name, reason=str(error))
        except Exception as error:  # one object never breaks the run
            reason = f"The description of this object could not be read ({type(error).__name__})."
            return Unreadable(kind=kind, ref=ref, name=name, reason=reason)

    def manager_list(
        self, manager: Ref | None, path: str, kind: Kind, notes: list[Item]
    ) -> list[Any] | None:
        """A list a manager holds; None, with a note, when it is withheld."""
        if manager is None:
            return []
        found = self.session.bulk.of_object(manager, path)
        if path not in found.withheld:
            return many(found.values.get(path))
        root = self.content.root_folder  # managers are no entities: their rights are the root's
        notes += explained(
            self.session,
            kind,
            {f"{manager.type}.{path}": [(root, found.withheld[path])]},
            {root: manager.type},
        )
        return None
