"""Machines that the log alone tells of: they came and went between two collections, or came after
the last one. They are nobody's and are told to whoever sees the whole estate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

import msgspec
from django.db.models import QuerySet

from accounts.models import User
from inventory.chronicle.intervals import HOST, Held, derive
from inventory.chronicle.meanings import meaning
from inventory.chronicle.models import PlatformEvent, Stay
from inventory.chronicle.naming import Name, names_of
from inventory.chronicle.windows import Window
from inventory.models import Asset
from inventory.records import Kind

MOST = 100  # machines
MOST_EVENTS = 10_000  # of them


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """A time of such a machine on a host. `until` is None when no event tells that it ended."""

    name: str
    ref: str
    place: Asset | None
    place_ref: str
    is_running: bool | None
    since: datetime
    until: datetime | None


def on(place: Asset, user: User, *, window: Window) -> list[Passing]:
    """Those on a host in a window, in the order of their coming."""
    if not user.sees_everything or place.kind != Kind.HOST:
        return []
    return _passing(place.source_id, [(place, name) for name in names_of(place)], window)


def near(vm: Asset, user: User, *, window: Window) -> list[Passing]:
    """Those that were on a host while a machine may have run there, in the order they came."""
    if not user.sees_everything:
        return []
    stays = (
        Stay.objects.filter(vm=vm, place_kind=Stay.Place.HOST)
        .exclude(is_running=False)
        .between(window.since, window.until)
        .select_related("place")
        .defer("place__record")
    )
    named = [
        (stay.place, Name(stay.place_ref, stay.began_after or stay.valid_from, stay.valid_to))
        for stay in stays
    ]
    found = _passing(vm.source_id, named, window)
    return [one for one in found if one.is_running is not False]


def _passing(
    source_id: int, named: Sequence[tuple[Asset | None, Name]], window: Window
) -> list[Passing]:
    refs = {name.ref for _, name in named}
    if not refs:
        return []
    lone = PlatformEvent.objects.filter(source_id=source_id, vm=None).exclude(vm_ref="")
    there = lone.filter(host_ref__in=refs, happened_at__lte=window.until).order_by()
    found = [
        _placed(told, one, place)
        for told, held in _lives(lone.filter(vm_ref__in=there.values("vm_ref").distinct()))
        for one in held
        for place, name in named
        if one.value.ref == name.ref
        and one.valid_from < window.until
        and (one.valid_to is None or one.valid_to > window.since)
        and name.may_hold(one.valid_from, one.valid_to)
    ]
    return sorted(_once(found), key=lambda one: (one.since, one.ref))[:MOST]


def _lives(events: QuerySet[PlatformEvent]) -> Iterator[tuple[PlatformEvent, list[Held]]]:
    """The newest event of each machine, and where it was from when to when as they tell it."""
    rows = list(events.order_by("vm_ref", "happened_at", "key")[:MOST_EVENTS])
    for _, group in groupby(rows, key=lambda row: row.vm_ref):
        of_one = list(group)
        said = [
            meaning(row.type, at=row.happened_at, host_ref=row.host_ref, detail=row.detail)
            for row in of_one
        ]
        held = derive([], [one for one in said if one is not None])
        yield of_one[-1], [one for one in held if one.key == HOST]


def _placed(told: PlatformEvent, one: Held, place: Asset | None) -> Passing:
    return Passing(
        name=told.vm_name,
        ref=told.vm_ref,
        place=place,
        place_ref=one.value.ref,
        is_running=one.value.is_running,
        since=one.valid_from,
        until=one.valid_to,
    )


def _once(found: Iterable[Passing]) -> Iterator[Passing]:
    """Each time once, however many stays of the machine that is asked about it met."""
    seen = set()
    for one in found:
        if (one.ref, one.since) not in seen:
            seen.add((one.ref, one.since))
            yield one
