"""What one principal holds where, by which grants, and which of it should not be in one hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from inventory.access.duties import CONFLICTS, Duty, conflicting
from inventory.access.effective import Access, Way
from inventory.access.principals import PrincipalKey
from inventory.records import Grant


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One grant of a principal's, and where it decides.

    Neither `here` nor `below`: their own grant on the same object takes its place.
    """

    way: Way
    duties: frozenset[Duty] | None  # None: the role's privileges are not known
    here: bool
    below: bool

    @property
    def counts(self) -> bool:
        return self.here or self.below


class Scope(msgspec.Struct, frozen=True):
    """An object on which a principal holds something; nearer ones decide for what is below them."""

    grant: Grant  # one of those on the object: it says which one
    held: tuple[Held, ...]

    @property
    def duties(self) -> frozenset[Duty]:
        return frozenset(duty for one in self.held if one.counts for duty in one.duties or ())

    @property
    def reaches_below(self) -> bool:
        return any(one.below for one in self.held)


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """Two duties that exclude each other in one hand, in one data center."""

    one: Duty
    two: Duty
    territory: str | None  # "" everywhere; None where the place of a grant is not known
    by_one: tuple[Way, ...]
    by_two: tuple[Way, ...]


def scopes_of(access: Access, who: PrincipalKey) -> list[Scope]:
    """Every object on which somebody holds a grant, their own or a group's; the root first."""
    by_object: dict[str, list[Way]] = {}
    for way in access.held(who):
        by_object.setdefault(way.grant.entity_ref, []).append(way)
    found = [_scope(access, who, ref, ways) for ref, ways in by_object.items()]
    return sorted(
        found, key=lambda one: (not one.grant.at_root, _place(one.grant), one.grant.entity_ref)
    )


def _place(grant: Grant) -> str:
    return grant.entity_path or grant.entity_name or ""


def _scope(access: Access, who: PrincipalKey, ref: str, ways: Sequence[Way]) -> Scope:
    here = {way.grant.uid for way in access.decisive(ref, who)}
    below = {way.grant.uid for way in access.decisive(ref, who, below=True)}
    held = tuple(
        Held(
            way=way,
            duties=access.duties(way.grant),
            here=way.grant.uid in here,
            below=way.grant.uid in below,
        )
        for way in ways
    )
    return Scope(ways[0].grant, held)


def territory(grant: Grant) -> str | None:
    """The data center a grant is in, "" for the root: hosts and machines of one are in two trees.

    None when the path of its object is not known.
    """
    if grant.at_root:
        return ""
    path = grant.entity_path
    return None if path is None else path.strip("/").partition("/")[0]


def clashes(
    scopes: Sequence[Scope],
    pairs: Iterable[tuple[Duty, Duty]] = CONFLICTS,
    *,
    without_roles: frozenset[int] = frozenset(),
    replacing: bool = True,
) -> list[Clash]:
    """The duties that exclude each other, in each data center where both are held.

    Without `replacing` no grant takes the place of one further up: for scopes that are supposed.
    """
    pairs = tuple(pairs)
    found = []
    for where, ways in _by_territory(scopes, without_roles, replacing=replacing).items():
        for one, two in conflicting(frozenset(ways), pairs):
            found.append(
                Clash(
                    one=one,
                    two=two,
                    territory=where,
                    by_one=tuple(ways[one]),
                    by_two=tuple(ways[two]),
                )
            )
    return found


Ways = dict[Duty, list[Way]]


def _by_territory(
    scopes: Sequence[Scope], without: frozenset[int], *, replacing: bool
) -> dict[str | None, Ways]:
    """Duty → ways to it, everywhere ("") and in each data center where there is anything else.

    What is held at the root is held in a data center too, unless a grant on the data center itself
    takes its place. What is at an unknown place may be in any: it is put together with everything.
    """
    placed: dict[str | None, list[Scope]] = {}
    for scope in scopes:
        placed.setdefault(territory(scope.grant), []).append(scope)
    everywhere = placed.pop("", [])
    found: dict[str | None, Ways] = {"": {}}
    _add(found[""], everywhere, without)
    for where, inside in placed.items():
        ways = found.setdefault(where, {})
        if where is None:
            _add(ways, scopes, without)
            continue
        _add(ways, inside, without)
        if not (replacing and any(_is_whole_of(where, scope) for scope in inside)):
            _add(ways, everywhere, without, inherited=True)
    return found


def _is_whole_of(where: str, scope: Scope) -> bool:
    """Whether a scope takes the place of all that is held further up."""
    return scope.reaches_below and scope.grant.entity_path == f"/{where}"


def _add(
    ways: Ways, scopes: Iterable[Scope], without: frozenset[int], *, inherited: bool = False
) -> None:
    for scope in scopes:
        for one in scope.held:
            counts = one.below if inherited else one.counts
            if counts and one.way.grant.role_id not in without:
                for duty in one.duties or ():
                    ways.setdefault(duty, []).append(one.way)
