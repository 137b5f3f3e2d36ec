"""What principals may do where, as vSphere decides it: from records, of whatever moment.

On an object the nearest grants decide: those on the object itself, else the nearest further up that
reach what is below, along each chain of containers the object stands in; what several chains give
adds up. Of the grants on one object the user's own decides alone; without one, those of all the
user's groups add up. So a grant nearer to the object can take away what one further up gives.

Who is in a group whose members are not known cannot be said: an answer is "at least these".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from functools import cached_property

import msgspec

from inventory.access.duties import ADMINISTRATOR, Duty, duties
from inventory.access.principals import PrincipalKey, key_of
from inventory.records import AnyRecord, Grant, Principal, Role

EVERY_DUTY = frozenset(Duty)


class Way(msgspec.Struct, frozen=True):
    """A grant by which somebody holds something: their own, or that of the last of some groups."""

    grant: Grant
    through: tuple[str, ...] = ()  # names of groups; each is a member of the next

    @property
    def holder(self) -> PrincipalKey:
        return holder_of(self.grant)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An object and the containers it stands in: chains of references, nearest first."""

    ref: str
    chains: tuple[tuple[str, ...], ...] = ()
    whole: bool = True  # whether these are all


def holder_of(grant: Grant) -> PrincipalKey:
    return key_of(grant.principal, is_group=grant.is_group)


def is_below(path: str, container: str) -> bool:
    """Whether one inventory path is another, or within it."""
    return f"{path}/".startswith(f"{container.rstrip('/')}/")


class Access:
    """The roles, grants and principals of one source at one moment, asked about."""

    def __init__(self, records: Iterable[AnyRecord]) -> None:
        self.grants: list[Grant] = []
        self.names: dict[PrincipalKey, str] = {}
        self.principals: dict[PrincipalKey, Principal] = {}
        self._privileges: dict[int, tuple[str, ...] | None] = {}
        self._duties: dict[
            tuple[int, tuple[str, ...], tuple[str, ...]], frozenset[Duty] | None
        ] = {}
        self._at: dict[str, dict[PrincipalKey, list[Grant]]] = {}
        self._of: dict[PrincipalKey, list[Grant]] = {}
        self._groups: dict[
            PrincipalKey, list[PrincipalKey]
        ] = {}  # member → groups it is in directly
        self._memberships: dict[PrincipalKey, dict[PrincipalKey, tuple[str, ...]]] = {}
        for record in records:
            self._add(record)

    def _add(self, record: AnyRecord) -> None:
        match record:
            case Role():
                self._privileges[int(record.uid)] = record.privileges
            case Grant():
                holder = holder_of(record)
                self.grants.append(record)
                here = self._at.setdefault(record.entity_ref, {})
                here.setdefault(holder, []).append(record)
                self._of.setdefault(holder, []).append(record)
                self.names.setdefault(holder, record.principal)
            case Principal():
                group = key_of(record.name, is_group=record.is_group)
                self.principals[group] = record
                self.names[group] = record.name
                for member in record.members or ():
                    inner = key_of(member.name, is_group=member.is_group)
                    self.names.setdefault(inner, member.name)
                    self._groups.setdefault(inner, []).append(group)
            case _:
                pass

    @property
    def root(self) -> str | None:
        """The root of the inventory, if anybody holds a grant there."""
        return next((grant.entity_ref for grant in self.grants if grant.at_root), None)

    @property
    def places(self) -> tuple[str, ...]:
        """The objects that somebody holds a grant on."""
        return tuple(self._at)

    def above(self, path: str | None) -> tuple[str, ...]:
        """The objects of grants whose path is this one or above it, nearest first."""
        if path is None:
            return ()
        found = {
            grant.entity_path: grant.entity_ref
            for grant in self.grants
            if grant.entity_path and is_below(path, grant.entity_path)
        }
        return tuple(ref for _, ref in sorted(found.items(), key=lambda one: -len(one[0])))

    def duties(
        self, grant: Grant, *, beyond: tuple[str, ...] = (), only: tuple[str, ...] = ("",)
    ) -> frozenset[Duty] | None:
        """What a grant's role lets its holders do; None when its privileges are not known.

        Of its privileges those count that begin with one of `only` and with none of `beyond`.
        """
        asked = (grant.role_id, beyond, only)
        if asked not in self._duties:
            self._duties[asked] = self._duties_of(*asked)
        return self._duties[asked]

    def _duties_of(
        self, role_id: int, beyond: tuple[str, ...], only: tuple[str, ...]
    ) -> frozenset[Duty] | None:
        held = self._privileges.get(role_id)
        if held is None:
            return EVERY_DUTY if role_id == ADMINISTRATOR else None
        return duties(one for one in held if one.startswith(only) and not one.startswith(beyond))

    def members_known(self, who: PrincipalKey) -> bool:
        """Whether it is known who acts under this name: a user, or a group that told."""
        if not who.is_group:
            return True
        found = self.principals.get(who)
        return found is not None and found.members is not None

    @cached_property
    def unknown_groups(self) -> tuple[PrincipalKey, ...]:
        """The groups that hold a grant, or are in one that does, and may have any member."""
        return tuple(who for who in sorted(self.names) if not self.members_known(who))

    def actors(self, places: Iterable[str] | None = None) -> list[PrincipalKey]:
        """Everybody who may hold something, on some of these objects where they are given: users,
        and groups whose members are not known.
        """
        found: set[PrincipalKey] = set()
        waiting = list(self.names)
        if places is not None:
            waiting = list(self.holders(places))
        while waiting:
            who = waiting.pop()
            if who not in found:
                found.add(who)
                waiting += self._inside(who)
        return [who for who in sorted(found) if not (who.is_group and self.members_known(who))]

    def holders(self, places: Iterable[str]) -> set[PrincipalKey]:
        """Whose names stand on grants on some of these objects."""
        return {who for place in places for who in self._at.get(place, ())}

    def _inside(self, group: PrincipalKey) -> list[PrincipalKey]:
        told = self.principals.get(group)
        members = (told.members if told else None) or ()
        return [key_of(member.name, is_group=member.is_group) for member in members]

    def groups_of(self, who: PrincipalKey) -> dict[PrincipalKey, tuple[str, ...]]:
        """Every group somebody is in, however deep, with the shortest way into it."""
        if who not in self._memberships:
            found: dict[PrincipalKey, tuple[str, ...]] = {}
            waiting: deque[tuple[PrincipalKey, tuple[str, ...]]] = deque([(who, ())])
            while waiting:
                at, way = waiting.popleft()
                for group in sorted(self._groups.get(at, ())):
                    if group != who and group not in found:
                        # One that is supposed may be told of no more, and has no name but its key.
                        found[group] = (*way, self.names.get(group, group.text))
                        waiting.append((group, found[group]))
            self._memberships[who] = found
        return self._memberships[who]

    def supposing(self, who: PrincipalKey, groups: Iterable[PrincipalKey] | None = None) -> Access:
        """The same with somebody in every group whose members are not known, or in those of them
        that are given: the most they may be able to do, where `held` is the least.
        """
        asked = self.unknown_groups if groups is None else groups
        groups = [group for group in asked if group != who and not self.members_known(group)]
        supposed = copy(self)
        supposed._groups = {**self._groups, who: [*self._groups.get(who, ()), *groups]}
        supposed._memberships = {}
        return supposed

    def held(self, who: PrincipalKey) -> list[Way]:
        """Every grant somebody has, their own first, whether or not a nearer one overrides it."""
        own = [Way(grant) for grant in self._of.get(who, ())]
        return own + [
            Way(grant, through)
            for group, through in self.groups_of(who).items()
            for grant in self._of.get(group, ())
        ]

    def on(self, standing: Standing, who: PrincipalKey) -> tuple[Way, ...]:
        """The grants that decide what somebody may do on an object; empty when there is none."""
        here = self.decisive(standing.ref, who)
        if here:
            return here
        found: dict[str, Way] = {}
        for chain in standing.chains:
            found |= {way.grant.uid: way for way in self._inherited(chain, who)}
        return tuple(found.values())

    def _inherited(self, chain: tuple[str, ...], who: PrincipalKey) -> tuple[Way, ...]:
        reaching = (self.decisive(ref, who, below=True) for ref in chain)
        return next((ways for ways in reaching if ways), ())

    def decisive(self, ref: str, who: PrincipalKey, *, below: bool = False) -> tuple[Way, ...]:
        """The grants on one object that decide for somebody there, or `below` it."""
        held = self._at.get(ref)
        return () if held is None else tuple(self._decisive(held, who, below=below))

    def _decisive(
        self, held: dict[PrincipalKey, list[Grant]], who: PrincipalKey, *, below: bool
    ) -> Iterator[Way]:
        own = [grant for grant in held.get(who, ()) if grant.propagate or not below]
        yield from map(Way, own)
        if own and not who.is_group:
            return
        for group, through in self.groups_of(who).items():
            for grant in held.get(group, ()):
                if grant.propagate or not below:
                    yield Way(grant, through)
