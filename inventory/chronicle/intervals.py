"""From what collections saw and events told to what held from when to when. Plain Python.

A machine's state is a handful of *holdings*: on which host it is and whether it runs, on which
datastores and networks it is, which address each of its cards has. A collection says all of them
at once, an event says that one began. Between two collections an event is the better witness:

- what an event says begins and ends at the event;
- what only the next collection shows began after the collection before it, nobody knows when,
  unless exactly one event in between can have been the reason: then it was that one's moment;
- after a gap in the log nothing that was known before it is sure until it is seen or told again,
  and what came of it in the gap is no event's doing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

EVENT, POLL, FIRST = "event", "poll", "first"


class Host(NamedTuple):
    """Where it is, and whether it runs (None: not known)."""

    ref: str
    is_running: bool | None


class Card(NamedTuple):
    """The address of a network card, and the network it is on."""

    mac: str
    network_ref: str
    network_name: str
    label: str
    mac_type: str


class Key(NamedTuple):
    """Which holding: ("host", ""), ("datastore", ref), ("network", ref) or ("nic", key)."""

    kind: str
    name: str = ""


HOST = Key("host")
State = dict[Key, Any]


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """A collection that found the machine changed. `state` is all that it said.

    `at` is when it began to read, `until` when it had read everything; `before` is the collection
    before it, None when there was none that could have seen the machine.
    """

    at: datetime
    until: datetime
    before: datetime | None
    state: State
    unknown: frozenset[str] = frozenset()  # kinds of holdings it could not tell


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """A collection that did not find the machine any more."""

    at: datetime
    before: datetime | None


class Gap(NamedTuple):
    """A time whose events nobody will ever know."""

    began: datetime
    ended: datetime


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An event about the machine, by what it means; None where it says nothing."""

    at: datetime
    host_ref: str | None = None
    was_ref: str | None = None  # the host that it was on just before
    is_running: bool | None = None
    is_end: bool = False
    old_mac: str | None = None
    new_mac: str | None = None
    explains: frozenset[str] = frozenset()  # kinds of holdings it may have changed
    is_beginning: bool = False


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A holding from one moment to another: see `models.Interval` for what the moments mean."""

    key: Key
    value: Any
    began_after: datetime | None
    valid_from: datetime
    sure_until: datetime | None
    valid_to: datetime | None
    basis: str


class _Open(msgspec.Struct):
    value: Any
    began_after: datetime | None
    valid_from: datetime
    basis: str
    gap: Gap | None = None  # the first one since it was last seen or told


def derive(
    polls: Sequence[Poll | Gone], told: Sequence[Told], gaps: Sequence[Gap] = ()
) -> list[Held]:
    """What held when, oldest first. The order in which things are given does not matter."""
    course = _Course(told, gaps)
    moments: list[tuple[datetime, int, Any]] = [(one.at, 1, one) for one in told]
    moments += [(one.until if isinstance(one, Poll) else one.at, 2, one) for one in polls]
    moments += [(gap.ended, 0, gap) for gap in gaps]
    for _, _, one in sorted(moments, key=lambda moment: moment[:2]):
        match one:
            case Gap():
                course.lose(one)
            case Told():
                course.tell(one)
            case Poll():
                course.see(one)
            case Gone():
                course.miss(one)
    return course.ended()


class _Course:
    """The state while time goes on."""

    def __init__(self, told: Iterable[Told], gaps: Sequence[Gap]) -> None:
        self._told = sorted(told, key=_moment)
        self._gaps = gaps
        self._gap: Gap | None = None  # the last one
        self._open: dict[Key, _Open] = {}
        self._held: list[Held] = []
        self._touched: dict[Key, datetime] = {}  # when an event last said something of it
        self._is_seen = False  # whether a collection has found it

    # --- events -------------------------------------------------------------------------------

    def lose(self, gap: Gap) -> None:
        """Whatever holds may have ended in the gap, and something else begun."""
        self._gap = gap
        for now in self._open.values():
            now.gap = gap if now.gap is None else Gap(now.gap.began, gap.ended)

    def tell(self, one: Told) -> None:
        self._recover(one)
        if one.is_end:
            for key in list(self._open):
                self._end(key, at=one.at, sure_until=one.at)
            return
        if one.host_ref is not None or one.is_running is not None:
            self._tell_host(one)
        if one.new_mac is not None:
            self._tell_address(one)

    def _recover(self, one: Told) -> None:
        """What an event says of the moment before it has been so since the gap, if there was one:
        whatever happened since then was told.
        """
        now = self._open.get(HOST)
        gap = now.gap if now else None
        if now is None and not self._is_seen:
            gap = self._gap  # it began in the gap
        if gap is None or gap.ended >= one.at or one.is_beginning:
            return
        ref = one.was_ref
        if ref is None and now is not None and one.host_ref == now.value.ref:
            ref = one.host_ref
        if ref is None:
            return
        before = Host(ref, None if one.is_running is None else not one.is_running)
        if now is not None and now.value == before:
            now.gap = None
        else:
            self._begin(HOST, before, after=gap.began, at=gap.ended, basis=POLL)

    def _tell_host(self, one: Told) -> None:
        now = self._open.get(HOST)
        ref = one.host_ref or (now.value.ref if now else "")
        if not ref:
            return
        running = one.is_running
        if running is None and now is not None and now.gap is None:
            running = now.value.is_running
        self._touched[HOST] = one.at
        self._begin(HOST, Host(ref, running), after=one.at, at=one.at, basis=EVENT)

    def _tell_address(self, one: Told) -> None:
        """A card is known by the address it had; what is new waits for a collection to name it."""
        cards = [(key, now) for key, now in self._open.items() if key.kind == "nic"]
        lost = [(key, now.gap) for key, now in cards if now.gap is not None]
        found = next((key for key, now in cards if now.value.mac == one.old_mac), None)
        if found is not None:
            self._open[found].gap = None
        elif len(lost) == len(cards) == 1 and one.old_mac and lost[0][1].ended < one.at:
            [(found, gap)] = lost  # it got the address that it has now lost in the gap
            was = self._open[found].value._replace(mac=one.old_mac)
            self._begin(found, was, after=gap.began, at=gap.ended, basis=POLL)
        else:
            return
        self._touched[found] = one.at
        changed = self._open[found].value._replace(mac=one.new_mac)
        self._begin(found, changed, after=one.at, at=one.at, basis=EVENT)

    # --- collections --------------------------------------------------------------------------

    def see(self, poll: Poll) -> None:
        is_first, self._is_seen = not self._is_seen, True
        for key in [*self._open, *(key for key in poll.state if key not in self._open)]:
            if key.kind in poll.unknown or self._is_told_since(key, poll):
                continue
            self._see_one(key, poll, is_first=is_first)

    def _is_in_another(self, gap: Gap, moment: datetime) -> bool:
        return any(one.ended > gap.ended and one.began < moment for one in self._gaps)

    def _is_told_since(self, key: Key, poll: Poll) -> bool:
        """Whether an event came while the collection read: it may have read before that."""
        told = self._touched.get(key)
        return told is not None and poll.at < told <= poll.until

    def _see_one(self, key: Key, poll: Poll, *, is_first: bool) -> None:
        now, seen = self._open.get(key), poll.state.get(key)
        if now is not None and seen is not None and _same(now.value, seen):
            now.value = _clearer(now.value, seen)
            if now.gap is not None and not self._is_in_another(now.gap, poll.until):
                now.gap = None
            return
        reason = self._reason(key, seen, poll, is_first=is_first)
        if reason is not None:
            self._change(key, seen, after=reason, at=reason, basis=EVENT)
            return
        basis = FIRST if is_first and poll.before is None else POLL
        self._change(key, seen, after=self._not_before(poll.before, now), at=poll.at, basis=basis)

    def _change(
        self, key: Key, seen: Any, *, after: datetime | None, at: datetime, basis: str
    ) -> None:
        if seen is None:
            self._end(key, at=at, sure_until=after)
        else:
            self._begin(key, seen, after=after, at=at, basis=basis)

    def _reason(self, key: Key, seen: Any, poll: Poll, *, is_first: bool) -> datetime | None:
        """When the one event happened that explains what is new; None without one, or with more.

        Before the first collection nothing is known that an event could have changed.
        """
        now = self._open.get(key)
        since = max(
            (at for at in (poll.before, now.valid_from if now else None) if at), default=None
        )
        begin = 0 if since is None else bisect_right(self._told, since, key=_moment)
        end = bisect_right(self._told, poll.until, key=_moment)
        gaps = [
            gap for gap in self._gaps if gap.began < poll.until and (not since or gap.ended > since)
        ]
        found = {
            one.at
            for one in self._told[begin:end]
            if (is_first and one.is_beginning and all(gap.ended <= one.at for gap in gaps))
            or (not is_first and key.kind in one.explains and not gaps)
            or _names(one, seen)
        }
        return found.pop() if len(found) == 1 else None

    def _not_before(self, before: datetime | None, now: _Open | None) -> datetime | None:
        if before is None or now is None:
            return before
        return max(before, now.valid_from)

    def miss(self, gone: Gone) -> None:
        for key, now in list(self._open.items()):
            self._end(key, at=gone.at, sure_until=self._not_before(gone.before, now))

    # --- intervals ----------------------------------------------------------------------------

    def _begin(
        self,
        key: Key,
        value: Any,
        *,
        after: datetime | None,
        at: datetime,
        basis: str,
    ) -> None:
        now = self._open.get(key)
        if now is not None and now.value == value:
            return
        self._end(key, at=at, sure_until=after)
        self._open[key] = _Open(value, after, at, basis)

    def _end(self, key: Key, *, at: datetime, sure_until: datetime | None) -> None:
        now = self._open.pop(key, None)
        if now is None or at <= now.valid_from:
            return  # what held for no time did not hold
        if now.gap is not None:
            sure_until = min(sure_until or now.gap.began, now.gap.began)
        self._held.append(
            Held(
                key=key,
                value=now.value,
                began_after=now.began_after,
                valid_from=now.valid_from,
                sure_until=min(max(sure_until or now.valid_from, now.valid_from), at),
                valid_to=at,
                basis=now.basis,
            )
        )

    def ended(self) -> list[Held]:
        still = [
            Held(
                key=key,
                value=now.value,
                began_after=now.began_after,
                valid_from=now.valid_from,
                sure_until=None,
                valid_to=None,
                basis=now.basis,
            )
            for key, now in self._open.items()
        ]
        return sorted([*self._held, *still], key=lambda held: (held.valid_from, held.key))


def _moment(one: Told) -> datetime:
    return one.at


def _names(one: Told, seen: Any) -> bool:
    """Whether an event names the very address that a card was seen with."""
    return isinstance(seen, Card) and one.new_mac is not None and one.new_mac == seen.mac


def _same(was: Any, seen: Any) -> bool:
    """Equal, as far as both are known."""
    if isinstance(was, Host) and isinstance(seen, Host):
        known = was.is_running is None or seen.is_running is None
        return was.ref == seen.ref and (known or was.is_running == seen.is_running)
    if isinstance(was, Card) and isinstance(seen, Card):
        return was[:2] == seen[:2]  # a network's new name or a card's new label is no move
    return bool(was == seen)


def _clearer(was: Any, seen: Any) -> Any:
    if isinstance(was, Host) and isinstance(seen, Host) and seen.is_running is None:
        return was
    return seen
