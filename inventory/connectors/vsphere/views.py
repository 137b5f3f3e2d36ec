"""Which objects are read: all of a type, as a container view lists them, or some by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from inventory.connectors.vsphere.bulk import BulkReader, Wanted
from inventory.connectors.vsphere.xml import ObjectContent, Ref, SoapFault, many

_GONE: Final = "ManagedObjectNotFound"
_AT_ONCE: Final = 100  # named objects a request


class View(Protocol):
    destroyed: bool

    def listed(self) -> list[Ref]:
        """What there is now; raise SoapFault or CollectionFailed."""
        ...

    def pages(self, listed: Sequence[Ref], wanted: Wanted) -> Iterator[list[ObjectContent]]:
        """What the objects say that were just listed; raise SoapFault or CollectionFailed."""
        ...


class ContainerView:
    """The list vCenter keeps of the objects of a type."""

    def __init__(self, ref: Ref, bulk: BulkReader) -> None:
        self.ref = ref
        self.destroyed = False
        self._bulk = bulk

    def listed(self) -> list[Ref]:
        content = self._bulk.of_object(self.ref, "view")
        if "view" in content.withheld:
            raise SoapFault(content.withheld["view"].fault, "the list of objects", {})
        return [ref for ref in many(content.values.get("view")) if isinstance(ref, Ref)]

    def pages(self, listed: Sequence[Ref], wanted: Wanted) -> Iterator[list[ObjectContent]]:
        return self._bulk.of_view(self.ref, listed, wanted)


class Chosen:
    """Some objects by name. What vCenter does not know any more is not listed."""

    destroyed = True  # there is nothing to destroy

    def __init__(self, refs: Sequence[Ref], bulk: BulkReader) -> None:
        self._refs = list(dict.fromkeys(refs))
        self._bulk = bulk
        self._gone: set[Ref] = set()

    def listed(self) -> list[Ref]:
        return [ref for ref in self._refs if ref not in self._gone]

    def pages(self, listed: Sequence[Ref], wanted: Wanted) -> Iterator[list[ObjectContent]]:
        for begin in range(0, len(self._refs), _AT_ONCE):
            refs = self._refs[begin : begin + _AT_ONCE]
            try:
                # Kept until all have come: where one of them is gone, none is told.
                pages = list(self._bulk.of_objects(refs, wanted))
            except SoapFault as fault:
                if fault.type != _GONE:
                    raise
                yield from self._one_by_one(refs, wanted)
            else:
                yield from pages

    def _one_by_one(self, refs: Sequence[Ref], wanted: Wanted) -> Iterator[list[ObjectContent]]:
        for ref in refs:
            try:
                yield from self._bulk.of_objects([ref], wanted)
            except SoapFault as fault:
                if fault.type != _GONE:
                    raise
                self._gone.add(ref)
