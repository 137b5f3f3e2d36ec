"""Who administered a machine in a time, and which other machines they administered meanwhile.

An administrator is somebody who holds one of the duties that concern a machine: to enter, run or
copy it, or to grant access to it. Like all that is told of grants, it is told to whoever sees the
whole estate.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cached_property

import msgspec
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from accounts.models import User
from inventory.access import tenure
from inventory.access.principals import PrincipalKey, uid_of
from inventory.access.tenure import Era, Held, Past, Place, Span, Spell, Watch
from inventory.chronicle.standing import Crowd, Standings
from inventory.chronicle.windows import Window
from inventory.models import Asset, AssetVersion
from inventory.raw import fetch
from inventory.records import Grant, Kind, decode

PAGE = 20  # administrators
MACHINES = 100  # of one of them
_Had = tuple[PrincipalKey, list[Era], Held]
_TELL = (Kind.ROLE, Kind.GRANT, Kind.PRINCIPAL)


class Administrator(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who administered the machine, or may have, by `held`.

    `machines` is how many others they administered, or may have, in the same times; None where
    they were not counted.
    """

    who: PrincipalKey
    name: str
    full_name: str | None
    held: Held
    is_everywhere: bool  # all that time they administered every machine of the source
    machines: int | None

    @property
    def uid(self) -> str:
        return uid_of(self.who)

    @property
    def minutes(self) -> int:
        return tenure.minutes(self.held.surely)

    @property
    def possible(self) -> int:
        return tenure.minutes(self.held.possibly)


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """Another machine of an administrator's, with the times in which they had both."""

    vm: Asset
    held: Held
    minutes: int
    possible: int
    first: datetime
    last: datetime
    by_events: bool = False  # access is known by collections alone


class Careers:
    """What is known of who administered machines of a source in a window."""

    def __init__(self, vm: Asset, user: User, *, window: Window, now: datetime) -> None:
        self._vm, self._user = vm, user
        self.watch = _watch(vm, window, now)
        rows = _facts(vm.source_id, self.watch)
        self.assets = {(kind, spell.record.uid): pk for pk, kind, spell in rows}
        self.past = Past(spell for _, _, spell in rows)
        self._standings = Standings(vm.source_id, self.watch, self.past.ever)
        self._own = self._standings.of([vm.pk]).get(vm.pk, [])

    def grant(self, grant: Grant) -> int | None:
        return self.assets.get((Kind.GRANT.value, grant.uid))

    def principal(self, who: PrincipalKey) -> int | None:
        return self.assets.get((Kind.PRINCIPAL.value, uid_of(who)))

    @cached_property
    def _administering(self) -> list[_Had]:
        """Everybody who administered the machine, longest first."""
        found = []
        for who in self.past.everybody(_objects(self._own)):
            eras = self.past.eras(who, self.watch)
            had = tenure.held(eras, self._own, self.watch)
            if had.possibly:
                found.append((who, eras, had))
        return sorted(
            found,
            key=lambda one: (
                -tenure.minutes(one[2].surely),
                -tenure.minutes(one[2].possibly),
                self.past.ever.names[one[0]].casefold(),
            ),
        )

    @property
    def total(self) -> int:
        return len(self._administering)

    @property
    def groups_unknown(self) -> int:
        """How many of the administrators are groups of whom nobody knows who is in them."""
        return sum(who.is_group for who, _, _ in self._administering)

    def page(self, start: int = 0) -> list[Administrator]:
        """Some of the administrators, each with how many other machines were theirs."""
        asked = self._administering[start : start + PAGE]
        machines = self._reached(asked)
        return [self._told(one, len(found)) for one, found in zip(asked, machines, strict=True)]

    def shared(self, uid: str, *, start: int = 0) -> tuple[Administrator, list[Shared]] | None:
        """One of them, and some of the machines that they administered besides, by name."""
        asked = self._named(uid)
        if not asked:
            return None
        [machines] = self._reached(asked)
        rows = list(
            Asset.objects.visible_to(self._user)
            .filter(pk__in=machines)
            .select_related("source", "team")
            .defer("record")
            .order_by("sort_name", "pk")[start : start + MACHINES]
        )
        stood = self._standings.of([row.pk for row in rows])
        found = (self._share(row, stood.get(row.pk, []), asked[0]) for row in rows)
        return self._told(asked[0], len(machines)), [one for one in found if one is not None]

    def with_machine(self, uid: str, other: Asset) -> tuple[Administrator, Shared | None] | None:
        """One of them, and what they had on another machine at the same times."""
        for one in self._named(uid):
            stood = self._standings.of([other.pk])
            return self._told(one, None), self._share(other, stood.get(other.pk, []), one)
        return None

    def _named(self, uid: str) -> list[_Had]:
        return [one for one in self._administering if uid_of(one[0]) == uid]

    def _told(self, one: _Had, machines: int | None) -> Administrator:
        who, eras, had = one
        return Administrator(
            who=who,
            name=self.past.ever.names[who],
            full_name=getattr(self.past.ever.principals.get(who), "full_name", None),
            held=had,
            is_everywhere=_is_everywhere(eras, had.possibly),
            machines=machines,
        )

    def _reached(self, asked: Sequence[_Had]) -> list[Collection[int]]:
        """The machines that each had besides this one."""
        narrow = [who for who, eras, had in asked if not _is_everywhere(eras, had.possibly)]
        objects = {ref for who in narrow for ref in self.past.objects_of(who)}
        crowd = self._standings.below(objects) if objects else Crowd({}, (), self.watch)
        return [
            self._among(crowd, one) if one[0] in narrow else self._present(one[2].possibly)
            for one in asked
        ]

    def _among(self, crowd: Crowd, one: _Had) -> set[int]:
        """Those of a crowd that somebody had, and all there were while they had everything."""
        who, eras, had = one
        times = had.possibly
        whole = [era for era in eras if era.is_everywhere]
        found = crowd.had_by(
            [era for era in eras if era not in whole], self.past.objects_of(who), times
        )
        for era in whole:
            meanwhile = tenure.overlap([(era.since, era.until)], times)
            found.update(self._present(meanwhile) if meanwhile else ())
        return found - {self._vm.pk}

    @cached_property
    def _known(self) -> list[tuple[int, datetime, datetime | None]]:
        others = Asset.objects.visible_to(self._user).filter(
            source_id=self._vm.source_id, kind=Kind.VM
        )
        rows = others.exclude(pk=self._vm.pk).order_by()
        return list(rows.values_list("pk", "first_seen_at", "gone_at"))

    def _present(self, times: Sequence[Span]) -> list[int]:
        """Machines that were there from the first of these times to the last."""
        begin, end = times[0][0], times[-1][1]
        return [
            pk
            for pk, first_seen, gone in self._known
            if self.watch.began(first_seen) < end and (gone is None or gone > begin)
        ]

    def _share(self, vm: Asset, places: list[Place], one: _Had) -> Shared | None:
        _, eras, had = one
        theirs = tenure.held(eras, places, self.watch)
        possibly = tenure.overlap(had.possibly, theirs.possibly)
        if not possibly:
            return None
        return Shared(
            vm=vm,
            held=theirs,
            minutes=tenure.minutes(tenure.overlap(had.surely, theirs.surely)),
            possible=tenure.minutes(possibly),
            first=possibly[0][0],
            last=possibly[-1][1],
        )


def careers_of(vm: Asset, user: User, *, window: Window, now: datetime) -> Careers | None:
    """Who administered a machine; None for whoever does not see the whole estate."""
    return Careers(vm, user, window=window, now=now) if user.sees_everything else None


def _is_everywhere(eras: Iterable[Era], times: Sequence[Span]) -> bool:
    within = [era for era in eras if tenure.overlap([(era.since, era.until)], times)]
    return all(era.is_everywhere for era in within)


def _objects(places: Iterable[Place]) -> set[str]:
    """Every object whose grants can have counted on a machine or on its files."""
    found: set[str] = set()
    for place in places:
        found.add(place.ref)
        for part in place.where.parts:
            found |= part.objects
    return found


def _watch(vm: Asset, window: Window, now: datetime) -> Watch:
    """Nothing is known of the time after the last collection, or after that for which the log was
    read that makes a watch ask for rights again.
    """
    source = vm.source
    known = source.published_at or now
    if source.known_until and source.events_until:
        known = max(known, min(source.known_until, source.events_until))
    until = min(window.until, known, now)
    looks = [row[0] for row in fetch(_LOOKS, {"source": vm.source_id})]
    later = looks[bisect_left(looks, until) :]
    return Watch(looks, window.since, until, later[0] if later else until)


def _facts(source_id: int, watch: Watch) -> list[tuple[int, str, Spell]]:
    versions = AssetVersion.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=watch.since),
        valid_from__lte=watch.horizon,
        asset__source_id=source_id,
        asset__kind__in=_TELL,
    ).order_by("valid_from", "pk")
    rows = versions.values_list(
        "asset_id", "kind", "valid_from", "valid_to", Cast("record", TextField())
    )
    return [(pk, kind, Spell(since, until, decode(text))) for pk, kind, since, until, text in rows]


# Collections that told of everything by which somebody administers a machine, in their order.
_LOOKS = """
SELECT published_at FROM inventory_syncrun
WHERE source_id = %(source)s AND published_at IS NOT NULL
  AND completeness->'vm'->>'complete' = 'true' AND completeness->'role'->>'complete' = 'true'
  AND completeness->'grant'->>'complete' = 'true'
  AND completeness->'principal'->>'complete' = 'true'
ORDER BY published_at
"""
