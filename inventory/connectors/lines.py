"""Items as lines of JSON, read with every limit a file from elsewhere needs.

One line is `{"at": n, "type": …, "item": …}`: `type` is record or what kind of note the item is,
`at` counts the collections of a recording (a bundle that was carried here has one).
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from inventory.connectors.base import (
    BlindSpot,
    CollectionFailed,
    Count,
    Doubt,
    Event,
    EventsRead,
    Item,
    Unreadable,
)
from inventory.records import AnyRecord, Kind, kind_of

LONGEST_LINE = 16 * 1024 * 1024
LARGEST_NUMBER = 2**63 - 1
LONGEST_NAME = 200
LONGEST_TEXT = 2_000
MOST_OBJECTS = 2**31 - 1
MOST_DETAILS = 100
CHUNK = 256 * 1024
UNPACKER_MEMORY = 128 * 1024 * 1024
NOTES: dict[str, type[Any]] = {
    "unreadable": Unreadable,
    "blind-spot": BlindSpot,
    "doubt": Doubt,
    "count": Count,
    "event": Event,
    "events-read": EventsRead,
}
_NAMES: dict[type[Any], str] = {kind: name for name, kind in NOTES.items()}
# What decoding and unpacking raise about bytes that are not what they should be.
MALFORMED = (
    msgspec.MsgspecError,
    KeyError,
    RecursionError,
    UnicodeError,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    at: int
    type: str  # record, or a key of NOTES
    item: msgspec.Raw


_encoder = msgspec.json.Encoder(order="deterministic")
_records: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)
_lines = msgspec.json.Decoder(Line)
_notes = {name: msgspec.json.Decoder(kind) for name, kind in NOTES.items()}
# Many digits, or a time of day that is followed by no zone: looked at more closely.
_SUSPECT = re.compile(rb'\d{19}|T\d\d:\d\d[\d:.]*"')
_SURROGATE = re.compile("[\ud800-\udfff]")


def written(item: Item, *, at: int = 0) -> bytes:
    """The item as a line."""
    line = Line(
        at=at,
        type=_NAMES.get(type(item), "record"),
        item=msgspec.Raw(_encoder.encode(item)),
    )
    return _encoder.encode(line) + b"\n"


def read(data: bytes) -> Line:
    return _lines.decode(data)


def item_of(line: Line) -> Item:
    """What a line says, or raise one of MALFORMED. A value no platform has is set aside."""
    if line.type != "record":
        note: Item = bounded(_notes[line.type].decode(line.item))
        return note
    record = _records.decode(line.item)
    if _SUSPECT.search(bytes(line.item)) and _is_untrue(record):
        return Unreadable(
            kind=kind_of(record),
            ref=record.ref[:LONGEST_NAME],
            name=record.name,
            reason="One of its numbers is too large, or one of its times has no zone.",
        )
    return record


def _is_untrue(value: Any) -> bool:
    match value:
        case bool():
            return False
        case int():
            return abs(value) > LARGEST_NUMBER
        case datetime():
            return value.tzinfo is None
        case msgspec.Struct():
            return any(_is_untrue(getattr(value, name)) for name in value.__struct_fields__)
        case tuple():
            return any(_is_untrue(inner) for inner in value)
        case _:
            return False


def bounded(note: Any) -> Any:
    """The note in what a database holds, or raise ValueError when it counts what cannot be."""
    changes: dict[str, Any] = {}
    for name in note.__struct_fields__:
        value = getattr(note, name)
        if isinstance(value, str):
            most = LONGEST_NAME if name in {"ref", "property", "code", "type"} else LONGEST_TEXT
            if not isinstance(value, Kind):
                changes[name] = storable(value)[:most]
        elif isinstance(value, dict):
            changes[name] = _bounded_texts(value)
        elif isinstance(value, datetime) and value.tzinfo is None:
            raise ValueError("one of its times has no zone")
        elif isinstance(value, int) and not 0 <= value <= MOST_OBJECTS:
            raise ValueError(f"it counts {name} as no platform does")
    return msgspec.structs.replace(note, **changes)


def _bounded_texts(said: dict[str, str]) -> dict[str, str]:
    """What an event says beside its columns: a few short texts."""
    pairs = list(said.items())[:MOST_DETAILS]
    return {storable(name)[:LONGEST_NAME]: storable(text)[:LONGEST_TEXT] for name, text in pairs}


def storable(text: str) -> str:
    """The text with NUL and lone surrogates made visible: no database holds them."""
    return _SURROGATE.sub("\ufffd", text.replace("\0", "\u2400"))


def split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of a stream, none longer than LONGEST_LINE; or raise ValueError."""
    kept = b""
    for chunk in chunks:
        *whole, kept = (kept + chunk).split(b"\n")
        if len(kept) > LONGEST_LINE:
            raise ValueError("a line is too long")
        yield from whole
    if kept:
        yield kept


def unpacked(file: BinaryIO, *, most: int) -> Iterator[bytes]:
    """What an xz stream holds, at most so many bytes of it; or raise one of MALFORMED."""
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=UNPACKER_MEMORY)
    total = 0
    while not unpacker.eof:
        packed = file.read(CHUNK) if unpacker.needs_input else b""
        if unpacker.needs_input and not packed:
            raise EOFError("it ends too early")
        chunk = unpacker.decompress(packed, max_length=CHUNK)
        total += len(chunk)
        if total > most:
            raise ValueError(f"it holds more than {most // 1024**2} MiB")
        yield chunk
    if unpacker.unused_data or file.read(1):
        raise ValueError("something follows its end")


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def malformed(reason: str, *, advice: str = "") -> CollectionFailed:
    return CollectionFailed(
        f"The file cannot be read: {reason.rstrip('.')}.",
        code="bad-file",
        advice=advice or "Make it again, or copy it again if it was cut short on its way.",
    )
