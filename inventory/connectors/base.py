"""The seam every platform fills: what a connector is asked for and what it may answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from inventory.records import AnyRecord, Kind, Platform


class CollectionFailed(Exception):
    """The platform could not be read; nothing is published and nothing retired.

    `code` is one of the causes in `inventory.causes`; the message is a sentence that says what
    happened, `advice` one that says what to do.
    """

    def __init__(self, message: str, *, code: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.advice = advice


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """An object that exists but could not be made into a record: quarantined, never missing."""

    kind: Kind
    ref: str
    name: str
    reason: str


class BlindSpot(msgspec.Struct, frozen=True, kw_only=True):
    """What the account may not read, as the platform itself explains it. Does not spoil a run."""

    kind: Kind
    property: str  # "*" when the whole object is withheld
    count: int  # how many objects
    example: str  # the name or ref of one of them
    explanation: str


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """Why the answer for a kind may not be whole. One makes the run PARTIAL: nothing is retired."""

    kind: Kind | None  # None: the whole run
    code: str  # missing-page, count-mismatch, duplicate, withheld, transport, session …
    message: str


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects of a kind the platform says there are; checked against what arrived."""

    kind: Kind
    expected: int


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the platform's own log. `key` is the platform's number for it, unique there."""

    key: int
    type: str  # VmMigratedEvent …; the eventTypeId of an EventEx
    at: datetime  # createdTime, by the platform's clock, UTC
    user: str = ""  # who did it, as the platform names them; empty when nobody did
    message: str = ""  # fullFormattedMessage
    vm_ref: str = ""
    vm_name: str = ""
    host_ref: str = ""  # where the machine was when it was over
    host_name: str = ""
    detail: dict[str, str] = {}  # what this type of event says beside that, by the platform's names


class EventCursor(msgspec.Struct, frozen=True, kw_only=True):
    """The newest event that is known; without one everything the platform kept is read.

    `until` is when, by our clock, the log was read last: a platform's clock may be set back.
    """

    at: datetime | None = None
    key: int | None = None
    until: datetime | None = None


class EventsRead(msgspec.Struct, frozen=True, kw_only=True):
    """How the reading of events went: follows the events."""

    until: datetime | None = None  # by the platform's clock; everything up to here was read
    is_cut: bool = False  # later ones are there, and were not read
    skew_seconds: float = 0.0  # how far the platform's clock is ahead of ours
    unreadable: int = 0  # events that could not be made sense of
    oldest_at: datetime | None = None  # the first that came, whether known already or not
    problem: str = ""  # why nothing was read; a sentence


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """An object that the platform, asked about it by name, says does not exist."""

    ref: str


Item = AnyRecord | Unreadable | BlindSpot | Doubt | Count | Event | EventsRead | Gone
NOTES = (Unreadable, BlindSpot, Doubt, Count, Event, EventsRead, Gone)  # what is no record


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered: shown by the connection test, compared at each run."""

    instance_uuid: str
    product: str
    version: str
    build: str
    account: str
    warnings: tuple[str, ...] = ()  # e.g. the account holds write privileges


def product_title(product: str | None, version: str | None) -> str:
    """The product as people call it; its full name mostly says the version already."""
    parts = [product or "", version or ""]
    if parts[1] and parts[1] in parts[0]:
        return parts[0]
    return " ".join(part for part in parts if part)


class Connector(Protocol):
    platform: Platform

    def probe(self) -> Identity:
        """Log in, say who answers, change nothing; or raise CollectionFailed."""
        ...

    def collect(self) -> Iterator[Item]:
        """Yield every object once, with what could not be read; or raise CollectionFailed.

        Never a silent subset: what is missing is yielded as Unreadable, BlindSpot or Doubt. The
        first item is the PlatformSettings record, whose uid is the platform's instance id.
        """
        ...


Tags = dict[str, tuple[str, ...]]  # category → names
PublishedTags = Callable[[], Mapping[str, Tags | None]]  # ref → tags, of all that can carry any


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform told to have changed. Objects are named as the connector names them."""

    touched: frozenset[str] = frozenset()  # came, or say something else than before
    left: frozenset[str] = frozenset()  # are not listed any more
    is_wide: bool = False  # more has changed than these: only a collection can tell

    def __bool__(self) -> bool:
        return bool(self.touched or self.left or self.is_wide)

    def __or__(self, later: Changes) -> Changes:
        return Changes(
            touched=(self.touched - later.left) | later.touched,
            left=(self.left - later.touched) | later.left,
            is_wide=self.is_wide or later.is_wide,
        )


class Watch(Protocol):
    """An open session that is told what changes, from `begin` on."""

    def begin(self) -> None:
        """Be told of every change from now on; or raise CollectionFailed."""
        ...

    def prepare(self) -> None:
        """Learn again what the records of some objects need to know of others.

        To be done after every collection, so that nothing older than it is told; raise
        CollectionFailed.
        """
        ...

    def wait(self, seconds: int) -> Changes:
        """What changed since the last answer; nothing when the time is over.

        Raise WatchForgotten when the platform does not know any more since when that would be, or
        CollectionFailed.
        """
        ...

    def read(
        self, changes: Changes, *, events_since: EventCursor | None, tags: PublishedTags
    ) -> Iterator[Item]:
        """Yield what these objects say now, who is gone, and the events since; as `collect` does.

        What an event tells to have changed is read as well; `tags` is asked then for those that
        are published. A Count stands only beside a kind that was read as a whole. Raise
        CollectionFailed.
        """
        ...

    def settle(self) -> None:
        """That what was read last is published, or left to a collection: until then, what its
        events told to have changed is read every time.
        """
        ...

    def interrupt(self) -> None:
        """Make `wait`, in another thread, raise CollectionFailed now."""
        ...


class WatchForgotten(CollectionFailed):
    """The platform dropped what it remembered for a watch: begin again, and collect everything."""


SessionSink = Callable[
    [str], None
]  # told the session's cookie, so that a killed run's session can be ended
