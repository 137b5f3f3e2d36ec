"""The simulator's events as if the weeks had passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from msgspec.structs import replace

from demo.machines import chance
from inventory.connectors.base import Event, EventCursor, EventsRead, Item
from inventory.records import VirtualMachine

NOBODY = r"VSPHERE.LOCAL\Administrator"  # what the simulator calls its own scenario
OPERATOR = r"HALDEN\vmware-ops"  # who does what nobody else is said to have done
PAUSE = timedelta(seconds=50)  # between two lines about one machine


class Log:
    """Events of between two looks happen in the time between them, in their order: a machine is
    made when its record says so, everything else when lots say. What is told of the beginning is
    left out, by then a vCenter has forgotten it; and so is who only collected.
    """

    def __init__(self) -> None:
        self.cursor = EventCursor()
        self._known: set[int] = set()
        self._newest: list[Event] = []
        self._before: datetime | None = None
        self._number = 0

    def dated(
        self,
        items: list[Item],
        *,
        at: datetime,
        within: timedelta | None = None,
        is_emptied: bool = False,
    ) -> list[Item]:
        """The items of a look at a moment; `within` is how long before it things happened at the
        most, since the look before it if None. A log that was emptied knows nothing of before.
        """
        told = [one for one in items if isinstance(one, Event)]
        fresh = sorted(
            (one for one in told if one.key not in self._known and not _is_ours(one)),
            key=lambda one: one.key,
        )
        if told:
            last = max(told, key=lambda one: one.key)
            self.cursor = EventCursor(at=last.at, key=last.key)
        self._known |= {one.key for one in told}
        known = [] if is_emptied else self._newest
        events = known + self._spread(fresh, items, at=at, within=within)
        self._newest, self._before = events[-1:], at
        first = min((one.at for one in events), default=None)
        kept = [one for one in items if not isinstance(one, Event | EventsRead)]
        return [*kept, *events, EventsRead(until=at, oldest_at=first)]

    def _spread(
        self, events: list[Event], items: list[Item], *, at: datetime, within: timedelta | None
    ) -> list[Event]:
        if self._before is None:
            return []
        since = max(self._before, at - within) if within else self._before
        happened = sorted(_happened(events, _made(items, since, at), since, at))
        spread = []
        for moment, _, one in happened:
            self._number += 1
            who = OPERATOR if one.user == NOBODY else one.user
            spread.append(replace(one, key=self._number, at=moment, user=who))
        return spread


def _is_ours(one: Event) -> bool:
    """Whether it tells of who plays and collects the scenario."""
    return "Session" in one.type and not one.user.startswith("HALDEN")


def _made(items: Iterable[Item], since: datetime, at: datetime) -> dict[tuple[str, str], datetime]:
    """When machines were created and switched on, where their records say it of this time."""
    found = {}
    for vm in items:
        if isinstance(vm, VirtualMachine):
            for type_, moment in (
                ("VmCreatedEvent", vm.created_at),
                ("VmPoweredOnEvent", vm.booted_at),
            ):
                if moment is not None and since < moment < at:
                    found[vm.ref, type_] = moment
    return found


def _happened(
    events: Sequence[Event],
    made: dict[tuple[str, str], datetime],
    since: datetime,
    at: datetime,
) -> Iterator[tuple[datetime, int, Event]]:
    """When each event happened. What one machine goes through at once takes a minute or two."""
    lots = _lots(events, since, at)
    number = 0
    for ref, together in groupby(events, key=lambda one: one.vm_ref):
        group = list(together)
        step = PAUSE if ref else timedelta()
        first = lots[number]
        for place, one in enumerate(group):
            known = made.get((ref, one.type))
            if known is not None:
                first = known - place * step
                break
        for place, one in enumerate(group):
            moment = first + place * step if ref else lots[number]
            yield min(moment, at), number, one
            number += 1


def _lots(events: Sequence[Event], since: datetime, at: datetime) -> list[datetime]:
    """A moment for each event, in their order, at uneven distances."""
    weights = [0.2 + chance(one.type, one.vm_name, one.user) for one in events] + [0.6]
    whole = sum(weights)
    return [
        (since + (at - since) * (sum(weights[: n + 1]) / whole)).replace(microsecond=0)
        for n in range(len(events))
    ]
