"""Reading vCenter's log: everything since the newest event that is known, oldest first.

A collector is made for a window of time that begins a little before the newest known event, so that
events written late are not lost and that one has to come again: if it does not, the log was cut.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from inventory.connectors.base import Event, EventCursor, EventsRead, Item
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.failures import TransportLost
from inventory.connectors.vsphere.mapping.events import ASKED, event
from inventory.connectors.vsphere.mapping.facts import as_time
from inventory.connectors.vsphere.xml import Ref, SoapFault

OVERLAP: Final = timedelta(minutes=10)
PAGE: Final = 1_000  # what a vCenter gives at once
MOST: Final = 100_000  # of one collection; the next goes on from there, and it is told


def read(session: OpenSession, cursor: EventCursor) -> Iterator[Item]:
    """Each event since the cursor, then how the reading went. Never fails: a log that cannot be
    read is told, and spoils nothing that was collected before it. Raise SessionLost.
    """
    log = _Log(cursor)
    try:
        yield from _read(session, log)
    except SoapFault as fault:
        log.problem = f"vCenter refused to tell its events ({fault.type})."
    except TransportLost as error:
        session.drop_connections()
        log.problem = str(error)
    yield log.told()


class _Log:
    """What has come so far."""

    def __init__(self, cursor: EventCursor) -> None:
        self.cursor = cursor
        self.problem = ""
        self.skew = timedelta()
        self.until: datetime | None = None
        self.is_cut = False
        self._oldest: datetime | None = None
        self._keys: set[tuple[int, datetime]] = set()
        self._unreadable = 0

    def since(self, now: datetime) -> datetime | None:
        """From when on events may be new, by the platform's clock; None: from the first.

        What was written after the clock was set back may have an earlier time than what is known.
        """
        if self.cursor.at is None:
            return None
        if self.cursor.until is not None:
            return min(self.cursor.at, self.cursor.until + self.skew) - OVERLAP
        return self.cursor.at - OVERLAP if self.cursor.at <= now else None

    def take(self, found: object) -> Event | None:
        """The event; None when it came already or makes no sense."""
        try:
            one = event(found if isinstance(found, dict) else {})
        except (ValueError, TypeError, RecursionError):
            self._unreadable += 1
            return None
        if (one.key, one.at) in self._keys:
            return None
        self._keys.add((one.key, one.at))
        self._oldest = one.at if self._oldest is None else min(one.at, self._oldest)
        return one

    @property
    def count(self) -> int:
        return len(self._keys) + self._unreadable

    @property
    def is_full(self) -> bool:
        return self.count >= MOST

    def told(self) -> EventsRead:
        return EventsRead(
            until=None if self.problem else self.until,
            is_cut=self.is_cut and not self.problem,
            skew_seconds=self.skew.total_seconds(),
            unreadable=self._unreadable,
            oldest_at=self._oldest,
            problem=self.problem,
        )


def _read(session: OpenSession, log: _Log) -> Iterator[Item]:
    clock = read_clock(session)
    if clock is None:
        log.problem = "vCenter did not tell its time."
        return
    there, log.skew = clock
    newest: datetime | None = None
    with _collector(session, log.since(there)) as collector:
        count = f"<maxCount>{PAGE}</maxCount>"
        while page := session.bulk.call("ReadNextEvents", collector, count):
            before = log.count
            for found in page:
                one = log.take(found)
                if one is not None:
                    newest = max(newest or one.at, one.at) if one.at <= there else newest
                    yield one
            if log.count == before:
                log.problem = "vCenter told the same events again and again."
                return
            if log.is_full:
                log.until, log.is_cut = newest, True
                return
    log.until = there


def read_clock(session: OpenSession) -> tuple[datetime, timedelta] | None:
    """The platform's time, and how far it is ahead of ours; or raise SoapFault."""
    asked_at = datetime.now(UTC)
    answer = session.bulk.call("CurrentTime", Ref("ServiceInstance", "ServiceInstance"))
    there = as_time(answer[0]) if answer else None
    return None if there is None else (there, there - asked_at)


@contextlib.contextmanager
def _collector(session: OpenSession, since: datetime | None) -> Iterator[Ref]:
    """A collector of the events that are asked for, destroyed at the end."""
    begin = f"<time><beginTime>{since.isoformat()}</beginTime></time>" if since else ""
    types = "".join(f"<eventTypeId>{name}</eventTypeId>" for name in ASKED)
    manager = session.content.event_manager
    if manager is None:
        raise SoapFault("NotSupported", "no event manager", {})
    made = session.bulk.call(
        "CreateCollectorForEvents", manager, f"<filter>{begin}{types}</filter>"
    )
    if not made or not isinstance(made[0], Ref):
        raise TransportLost("vCenter made no collector of events.", code="malformed")
    try:
        yield made[0]
    finally:
        with contextlib.suppress(SoapFault, TransportLost):
            session.bulk.call("DestroyCollector", made[0])
