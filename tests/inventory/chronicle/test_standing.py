"""Whose machines are found by what they stood in: the same as by asking about each machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import pytest

from inventory.access import tenure
from inventory.access.effective import Standing
from inventory.access.tenure import Era, Part, Past, Place, Span, Spell, Watch, Where
from inventory.chronicle.standing import Crowd
from inventory.records import AnyRecord
from tests.inventory.chronicle.lives import at
from tests.policies.builders import a_grant, a_principal, a_role

HOURS = 12
FOLDERS, POOLS, STORES = ("folder-a", "folder-b"), ("pool-a", "pool-b"), ("store-a", "store-b")
USERS = (r"HALDEN\anna", r"HALDEN\bo")
GROUPS = (r"HALDEN\Ops", r"HALDEN\Dev", r"HALDEN\Silent")
ROLES = {
    201: ("VirtualMachine.Interact.ConsoleInteract",),
    202: ("System.Read",),
    203: ("Datastore.Browse",),
}


class Lot:
    """An estate drawn by lot: places of machines, and spells of all that grants them."""

    def __init__(self, seed: int) -> None:
        self.lots = random.Random(seed)  # noqa: S311  the lots of one seed are the same everywhere
        self._parts: dict[tuple[Standing, bool], Part] = {}
        looks = sorted(self.lots.sample(range(HOURS), self.lots.randint(3, HOURS)))
        since = self.lots.choice((1.0, 2.5, 4.0))
        until = self.lots.choice((6.5, 8.0, float(HOURS)))
        horizon = next((look for look in looks if look >= until), until)
        self.watch = Watch([at(look) for look in looks], at(since), at(until), at(horizon))
        self.places = {pk: self._life(pk) for pk in range(1, 9)}

    def _cut(self) -> list[datetime]:
        """Moments from before the time asked about to after it, most of them of a collection."""
        looks = [self.watch.since, *self.watch.looks, at(0.2), at(7.3)]
        inner = {self.lots.choice(looks) for _ in range(self.lots.randint(0, 8))}
        return sorted({at(-3), *inner, self.watch.end})

    def _part(self, standing: Standing, *, is_files: bool) -> Part:
        new = Part(len(self._parts), standing, is_files)
        return self._parts.setdefault((standing, is_files), new)

    def _life(self, pk: int) -> list[Place]:
        spans = [span for span in pairwise(self._cut()) if self.lots.random() < 0.5]
        return [Place(*span, f"vm-{pk}", self._where()) for span in spans]

    def _where(self) -> Where:
        above = ("dc", "root")
        chains = (
            (self.lots.choice(FOLDERS), *above),
            (self.lots.choice(POOLS), f"cluster-{self.lots.choice('ab')}", *above),
            (f"host-{self.lots.choice('ab')}",),
        )
        store = Standing(ref=self.lots.choice(STORES), chains=(("stores", *above),))
        parts = [self._part(Standing(ref="", chains=(each,)), is_files=False) for each in chains]
        parts.append(self._part(store, is_files=True))
        return Where(tuple(parts), tuple(part.number for part in parts))

    def _spells(self, drawn: Sequence[AnyRecord]) -> list[Spell]:
        found = []
        for begin, end in pairwise(self._cut()):
            if self.lots.random() < 0.8:
                until = None if end == self.watch.end else end
                found.append(Spell(begin, until, self.lots.choice(drawn)))
        return found

    def past(self) -> Past:
        objects = ["root", "dc", "stores", "cluster-a", "host-b", *FOLDERS, *POOLS, *STORES]
        objects += ["vm-1", "vm-2"]
        spells = [
            each for role, held in ROLES.items() for each in self._spells([a_role(role, *held)])
        ]
        for number in range(self.lots.randint(1, 6)):
            principal = self.lots.choice((*USERS, *GROUPS))
            ref = self.lots.choice(objects)
            drawn = [self._grant(f"g{number}", principal, ref) for _ in range(3)]
            spells += self._spells(drawn)
        for group in GROUPS:
            members = [tuple(self.lots.sample(USERS, self.lots.randint(0, 2))) for _ in range(2)]
            told = [a_principal(group, *each, is_group=True) for each in members]
            spells += self._spells(told)
        return Past(spells)

    def _grant(self, uid: str, principal: str, ref: str) -> AnyRecord:
        return a_grant(
            principal,
            self.lots.choice((*ROLES, 209, -1)),
            uid=uid,
            is_group=principal in GROUPS,
            entity_ref=ref,
            at_root=ref == "root",
            propagate=self.lots.random() < 0.8,
        )

    def times(self) -> list[Span]:
        """One or two times within the one asked about."""
        moments = [self.watch.since, self.watch.until]
        length = self.watch.until - self.watch.since
        moments += [self.watch.since + self.lots.random() * length for _ in range(2)]
        moments.sort()
        spans = list(pairwise(moments))
        return [spans[0], spans[2]] if self.lots.random() < 0.5 else [(moments[0], moments[-1])]


def one_by_one(lot: Lot, eras: Sequence[Era], objects: set[str], times: Sequence[Span]) -> set[int]:
    """The plain way: of each machine that ever stood below one of the objects, all it held."""
    return {
        pk
        for pk, places in lot.places.items()
        if any(
            place.ref in objects or not objects.isdisjoint(part.objects)
            for place in places
            for part in place.where.parts
        )
        and tenure.reaches(eras, places, lot.watch, times)
    }


@pytest.mark.parametrize("seed", range(250))
def test_a_crowd_is_found_as_its_machines_are_one_by_one(seed: int) -> None:
    lot = Lot(seed)
    past = lot.past()
    asked = {who: past.objects_of(who) for who in sorted(past.ever.names)}
    crowd = Crowd(lot.places, set().union(*asked.values()), lot.watch)
    times = lot.times()

    for who, objects in asked.items():
        eras = past.eras(who, lot.watch)

        assert crowd.had_by(eras, objects, times) == one_by_one(lot, eras, objects, times)


def test_lots_give_some_of_the_machines_to_some() -> None:
    shares = []
    for seed in range(250):
        lot = Lot(seed)
        past = lot.past()
        for who in past.ever.names:
            eras, objects = past.eras(who, lot.watch), past.objects_of(who)
            shares.append(len(one_by_one(lot, eras, objects, lot.times())) / len(lot.places))

    assert sum(0 < share < 1 for share in shares) > 100
