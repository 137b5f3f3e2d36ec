"""From when to when somebody administered a machine, from the versions of all that grants it.

A collection shows how things are. What one shows begun may have begun since the one before it, and
what one shows ended surely lasted until the one before. Plain Python.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

import msgspec

from inventory.access.duties import Duty
from inventory.access.effective import Access, Standing
from inventory.access.objects import CONCERNING, OF_FILES, Right, rights_on
from inventory.access.principals import PrincipalKey, key_of
from inventory.records import AnyRecord, Grant, Kind, Principal, Role

Span = tuple[datetime, datetime]


class Spell(msgspec.Struct, frozen=True):
    """What was so from one collection to another; without an end it is still so."""

    since: datetime
    until: datetime | None
    record: AnyRecord

    def covers(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


class Part(msgspec.Struct, frozen=True):
    """One of the things a machine stands in, or where files of it are; alike ones have a number."""

    number: int
    standing: Standing
    is_files: bool

    @property
    def objects(self) -> set[str]:
        return {self.standing.ref, *(ref for chain in self.standing.chains for ref in chain)}


class Where(msgspec.Struct, frozen=True):
    """All that machines stand in, and their files: what each gives adds up."""

    parts: tuple[Part, ...]
    numbers: tuple[int, ...]  # of the parts

    @property
    def chains(self) -> tuple[tuple[str, ...], ...]:
        return tuple(chain for part in self._of(is_files=False) for chain in part.standing.chains)

    @property
    def files(self) -> tuple[Standing, ...]:
        return tuple(part.standing for part in self._of(is_files=True))

    def _of(self, *, is_files: bool) -> list[Part]:
        return [part for part in self.parts if part.is_files is is_files]


class Place(msgspec.Struct, frozen=True):
    """Where one machine stood from one collection to another."""

    since: datetime
    until: datetime
    ref: str
    where: Where


class Tenure(msgspec.Struct, frozen=True):
    """A time in which somebody administered a machine by the same rights, or may have."""

    since: datetime
    until: datetime
    rights: tuple[Right, ...]
    is_sure: bool


class Watch(msgspec.Struct, frozen=True):
    """When it was looked, and the time asked about; `until` is as far as anything is known.

    `horizon` is the first look at or after that, which shows what changed since the one before.
    """

    looks: Sequence[datetime]
    since: datetime
    until: datetime
    horizon: datetime

    @property
    def end(self) -> datetime:
        """Just after the horizon: what is so then was so at that look."""
        return self.horizon + timedelta.resolution

    def before(self, moment: datetime) -> datetime | None:
        found = bisect_left(self.looks, moment)
        return self.looks[found - 1] if found else None

    def began(self, moment: datetime) -> datetime:
        """Since when what was so at a moment may have been so."""
        return max(self.since, self.before(moment) or moment) if moment > self.since else self.since

    def ended(self, tenure: Tenure) -> datetime:
        """Until when it surely was so."""
        if tenure.until > self.horizon:
            return self.until
        return max(tenure.since, self.before(tenure.until) or tenure.since)


class Held(msgspec.Struct, frozen=True):
    """What somebody held on a machine in the time asked about, as one list and as times."""

    tenures: tuple[Tenure, ...]
    surely: tuple[Span, ...]
    possibly: tuple[Span, ...]

    @property
    def duties(self) -> frozenset[Duty]:
        return frozenset(
            d for one in self.tenures for each in one.rights for d in each.duties or ()
        )


class Era:
    """A time in which nothing that somebody holds by anybody's grants changed."""

    def __init__(
        self, since: datetime, until: datetime, who: PrincipalKey, spells: Sequence[Spell]
    ) -> None:
        self.since, self.until, self.who = since, until, who
        self.access = Access(spell.record for spell in spells if spell.covers(since))
        self._supposed: Access | None = None
        self._found: dict[tuple[str, tuple[int, ...]], tuple[tuple[Right, ...], bool]] = {}

    def suppose(self, groups: Iterable[PrincipalKey]) -> None:
        """They may still be in those groups that do not tell now and once told so."""
        silent = [group for group in groups if not self.access.members_known(group)]
        if silent and not self.who.is_group:
            self._supposed = self.access.supposing(self.who, silent)

    def rights(self, place: Place) -> tuple[tuple[Right, ...], bool]:
        """What they hold there, and whether that is sure. A group that tells who is in it holds
        nothing: its members do.
        """
        asked = (place.ref if self.access.holders((place.ref,)) else "", place.where.numbers)
        if asked not in self._found:
            self._found[asked] = self._rights(asked[0], place.where)
        return self._found[asked]

    def _rights(self, ref: str, where: Where) -> tuple[tuple[Right, ...], bool]:
        if self.who.is_group and self.access.members_known(self.who):
            return (), False
        standing = Standing(ref=ref, chains=where.chains)
        found = rights_on(Kind.VM, self.access, self.who, standing, where.files)
        if not found and self._supposed is not None:
            found = rights_on(Kind.VM, self._supposed, self.who, standing, where.files)
            return found, False
        return found, any(right.duties for right in found)

    def holds(self, part: Part) -> bool:
        """Whether they hold something, or may, on every machine that stands in this and on which
        nobody holds a grant.
        """
        return any(reach.gives(part) for reach in self._reaches)

    @cached_property
    def _reaches(self) -> tuple[Reach, ...]:
        if self.who.is_group and self.access.members_known(self.who):
            return ()
        supposed = () if self._supposed is None else (Reach(self._supposed, self.who),)
        return (Reach(self.access, self.who), *supposed)

    @cached_property
    def is_everywhere(self) -> bool:
        """Whether they hold a duty on every machine: at the root, and nothing takes it away."""
        root = self.access.root
        if root is None or (self.who.is_group and self.access.members_known(self.who)):
            return False
        return bool(self.access.decisive(root, self.who, below=True)) and all(
            self._gives(ref, below=below) for ref in self.access.places for below in (True, False)
        )

    def _gives(self, ref: str, *, below: bool) -> bool:
        ways = self.access.decisive(ref, self.who, below=below)
        concerning = CONCERNING[Kind.VM].keys()
        return not ways or any(
            concerning & (self.access.duties(way.grant, beyond=OF_FILES) or ()) for way in ways
        )


class Reach:
    """What somebody's grants come to on machines below each object: asked once an object, where
    rights are asked once a machine.
    """

    def __init__(self, access: Access, who: PrincipalKey) -> None:
        self._access, self._who = access, who
        self._given: dict[tuple[bool, bool], dict[str, bool]] = {}

    def gives(self, part: Part) -> bool:
        """Whether they have something of a machine that stands in this, or may."""
        standing = part.standing
        if part.is_files:
            here = self._deciding(is_files=True, below=False)
            if standing.ref in here:
                return here[standing.ref]
        below = self._deciding(is_files=part.is_files, below=True)
        nearest = (next((ref for ref in chain if ref in below), "") for chain in standing.chains)
        return any(below.get(ref, False) for ref in nearest)

    def _deciding(self, *, is_files: bool, below: bool) -> dict[str, bool]:
        """The objects whose grants decide for them, and whether those give something."""
        asked = (is_files, below)
        if asked not in self._given:
            decisive = (
                (ref, self._access.decisive(ref, self._who, below=below))
                for ref in self._access.places
            )
            self._given[asked] = {
                ref: any(self._counts(way.grant, is_files=is_files) for way in ways)
                for ref, ways in decisive
                if ways
            }
        return self._given[asked]

    def _counts(self, grant: Grant, *, is_files: bool) -> bool:
        """Whether a grant is about machines, or about files; one of an unknown role may be."""
        told = (
            self._access.duties(grant, only=OF_FILES)
            if is_files
            else self._access.duties(grant, beyond=OF_FILES)
        )
        return told is None or not told.isdisjoint(CONCERNING[Kind.VM])


class Past:
    """The roles, grants and principals of a source over a time, asked about."""

    def __init__(self, spells: Iterable[Spell]) -> None:
        told = list(spells)
        self.ever = Access(spell.record for spell in told)
        self._grants: dict[PrincipalKey, list[Spell]] = {}
        self._principals: dict[PrincipalKey, list[Spell]] = {}
        self._roles: dict[int, list[Spell]] = {}
        for spell in told:
            match spell.record:
                case Grant(principal=name, is_group=is_group):
                    self._grants.setdefault(key_of(name, is_group=is_group), []).append(spell)
                case Principal(name=name, is_group=is_group):
                    self._principals.setdefault(key_of(name, is_group=is_group), []).append(spell)
                case Role(uid=uid):
                    self._roles.setdefault(int(uid), []).append(spell)
                case _:
                    pass

    def everybody(self, places: Iterable[str]) -> list[PrincipalKey]:
        """Who may ever have held something on one of these objects."""
        holders = self.ever.holders(places)
        return [
            who
            for who in sorted(self.ever.names)
            if who in holders or not holders.isdisjoint(self.ever.groups_of(who))
        ]

    def eras(self, who: PrincipalKey, watch: Watch) -> list[Era]:
        """The time asked about, cut wherever something changed that may matter for them."""
        groups = tuple(self.ever.groups_of(who))
        spells = [spell for key in (who, *groups) for spell in self._grants.get(key, ())]
        roles = {spell.record.role_id for spell in spells if isinstance(spell.record, Grant)}
        spells += [spell for key in (who, *groups) for spell in self._principals.get(key, ())]
        spells += [spell for role in sorted(roles) for spell in self._roles.get(role, ())]
        found = [Era(begin, end, who, spells) for begin, end in _cut(spells, watch)]
        for era in found:
            era.suppose(groups)
        return found

    def objects_of(self, who: PrincipalKey) -> set[str]:
        """The objects on which they ever held a grant, their own or a group's."""
        return {way.grant.entity_ref for way in self.ever.held(who)}


def _cut(spells: Iterable[Spell], watch: Watch) -> Iterator[Span]:
    """The time up to and with the look at its end."""
    changes = {at for spell in spells for at in (spell.since, spell.until) if at is not None}
    within = sorted(at for at in changes if watch.since < at < watch.end)
    moments = [watch.since, *within, watch.end]
    return pairwise(moments)


def held(eras: Sequence[Era], places: Iterable[Place], watch: Watch) -> Held:
    """What somebody held on one machine, whose places are given in their order."""
    tenures = _joined(_pieces(eras, places))
    sure = _joined(msgspec.structs.replace(one, rights=()) for one in tenures if one.is_sure)
    maybe = _joined(msgspec.structs.replace(one, rights=(), is_sure=False) for one in tenures)
    return Held(
        tuple(tenures),
        _spans((one.since, watch.ended(one)) for one in sure),
        _spans((watch.began(one.since), min(one.until, watch.until)) for one in maybe),
    )


def reaches(
    eras: Sequence[Era], places: Iterable[Place], watch: Watch, times: Sequence[Span]
) -> bool:
    """Whether they may have held anything on a machine in these times."""
    return any(
        overlap([(watch.began(one.since), min(one.until, watch.until))], times)
        for one in _pieces(eras, places)
    )


def spans_of(eras: Iterable[Era]) -> list[Span]:
    """The times of some of somebody's eras, those that follow each other as one."""
    found: list[Span] = []
    for era in eras:
        if found and found[-1][1] == era.since:
            found[-1] = (found[-1][0], era.until)
        else:
            found.append((era.since, era.until))
    return found


def _pieces(eras: Sequence[Era], places: Iterable[Place]) -> Iterator[Tenure]:
    for place in places:
        for era in eras:
            since, until = max(place.since, era.since), min(place.until, era.until)
            if since < until:
                rights, is_sure = era.rights(place)
                if rights:
                    yield Tenure(since, until, rights, is_sure)


def _joined(pieces: Iterable[Tenure]) -> list[Tenure]:
    """Those that follow each other and say the same as one."""
    found: list[Tenure] = []
    for one in pieces:
        last = found[-1] if found else None
        if last and (last.until, last.rights, last.is_sure) == (one.since, one.rights, one.is_sure):
            found[-1] = msgspec.structs.replace(last, until=one.until)
        else:
            found.append(one)
    return found


def _spans(found: Iterable[Span]) -> tuple[Span, ...]:
    return tuple((since, until) for since, until in found if since < until)


def overlap(one: Sequence[Span], two: Sequence[Span]) -> list[Span]:
    """The times that are in both, in their order."""
    return [
        (max(mine[0], other[0]), min(mine[1], other[1]))
        for mine in one
        for other in two
        if max(mine[0], other[0]) < min(mine[1], other[1])
    ]


def minutes(spans: Iterable[Span]) -> int:
    """How long, in whole minutes."""
    return int(sum((until - since for since, until in spans), timedelta()) / timedelta(minutes=1))
