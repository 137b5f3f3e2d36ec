"""The content libraries of vc-oslo, and what stands in them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import NamedTuple, TypeGuard

from msgspec.structs import replace

from demo.machines import Op
from demo.moments import FIRST, RECORDED_AT
from inventory.connectors.base import Item
from inventory.parts import LibraryFile
from inventory.records import Image, PlatformSettings

SPACE = uuid.UUID("3f0c2d52-1c52-4c5e-9a55-0e7b4f1f6c11")
MIB, GIB = 2**20, 2**30
STORE = "osl-platform-01"


class Piece(NamedTuple):
    """An item: how old it was at the first look, and its file."""

    name: str
    type: str
    days: int
    size: int


SHELVES: dict[str, tuple[Op, tuple[Piece, ...]]] = {
    # Handed out to anybody on the network since the recovery site was filled from it.
    "Golden images": (
        {"published": True, "login": "NONE"},
        (
            Piece("debian12-base", "ovf", 9, 2 * GIB + 117 * MIB),
            Piece("win2022-base", "ovf", 6, 11 * GIB + 402 * MIB),
            Piece("rhel8-base", "ovf", 512, 3 * GIB + 8 * MIB),
        ),
    ),
    "Installation media": (
        {},
        (
            Piece("debian-12.9-amd64-netinst", "iso", 20, 632 * MIB),
            Piece("windows-server-2022", "iso", 300, 5 * GIB + 22 * MIB),
        ),
    ),
    "Vendor appliances": ({"from": "https://images.nordkraft.example/lib.json"}, ()),
}
_PIECES = {piece.name: piece for _, pieces in SHELVES.values() for piece in pieces}


def made() -> list[Op]:
    shelves: list[Op] = [
        {"op": "library", "name": name, "datastore": STORE, **how}
        for name, (how, _) in SHELVES.items()
    ]
    return shelves + [
        {"op": "library_item", "library": name, "name": piece.name, "type": piece.type}
        for name, (_, pieces) in SHELVES.items()
        for piece in pieces
    ]


def settled(items: list[Item]) -> list[Item]:
    """The same ids, dates and order each time, which are else those of the simulator's clock."""
    told = [_settled(one) for one in items]
    stored = iter(sorted(filter(_is_stored, told), key=lambda one: one.name))
    return [next(stored) if _is_stored(one) else one for one in told]


def _is_stored(one: Item) -> TypeGuard[Image]:
    return isinstance(one, Image) and bool(one.library_name)


def _settled(one: Item) -> Item:
    match one:
        case PlatformSettings(libraries=shelves) if shelves:
            named = sorted(shelves, key=lambda each: each.name)
            return replace(
                one, libraries=tuple(replace(each, key=_key(each.name)) for each in named)
            )
        case Image(library_name=shelf) if shelf:
            piece = _PIECES[one.name]
            at = RECORDED_AT - FIRST - timedelta(days=piece.days)
            key = _key(shelf, one.name)
            file = LibraryFile(
                name=f"{piece.name}.{piece.type}", size_bytes=piece.size, checksum=""
            )
            return replace(
                one,
                uid=key,
                ref=key,
                library_ref=_key(shelf),
                created_at=at,
                modified_at=at,
                item_files=(file,),
            )
        case _:
            return one


def _key(*names: str) -> str:
    return str(uuid.uuid5(SPACE, "/".join(names)))
