"""Content libraries and what is in them, which vCenter tells over REST alone: read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from inventory.connectors.base import BlindSpot, Doubt, Item
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.failures import TransportLost
from inventory.connectors.vsphere.mapping import libraries
from inventory.connectors.vsphere.methods import REST_FILES, REST_ITEMS, REST_LIBRARIES
from inventory.connectors.vsphere.rest import RestGone, RestRefused, RestSession, RestSpoilt
from inventory.parts import Library
from inventory.records import Kind

LIBRARIES: Final = "libraries"  # what is blind where they are refused
_Found = TypeVar("_Found")


class Stored(msgspec.Struct, frozen=True):
    """An item of a library as it was told, with its files; None where they were refused."""

    library: Library
    item: dict[str, Any]
    files: list[dict[str, Any]] | None


class Contents(msgspec.Struct, frozen=True):
    libraries: tuple[Library, ...]
    items: tuple[Stored, ...]


def read_libraries(session: OpenSession, notes: list[Item]) -> Contents | None:
    """Every library and item; None, with a note, when they are not told or not all of them."""
    try:
        with session.rest() as rest:
            return _Shelves(rest, session.content.version).contents()
    except RestRefused as refused:
        notes += _blind(str(refused))
    except RestSpoilt as spoilt:
        notes.append(_doubt("malformed", f"its answer could not be read: {spoilt}"))
    except TransportLost as lost:
        notes.append(_doubt("transport", str(lost)))
    return None


def _blind(explanation: str) -> Iterator[BlindSpot]:
    for kind, example in ((Kind.PLATFORM, "vCenter"), (Kind.IMAGE, "every item of a library")):
        yield BlindSpot(
            kind=kind, property=LIBRARIES, count=1, example=example, explanation=explanation
        )


def _doubt(code: str, why: str) -> Doubt:
    message = f"vCenter did not tell all of its content libraries: {why}"
    return Doubt(kind=Kind.IMAGE, code=code, message=message.removesuffix(".") + ".")


class _Shelves:
    """Goes from library to library."""

    def __init__(self, rest: RestSession, version: str) -> None:
        self._rest = rest
        self._version = version

    def contents(self) -> Contents:
        told: list[Library] = []
        items: list[Stored] = []
        for key in self._list(REST_LIBRARIES):
            found = self._one(REST_LIBRARIES, key, lambda: self._list(REST_LIBRARIES))
            if found is not None:
                library = libraries.library(found, key=key, version=self._version)
                told.append(library)
                items += self._items(library)
        return Contents(tuple(sorted(told, key=lambda one: one.key)), tuple(items))

    def _items(self, library: Library) -> Iterator[Stored]:
        path = f"{REST_ITEMS}?library_id={quote(library.key, safe='')}"
        for key in self._listed(path, library.key):
            found = self._one(REST_ITEMS, key, lambda: self._listed(path, library.key))
            if found is not None:
                yield Stored(library, {"id": key, **found}, self._files(key))

    def _files(self, item: str) -> list[dict[str, Any]] | None:
        path = f"{REST_FILES}?library_item_id={quote(item, safe='')}"
        try:
            return self._rest.get(path, list[dict[str, Any]])
        except RestRefused:
            return None
        except RestGone:  # between two questions
            return None

    def _list(self, path: str) -> list[str]:
        return self._rest.get(path, list[str])

    def _listed(self, path: str, library: str) -> list[str]:
        """The items of a library; none when the library itself went meanwhile."""
        try:
            return self._list(path)
        except RestGone:
            if library in self._list(REST_LIBRARIES):
                raise
            return []

    def _one(self, path: str, key: str, again: Callable[[], list[str]]) -> dict[str, Any] | None:
        """What is told of one; None when it went meanwhile, which a second list has to show."""
        try:
            return self._rest.get(f"{path}/id:{quote(key, safe=':')}", dict[str, Any])
        except RestGone:
            if key in again():
                raise
            return None
