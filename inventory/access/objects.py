"""Who may do what with one object, and by which grants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import msgspec

from inventory.access.duties import Duty
from inventory.access.effective import Access, Standing, Way
from inventory.access.places import standing_of
from inventory.access.principals import PrincipalKey
from inventory.records import AnyRecord, Datastore, Kind, kind_of

# The duties that are about an object of a kind, as what they let somebody do with one.
CONCERNING: Final[dict[Kind, dict[Duty, str]]] = {
    Kind.VM: {
        Duty.VM_ACCESS: "enter",
        Duty.VM_LIFECYCLE: "run",
        Duty.FILE_ADMIN: "copy",
        Duty.ACCESS_ADMIN: "grant access",
    },
    Kind.IMAGE: {
        Duty.VM_LIFECYCLE: "make machines of it",
        Duty.FILE_ADMIN: "copy",
        Duty.ACCESS_ADMIN: "grant access",
    },
    Kind.HOST: {Duty.HOST_ADMIN: "administer", Duty.ACCESS_ADMIN: "grant access"},
    Kind.CLUSTER: {Duty.HOST_ADMIN: "administer", Duty.ACCESS_ADMIN: "grant access"},
    Kind.NETWORK: {Duty.NETWORK_ADMIN: "change", Duty.ACCESS_ADMIN: "grant access"},
    Kind.SWITCH: {Duty.NETWORK_ADMIN: "change", Duty.ACCESS_ADMIN: "grant access"},
    Kind.DATASTORE: {Duty.FILE_ADMIN: "copy files", Duty.ACCESS_ADMIN: "grant access"},
}
# Privileges over files that count where the files are, not on what they belong to.
OF_FILES: Final = ("Datastore.", "ContentLibrary.")
_ELSEWHERE: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.VM: OF_FILES,
    Kind.IMAGE: ("Datastore.",),  # one may be an item of a library
}


class Right(msgspec.Struct, frozen=True):
    """What somebody holds by one grant; `duties` is None when the role does not tell."""

    way: Way
    duties: frozenset[Duty] | None


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with rights on the object: a user, or a group of whom nobody knows who is in it."""

    who: PrincipalKey
    name: str
    full_name: str | None
    rights: tuple[Right, ...]

    @property
    def duties(self) -> frozenset[Duty]:
        """What they are known to be able to do."""
        return frozenset(duty for right in self.rights for duty in right.duties or ())

    @property
    def unsure(self) -> bool:
        """Whether they may be able to do more than is known."""
        return any(right.duties is None for right in self.rights)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The holders, and whether there may be more: then these are "at least these"."""

    holders: tuple[Holder, ...]
    place_known: bool

    @property
    def groups_unknown(self) -> tuple[str, ...]:
        """The groups among them whose members are not known."""
        return tuple(holder.name for holder in self.holders if holder.who.is_group)

    @property
    def whole(self) -> bool:
        return (
            self.place_known
            and not self.groups_unknown
            and not any(holder.unsure for holder in self.holders)
        )


def who_may(
    record: AnyRecord,
    access: Access,
    *,
    cluster: str | None = None,
    datastores: Iterable[Datastore] | None = (),
) -> Answer:
    """Everybody with one of the duties that concern such an object, most of them first.

    For a machine `cluster` is that of its host, and for an image as well `datastores` are those the
    files are on: None when they are not known. Global permissions are in no record.
    """
    standing = standing_of(record, access, cluster=cluster)
    has_files = kind_of(record) in _ELSEWHERE
    files = [standing_of(each, access) for each in datastores or ()] if has_files else []
    holders = []
    for who in access.actors(_refs((standing, *files))):
        found = rights_on(kind_of(record), access, who, standing, files)
        if found:
            known = access.principals.get(who)
            holders.append(
                Holder(
                    who=who,
                    name=access.names[who],
                    full_name=known.full_name if known else None,
                    rights=found,
                )
            )
    return Answer(
        holders=tuple(sorted(holders, key=lambda one: (-len(one.duties), one.who))),
        place_known=standing.whole
        and datastores is not None
        and all(place.whole for place in files),
    )


def rights_on(
    kind: Kind,
    access: Access,
    who: PrincipalKey,
    standing: Standing,
    files: Iterable[Standing] = (),
) -> tuple[Right, ...]:
    """By which grants somebody has a duty that concerns such an object, or may have one.

    `files` is where the files of a machine or an image are.
    """
    beyond = _ELSEWHERE.get(kind, ())

    def found() -> Iterator[Right]:
        for way in access.on(standing, who):
            yield Right(way, access.duties(way.grant, beyond=beyond))
        for place in files:
            for way in access.on(place, who):
                yield Right(way, access.duties(way.grant, only=OF_FILES))

    return _of_interest(found(), frozenset(CONCERNING[kind]))


def _refs(standings: Iterable[Standing]) -> set[str]:
    """Every object whose grants can count."""
    return {ref for each in standings for ref in (each.ref, *chain.from_iterable(each.chains))}


def _of_interest(found: Iterable[Right], concerning: frozenset[Duty]) -> tuple[Right, ...]:
    """One right for each grant, with what it gives here and on the datastores taken together."""
    merged: dict[str, Right] = {}
    for right in found:
        before = merged.get(right.way.grant.uid)
        held = None if right.duties is None else right.duties & concerning
        if before is not None and before.duties is not None and held is not None:
            held |= before.duties
        merged[right.way.grant.uid] = Right(right.way, held)
    return tuple(right for right in merged.values() if right.duties is None or right.duties)
