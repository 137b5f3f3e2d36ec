"""Who may do what: about a machine, and about a user or group. For who sees the whole estate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from inventory import reach
from inventory.access.duties import WORDS, Duty
from inventory.access.effective import Access, Way
from inventory.access.holdings import Clash, Held, Scope, clashes, scopes_of
from inventory.access.objects import CONCERNING, Holder
from inventory.access.principals import PrincipalKey, key_of, uid_of
from inventory.history import typed
from inventory.models import Asset
from inventory.records import AnyRecord, Grant, Kind, Principal, kind_of
from inventory.views.around import MOST, Subject

MOST_HOLDERS = 50


class Step(msgspec.Struct, frozen=True):
    """One way somebody came by something, as it is shown."""

    grant: Grant
    address: int | None  # the key of the grant's page
    groups: tuple[tuple[str, int | None], ...]
    words: tuple[str, ...] | None  # what it gives; None: not known
    counts: bool = True
    below: bool = True


class Line(msgspec.Struct, frozen=True):
    """Somebody with rights on an object."""

    holder: Holder
    address: int | None
    words: tuple[str, ...]
    steps: tuple[Step, ...]


class Place(msgspec.Struct, frozen=True):
    """A scope of a principal, as it is shown."""

    scope: Scope
    steps: tuple[Step, ...]


class Conflict(msgspec.Struct, frozen=True):
    """Two duties in one hand, and where."""

    one: str
    two: str
    where: tuple[str, ...]  # names of data centers; empty: everywhere
    is_certain: bool


def on_machine(subject: Subject) -> dict[str, Any]:
    """Who can get at a machine or an image; `reach` is None where that is not to be told."""
    found = reach.reach_of(subject.asset.source_id, by=subject.user)
    if found is None or subject.asset.gone_at:
        return {"reach": None, "sees_everything": subject.user.sees_everything}
    around = [
        typed(asset.record)
        for (kind, _), asset in subject.names.assets.items()
        if kind in (Kind.HOST, Kind.DATASTORE) and asset.gone_at is None
    ]
    answer = reach.answer_for(subject.record, found, subject.asset.source_id, around=around)
    return {
        "reach": answer,
        "holders": [_line(one, subject.record, found) for one in answer.holders[:MOST_HOLDERS]],
        "sees_everything": True,
    }


def _line(holder: Holder, record: AnyRecord, found: reach.Reach) -> Line:
    words = CONCERNING[kind_of(record)]
    return Line(
        holder,
        found.principal(holder.who),
        in_order(holder.duties, words) or (),
        tuple(step_of(right.way, found, in_order(right.duties, words)) for right in holder.rights),
    )


def in_order(duties: frozenset[Duty] | None, words: dict[Duty, str]) -> tuple[str, ...] | None:
    return None if duties is None else tuple(w for duty, w in words.items() if duty in duties)


def step_of(way: Way, found: reach.Addresses, words: tuple[str, ...] | None, **more: bool) -> Step:
    groups = tuple((name, found.principal(key_of(name, is_group=True))) for name in way.through)
    return Step(way.grant, found.grant(way.grant), groups, words, **more)


def of_principal(subject: Subject) -> dict[str, Any]:
    """What a user or group holds where, by which way, and what of it conflicts."""
    record = subject.record
    found = reach.reach_of(subject.asset.source_id, by=subject.user)
    if not isinstance(record, Principal) or found is None:
        return {}
    who, access = key_of(record.name, is_group=record.is_group), found.access
    scopes = scopes_of(access, who)
    members = None if record.members is None else record.members[:MOST]
    return {
        "places": [_place(scope, found) for scope in scopes],
        "conflicts": _conflicts(clashes(scopes)),
        "duty_words": in_order(frozenset().union(*(one.duties for one in scopes)), WORDS),
        "groups": [
            (access.names[group], found.principal(group), through[:-1])
            for group, through in access.groups_of(who).items()
        ],
        "members": None
        if members is None
        else [(one, found.principal(key_of(one.name, is_group=one.is_group))) for one in members],
        "silent": _silent(access, who, found),
    }


def _place(scope: Scope, found: reach.Reach) -> Place:
    return Place(scope, tuple(_held(one, found) for one in scope.held))


def _held(one: Held, found: reach.Reach) -> Step:
    return step_of(one.way, found, in_order(one.duties, WORDS), counts=one.counts, below=one.below)


def _conflicts(found: Iterable[Clash]) -> list[Conflict]:
    """A line for each pair; one that is everywhere need not be named in each data center."""
    pairs: dict[tuple[Duty, Duty], list[str | None]] = {}
    for clash in found:
        pairs.setdefault((clash.one, clash.two), []).append(clash.territory)
    return [
        Conflict(
            WORDS[one],
            WORDS[two],
            () if "" in where else tuple(sorted(name for name in where if name)),
            is_certain=any(name is not None for name in where),
        )
        for (one, two), where in pairs.items()
    ]


def _silent(access: Access, who: PrincipalKey, found: reach.Reach) -> list[tuple[str, int | None]]:
    """Groups that somebody may be in without our knowing."""
    return [
        (access.names[group], found.principal(group))
        for group in access.unknown_groups
        if group != who
    ]


def of_grant(subject: Subject) -> dict[str, Any]:
    """The page of who holds it."""
    record = subject.record
    if not isinstance(record, Grant):
        return {}
    uid = uid_of(key_of(record.principal, is_group=record.is_group))
    holder: Asset | None = subject.visible(Kind.PRINCIPAL).filter(uid=uid).first()
    return {"holder": holder}
