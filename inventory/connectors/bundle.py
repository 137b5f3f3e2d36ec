"""Replays collections that were recorded into a file: one JSON line per item, xz-compressed.

The first line is the header; every further line is an item as `lines` writes it. A bundle holds
what a connector yielded, so whatever could not be read when it was recorded cannot be read when it
is replayed. Bundles that are carried here from elsewhere are signed: `sealed` has those.

A source's address is the path of a bundle: `demo/halden.oslo.xz?as_of=2026-02-03T07:00:00Z` replays
its last collection as if it had been made at that moment.
"""

from __future__ import annotations

import lzma
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec

from inventory.access.principals import PrincipalKey, key_of, principal
from inventory.connectors import lines
from inventory.connectors.base import (
    BlindSpot,
    CollectionFailed,
    Count,
    Event,
    EventsRead,
    Identity,
    Item,
)
from inventory.records import (
    KIND_OF,
    AnyRecord,
    Grant,
    Kind,
    Platform,
    PlatformSettings,
    VirtualMachine,
)

FORMAT = "vmgov-bundle-1"
NIGHT = timedelta(days=1)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says of itself. `collected_at` has a moment per recorded collection."""

    format: str
    platform: Platform
    title: str
    collected_at: tuple[datetime, ...]


_headers = msgspec.json.Decoder(Header)


class BundleConnector:
    """Replays one recorded collection, the last unless told otherwise.

    Every moment in the records is moved by `shift`, as if the collection had been made then. With
    `now`, recovery points that were less than a day old are so again: last night's is. `looks` says
    when each collection is said to have been made where not all are moved alike: an event is moved
    like the first collection after it.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        collection: int = -1,
        shift: timedelta = timedelta(),
        now: datetime | None = None,
        looks: Sequence[datetime] = (),
    ) -> None:
        self.path = Path(path)
        self.header = read_header(self.path)
        self.collection = collection % len(self.header.collected_at)
        self.collected_at = self.header.collected_at[self.collection]
        self.shift = shift
        self.now = now
        self.looks = looks
        self.platform = self.header.platform

    def probe(self) -> Identity:
        """Say what the recorded platform said of itself."""
        first = next(iter(self.collect()))
        if not isinstance(first, PlatformSettings):
            raise _broken(self.path, "its first item is not the platform")
        return Identity(
            instance_uuid=first.uid,
            product=first.product or "",
            version=first.version or "",
            build=first.build or "",
            account="recorded",
        )

    def collect(self) -> Iterator[Item]:
        """Yield what was recorded, in order; or raise CollectionFailed."""
        grants: list[Grant] = []
        tells_principals = False
        try:
            for line in _read(self.path):
                if line.at == self.collection:
                    item = self._item(line)
                    grants += [item] if isinstance(item, Grant) else []
                    tells_principals = tells_principals or _is_of(item, Kind.PRINCIPAL)
                    yield item
        except lines.MALFORMED as error:
            raise _broken(self.path, type(error).__name__) from error
        if not tells_principals:
            yield from _principals(grants)

    def _item(self, line: lines.Line) -> Item:
        item = lines.item_of(line)
        if isinstance(item, Event | EventsRead):
            return _told(item, self._moved)
        if self.shift:
            item = _shift(item, self.shift)
        if line.type != "record":
            return item
        if self.now is not None and isinstance(item, VirtualMachine) and item.snapshots:
            item = self._refreshed(item, self.now)
        return item

    def _moved(self, moment: datetime) -> datetime:
        """When something of the platform's log is said to have happened."""
        if not self.looks:
            return moment + self.shift
        recorded = self.header.collected_at
        look = min(bisect_left(recorded, moment), self.collection)
        return moment + (self.looks[look] - recorded[look])

    def _refreshed(self, vm: VirtualMachine, now: datetime) -> VirtualMachine:
        fresh_since = self.collected_at + self.shift - NIGHT
        return msgspec.structs.replace(
            vm,
            snapshots=tuple(
                msgspec.structs.replace(
                    one, created_at=one.created_at + (now - one.created_at) // NIGHT * NIGHT
                )
                if one.created_at > fresh_since
                else one
                for one in vm.snapshots or ()
            ),
        )


def at_address(address: str, *, folder: Path, now: datetime) -> BundleConnector:
    """The connector of a source's address; a relative path is one in `folder`.

    With `as_of` the same facts come back however often it is asked, but for recovery points: the
    nights that have passed since made new ones. Or raise CollectionFailed.
    """
    path, _, query = address.partition("?")
    said = parse_qs(query).get("as_of")
    if not said:
        return BundleConnector(folder / path)
    try:
        as_of = datetime.fromisoformat(said[0])
    except ValueError as error:
        raise _broken(Path(path), f"“{said[0]}” is not a moment") from error
    shift = as_of - read_header(folder / path).collected_at[-1]
    return BundleConnector(folder / path, shift=shift, now=now)


def write_bundle(
    path: Path,
    *,
    title: str,
    platform: Platform,
    collections: list[tuple[datetime, list[Item]]],
) -> None:
    """Write recorded collections, oldest first."""
    encoder = msgspec.json.Encoder(order="deterministic")
    header = Header(
        format=FORMAT,
        platform=platform,
        title=title,
        collected_at=tuple(moment for moment, _ in collections),
    )
    with lzma.open(path, "wb", preset=6) as file:
        file.write(encoder.encode(header) + b"\n")
        for at, (_, items) in enumerate(collections):
            for item in items:
                file.write(lines.written(item, at=at))


def read_header(path: Path) -> Header:
    """The bundle's header, or raise CollectionFailed."""
    try:
        with lzma.open(path, "rb") as file:
            header = _headers.decode(file.readline(lines.LONGEST_LINE))
    except (msgspec.MsgspecError, lzma.LZMAError, EOFError, OSError) as error:
        raise _broken(path, type(error).__name__) from error
    if header.format != FORMAT or not header.collected_at:
        raise _broken(path, f"its format is {header.format}")
    return header


def _read(path: Path) -> Iterator[lines.Line]:
    with lzma.open(path, "rb") as file:
        file.readline(lines.LONGEST_LINE)
        while line := file.readline(lines.LONGEST_LINE):
            yield lines.read(line)


def shifted(record: AnyRecord, by: timedelta) -> AnyRecord:
    """The record with every moment in it moved."""
    moved: AnyRecord = _shift(record, by)
    return moved


def _shift(value: Any, by: timedelta) -> Any:
    match value:
        case datetime():
            return value + by
        case msgspec.Struct():
            return msgspec.structs.replace(
                value,
                **{
                    name: _shift(getattr(value, name), by)
                    for name in value.__struct_fields__
                    if isinstance(getattr(value, name), datetime | tuple)
                },
            )
        case tuple():
            return tuple(_shift(inner, by) for inner in value)
        case _:
            return value


def _told(item: Event | EventsRead, moved: Callable[[datetime], datetime]) -> Item:
    if isinstance(item, Event):
        return msgspec.structs.replace(item, at=moved(item.at))
    until, oldest = (moment and moved(moment) for moment in (item.until, item.oldest_at))
    return msgspec.structs.replace(item, until=until, oldest_at=oldest)


def _is_of(item: Item, kind: Kind) -> bool:
    """Whether the item is of this kind or says something about it."""
    said: Kind | None = getattr(item, "kind", None)
    return said is kind or KIND_OF.get(type(item)) is kind


def _principals(grants: Sequence[Grant]) -> Iterator[Item]:
    """Who holds grants, for a bundle that was recorded before principals were."""
    names: dict[PrincipalKey, str] = {}
    for grant in grants:
        who = key_of(grant.principal, is_group=grant.is_group)
        names[who] = min(grant.principal, names.get(who, grant.principal))
    platform = grants[0].platform if grants else Platform.VSPHERE
    for who, name in sorted(names.items()):
        yield principal(who, name, platform=platform)
    yield Count(kind=Kind.PRINCIPAL, expected=len(names))
    groups = [name for who, name in sorted(names.items()) if who.is_group]
    if groups:
        yield BlindSpot(
            kind=Kind.PRINCIPAL,
            property="members",
            count=len(groups),
            example=groups[0],
            explanation="This was recorded before members of groups were collected.",
        )


def _broken(path: Path, reason: str) -> CollectionFailed:
    return CollectionFailed(
        f"The bundle {path.name} cannot be read: {reason}.",
        code="bad-bundle",
        advice="Record it again, or copy it again if it was cut short on its way.",
    )
