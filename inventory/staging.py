"""Collect → stage: a connector's records stream into the staging table under the run's token.

Nothing anyone sees changes here. The stream is one transaction; it ends by writing into the ledger
what was complete, what was doubtful and what could not be read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from time import monotonic
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from django.db import connection, transaction

from inventory import ledger
from inventory.chronicle import arriving
from inventory.connectors.base import (
    NOTES,
    BlindSpot,
    CollectionFailed,
    Connector,
    Count,
    Doubt,
    Event,
    EventsRead,
    Gone,
    Unreadable,
    product_title,
)
from inventory.heartbeat import Pulse
from inventory.models import Source, SyncRun
from inventory.records import AnyRecord, Kind, PlatformSettings, digest, encode, kind_of

COPY = (
    "COPY inventory_stagedrecord (run_id, token, kind, uid, ref, name, digest, record) FROM STDIN"
)
LONGEST_IDENTIFIER = 200
CHECK_EVERY = 100  # items between two looks at the lease
MOST_NOTES = 5_000
SURROGATE = re.compile("[\ud800-\udfff]")
# Kinds that are known by something else than their reference, so that two objects can claim it.
CLAIMED = (Kind.VM, Kind.HOST, Kind.IMAGE)

Identity = tuple[Kind, str]  # kind and uid


class Row(NamedTuple):
    """A record as it is staged."""

    kind: str
    uid: str
    ref: str
    name: str
    digest: str
    record: str


class Take:
    """What a collection said beside its records.

    `known` is where each identity was until now. Of two objects that claim one, the one that had it
    keeps it, whichever comes first and even when it cannot be read. Where the other's row was given
    out already, `usurped` has the identity, with the right row if there is one.
    """

    def __init__(
        self,
        *,
        expected_instance: str,
        known: Mapping[Identity, str] = MappingProxyType({}),
    ) -> None:
        self.known = known
        self.usurped: dict[Identity, Row | None] = {}
        self.expected_instance = expected_instance
        self.identity: PlatformSettings | None = None
        self.collected: Counter[Kind] = Counter()
        self.expected: dict[Kind, int] = {}
        self.unreadable: list[Unreadable] = []
        self.blind_spots: list[BlindSpot] = []
        self.doubts: list[Doubt] = []
        self.events: dict[tuple[int, datetime], Event] = {}
        self.events_read: EventsRead | None = None
        self._seen: dict[Identity, tuple[str, str]] = {}  # ref and name of who has it

    def note(self, item: Any) -> None:
        match item:
            case Unreadable():
                self.unreadable.append(item)
            case BlindSpot():
                self.blind_spots.append(item)
            case Doubt():
                self.doubts.append(item)
            case Count():
                self.expected[item.kind] = item.expected
            case Event():
                self.events[item.key, item.at] = item
            case EventsRead():
                self.events_read = item
            case Gone():
                raise AssertionError("A collection tells what there is, a watch what is gone.")

    def row(self, record: AnyRecord) -> Row | None:
        """The staged row of a record, or None when it is set aside or comes to `usurped`."""
        kind = kind_of(record)
        record, encoded = storable(record)
        if isinstance(record, PlatformSettings):
            self._recognise(record)
        if (
            not record.uid
            or len(record.uid) > LONGEST_IDENTIFIER
            or len(record.ref) > LONGEST_IDENTIFIER
        ):
            self._set_aside(kind, record, "Its identifier is empty or too long to be one.")
            return None
        row = Row(
            kind.value, record.uid, record.ref, record.name, digest(encoded), encoded.decode()
        )
        identity = (kind, record.uid)
        if (first := self._seen.get(identity)) is None:
            self._seen[identity] = record.ref, record.name
            self.collected[kind] += 1
            return row
        reason = f"Another object has the same identity, {record.uid}."
        if self.known.get(identity) != record.ref or first[0] == record.ref:
            self._set_aside(kind, record, reason)
            return None
        self._seen[identity] = record.ref, record.name
        self.usurped[identity] = row
        self._note_aside(kind, *first, reason)
        return None

    def settle(self) -> None:
        """After the last item: what is there and cannot be read keeps its identity, too."""
        odd = {(item.kind, item.ref) for item in self.unreadable}
        for identity, known in self.known.items() if odd else ():
            kind, uid = identity
            first = self._seen.get(identity)
            if first is None or first[0] == known or (kind, known) not in odd:
                continue
            self.usurped[identity] = None
            self.collected[kind] -= 1
            self._note_aside(kind, *first, f"Another object has the same identity, {uid}.")

    def _set_aside(self, kind: Kind, record: AnyRecord, reason: str) -> None:
        self._note_aside(kind, record.ref, record.name, reason)

    def _note_aside(self, kind: Kind, ref: str, name: str, reason: str) -> None:
        ref = printable(ref)[:LONGEST_IDENTIFIER]
        self.unreadable.append(Unreadable(kind=kind, ref=ref, name=printable(name), reason=reason))

    def _recognise(self, platform: PlatformSettings) -> None:
        if self.expected_instance and platform.uid != self.expected_instance:
            raise CollectionFailed(
                "A different vCenter answered at this address: its instance is "
                f"{platform.uid}, this source knows {self.expected_instance}.",
                code="other-server",
                advice="If the vCenter was replaced, add the new one as a source of its own. If "
                "not, find out who answers at this address.",
            )
        self.identity = platform

    def completeness(self) -> dict[str, dict[str, Any]]:
        """Per kind: how many were expected, came and could not be read, and whether that is all."""
        doubtful = {doubt.kind for doubt in self.doubts}
        if len(self.unreadable) > MOST_NOTES:
            # What is not noted would look as if it were not there.
            doubtful |= {item.kind for item in self.unreadable[MOST_NOTES:]}
        refused = Counter(item.kind for item in self.unreadable)
        answer = {}
        for kind in Kind:
            came, odd = self.collected[kind], refused[kind]
            expected = self.expected.get(kind)
            whole = expected is not None and came + odd == expected
            answer[kind.value] = {
                "expected": expected,
                "collected": came,
                "unreadable": odd,
                "complete": whole and kind not in doubtful and None not in doubtful,
            }
        return answer

    def causes(self) -> list[dict[str, str]]:
        """Why the run is not complete, a sentence each; empty when it is."""
        causes = [ledger.cause(doubt.code, doubt.message) for doubt in self.doubts[:50]]
        if len(self.unreadable) > MOST_NOTES:
            message = f"{len(self.unreadable)} objects could not be read, too many to tell apart."
            causes.append(ledger.cause("too-many-unreadable", message))
        for kind, state in self.completeness().items():
            arrived = state["collected"] + state["unreadable"]
            if state["expected"] is None:
                message = f"The platform did not say how many of kind {kind} there are."
            elif state["expected"] != arrived:
                message = f"{arrived} of {state['expected']} of kind {kind} arrived."
            else:
                continue
            causes.append(ledger.cause("count-mismatch", message))
        return causes


def stage(held: ledger.Claim, connector: Connector, *, pulse: Pulse, now: datetime) -> None:
    """Collect and stage everything, or raise CollectionFailed, LeaseLost or RunCancelled."""
    with transaction.atomic():
        run = ledger.hold_row(held)
        take = Take(expected_instance=run.source.instance_uuid, known=_known(run.source))
        _clear(run)
    began = monotonic()
    with transaction.atomic():
        _copy(held, connector, take, pulse)
        _put_right(held, take)
        copy_events(held.run_id, held.token, take)
        run = ledger.hold_row(held)
        run.staged_token = held.token
        run.collected_at = getattr(connector, "true_at", None) or now  # carried facts are older
        run.read_until = _read_until(
            connector, run.collected_at, timedelta(seconds=monotonic() - began), now=now
        )
        run.progress = {kind.value: count for kind, count in take.collected.items()}
        run.completeness = take.completeness()
        run.causes = take.causes()
        run.notes = {
            "unreadable": [_plain(item) for item in take.unreadable[:MOST_NOTES]],
            "blind_spots": [_plain(item) for item in take.blind_spots[:MOST_NOTES]],
            "identity": _identity(take.identity),
            "warnings": list(getattr(connector, "warnings", ())),
        }
        if take.events_read is not None:
            run.notes["events"] = msgspec.to_builtins(take.events_read)
        run.phase = SyncRun.Phase.PUBLISHING
        run.save()
        run.parts.all().delete()  # of a file that was brought: it is staged now


def _copy(held: ledger.Claim, connector: Connector, take: Take, pulse: Pulse) -> None:
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for number, item in enumerate(_items(connector)):
            if number % CHECK_EVERY == 0:
                pulse.check()
            if isinstance(item, NOTES):
                take.note(item)
                continue
            row = take.row(item)
            if row is not None:
                copy.write_row((held.run_id, held.token, *row))
                pulse.progress[row[0]] = pulse.progress.get(row[0], 0) + 1
    pulse.check()


def _known(source: Source) -> dict[Identity, str]:
    """Where each identity is, by what was published last."""
    rows = source.assets.present().filter(kind__in=CLAIMED).values_list("kind", "uid", "ref")
    return {(Kind(kind), uid): ref for kind, uid, ref in rows.iterator()}


def _put_right(held: ledger.Claim, take: Take) -> None:
    """Let rows go whose identity is another's, and stage the other's."""
    take.settle()
    with connection.cursor() as cursor:
        for kind, uid in take.usurped:
            cursor.execute(
                "DELETE FROM inventory_stagedrecord"
                " WHERE run_id = %s AND token = %s AND kind = %s AND uid = %s",
                [held.run_id, held.token, kind.value, uid],
            )
    copy_rows(held.run_id, held.token, filter(None, take.usurped.values()))


def copy_rows(run_id: int, token: int, rows: Iterable[Row]) -> None:
    """Stage rows that a Take made."""
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            copy.write_row((run_id, token, *row))


def copy_events(run_id: int, token: int, take: Take) -> None:
    """After the records: one connection writes one stream at a time."""
    encoder = msgspec.json.Encoder()
    with connection.cursor() as cursor, cursor.copy(arriving.COPY) as copy:
        for event in take.events.values():
            text = encoder.encode(_clean(msgspec.to_builtins(event))).decode()
            copy.write_row((run_id, token, event.key, text))


def _items(connector: Connector) -> Iterator[Any]:
    """Close the connector's generator whatever happens, so that its session is logged out."""
    items = connector.collect()
    try:
        yield from items
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


def _clear(run: SyncRun) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM inventory_stagedrecord WHERE run_id = %s", [run.pk])
    arriving.forget_staged(run)


def _plain(item: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(item)
    return {
        key: printable(value) if isinstance(value, str) else value for key, value in plain.items()
    }


def _read_until(
    connector: Connector, began: datetime, elapsed: timedelta, *, now: datetime
) -> datetime:
    """When everything had been read: of what is carried, by whoever collected it."""
    ended: datetime | None = getattr(connector, "true_until", None)
    return began + elapsed if ended is None else min(ended, max(now, began))


def _identity(platform: PlatformSettings | None) -> dict[str, str]:
    if platform is None:
        return {}
    product = product_title(platform.product, platform.version)
    return {"instance_uuid": platform.uid, "product": printable(product)[:200]}


# --- text that PostgreSQL would refuse ---------------------------------------------------------


def storable(record: AnyRecord) -> tuple[AnyRecord, bytes]:
    """The record and its encoding, with what PostgreSQL cannot hold made visible.

    NUL becomes U+2400 and a lone surrogate U+FFFD; everything else is kept as it came.
    """
    try:
        encoded = encode(record)
    except UnicodeEncodeError:
        encoded = b"\\u0000"
    if b"\\u0000" not in encoded:
        return record, encoded
    cleaned: AnyRecord = msgspec.convert(_clean(msgspec.to_builtins(record)), type(record))
    return cleaned, encode(cleaned)


def printable(text: str) -> str:
    return SURROGATE.sub("\ufffd", text.replace("\0", "\u2400"))


def _clean(value: Any) -> Any:
    match value:
        case str():
            return printable(value)
        case dict():
            return {_clean(key): _clean(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_clean(inner) for inner in value]
        case _:
            return value
