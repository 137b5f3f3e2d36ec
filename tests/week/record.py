"""What a script knows of the estate it made: what was true when, and what each collection saw.

Nothing here asks the vCenter or the product.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import msgspec

BLINK = timedelta(milliseconds=1)  # for as long as is asked about what cannot be asked of a moment
FOLDERS = {"vm": "/DC0/vm", "Blue": "/DC0/vm/Blue", "Deep": "/DC0/vm/Blue/Deep"}
FOLDERS |= {"Green": "/DC0/vm/Green"}


class Machine(msgspec.Struct):
    name: str
    host: str
    is_running: bool
    macs: list[str]
    folder: str = "vm"
    memory_mib: int = 32
    snapshots: list[tuple[int, str]] = []  # how deep and what it is called; parents first

    @property
    def path(self) -> str:
        return f"{FOLDERS[self.folder]}/{self.name}"


class GrantKey(msgspec.Struct, frozen=True):
    """A holder has one role on an object."""

    on: str  # the uid of a machine, or one of `rights.PLACES`
    principal: str
    is_group: bool


class Grant(msgspec.Struct):
    role: str
    propagate: bool


class Rights(msgspec.Struct):
    roles: dict[str, list[str]]  # privileges
    grants: dict[GrantKey, Grant]
    groups: dict[str, list[str]]  # users and groups in it


class Truth(msgspec.Struct):
    """The estate at a moment; machines and images by the uid that they were born with."""

    machines: dict[str, Machine]
    images: dict[str, str]  # names
    rights: Rights


class Span(msgspec.Struct, frozen=True):
    began: datetime
    ended: datetime


class Act(msgspec.Struct, frozen=True):
    """Something the script did to one machine (or to none), and what was true afterwards."""

    what: str
    uid: str
    span: Span
    truth: Truth


class Look(msgspec.Struct, frozen=True):
    """A collection: what there was to be seen. Without `is_whole` it may have seen a part of it."""

    span: Span
    truth: Truth
    is_whole: bool


class Record:
    """All that was done and all that was looked at, in its order."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.looks: list[Look] = []
        self.outages: list[Span] = []  # nothing happened, and nobody could have looked

    @contextmanager
    def outage(self) -> Iterator[None]:
        began = datetime.now(UTC)
        yield
        self.outages.append(Span(began, datetime.now(UTC)))

    def note_act(self, what: str, uid: str, began: datetime, truth: Truth) -> None:
        span = Span(began, datetime.now(UTC))
        self.acts.append(Act(what, uid, span, deepcopy(truth)))

    def note_look(self, began: datetime, *, is_whole: bool) -> None:
        span = Span(began, datetime.now(UTC))
        self.looks.append(Look(span, self.acts[-1].truth, is_whole))

    def quiet(self) -> list[Span]:
        """Between the first look and the last: when nothing was being done or looked at. During an
        act or a look either answer is a right one.
        """
        spans = [act.span for act in self.acts] + [look.span for look in self.looks]
        busy = sorted((*spans, *self.outages), key=lambda span: span.began)
        found, since = [], self.looks[0].span.ended
        for span in busy:
            if since < span.began - 2 * BLINK and span.began <= self.looks[-1].span.began:
                found.append(Span(since, span.began - BLINK))
            since = max(since, span.ended)
        return found

    def moments(self, lots: random.Random, count: int) -> Iterator[datetime]:
        """Random quiet moments; the time between two acts counts the same, however long it was."""
        quiet = self.quiet()
        for _ in range(count):
            span = lots.choice(quiet)
            yield span.began + lots.uniform(0.05, 1) * (span.ended - span.began)

    def at(self, moment: datetime) -> Truth:
        """What was true."""
        return next(act.truth for act in reversed(self.acts) if act.span.ended < moment)

    def looks_before(self, moment: datetime) -> list[Look]:
        """The collections that were over by then, latest first."""
        return [look for look in reversed(self.looks) if look.span.ended < moment]
