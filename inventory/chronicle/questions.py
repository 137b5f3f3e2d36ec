"""What nothing else answers: who was together, who had an address, what a host ran. Everything here
is as far as the person who asks may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Count, Q, QuerySet

from accounts.models import User
from inventory.chronicle import observed
from inventory.chronicle.models import BlindInterval, MacHolding, Stay
from inventory.chronicle.querysets import newest_first
from inventory.chronicle.windows import Window
from inventory.models import Asset, Source
from inventory.records import Kind

PLACES = (Stay.Place.HOST, Stay.Place.DATASTORE, Stay.Place.NETWORK)
PAGE = 100  # neighbours
MOST = 500  # of what is not listed in pages


class Neighbour(msgspec.Struct, kw_only=True):
    """A machine that was in the same place at the same time. Minutes are whole ones.

    `minutes` are those in which both were surely there (and running, on a host); `possible` those
    in which they may have been.
    """

    vm: Asset
    place: Asset | None
    place_ref: str
    minutes: int
    possible: int
    first: datetime
    last: datetime
    by_events: bool  # every beginning is the platform's own word


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """One page of neighbours, and how many there are."""

    rows: list[Neighbour]
    total: int
    machines: int


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """One stay of the one machine and one of the other that overlap: the proof."""

    mine: Stay
    other: Stay
    since: datetime
    until: datetime | None
    minutes: int
    possible: int


def neighbours(
    vm: Asset, user: User, *, window: Window, place: str, now: datetime, start: int = 0
) -> Neighbours:
    """Machines that shared a host, datastore or network with this one, longest together first;
    one row a machine and place. On a host only running machines count. A page from `start` on.
    """
    seen, seen_by = (
        Asset.objects.visible_to(user)
        .filter(kind=Kind.VM, source_id=vm.source_id)
        .order_by()
        .values("pk")
        .query.sql_with_params()
    )
    values = [
        *_bounds(vm.source, window, now),
        vm.pk,
        place,
        window.until,
        window.since,
        vm.source_id,
        *seen_by,
        PAGE,
        start,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS.format(seen=seen), values)
        rows = cursor.fetchall()
    assets = Asset.objects.select_related("source", "team").defer("record")
    named = assets.in_bulk({pk for row in rows for pk in row[:2] if pk is not None})
    places: dict[int | None, Asset] = {
        pk: named[pk] for pk in _visible(user, {row[1] for row in rows}) if pk in named
    }
    found = [
        Neighbour(
            vm=named[other],
            place=places.get(place_id),
            place_ref=ref,
            minutes=int(sure // 60),
            possible=int(possible // 60),
            first=first,
            last=last,
            by_events=by_events,
        )
        for other, place_id, ref, sure, possible, first, last, by_events, *_ in rows
    ]
    total, machines = rows[0][-2:] if rows else (0, 0)
    return Neighbours(rows=found, total=total, machines=machines)


def _visible(user: User, places: set[int | None]) -> set[int]:
    """Of hosts, datastores and networks, those whose names the person may be told."""
    if user.sees_everything:
        return {pk for pk in places if pk is not None}
    named = [pk for pk in places if pk is not None]
    return set(Asset.objects.visible_to(user).filter(pk__in=named).values_list("pk", flat=True))


def meetings(
    vm: Asset, other: Asset, *, window: Window, place: str, now: datetime
) -> list[Meeting]:
    """When exactly two machines were together, and how that is known."""
    of_both = [
        list(
            Stay.objects.filter(vm=one, place_kind=place)
            .between(window.since, window.until)
            .select_related("place", "vm")
            .defer("place__record", "vm__record")
            .order_by("valid_from")
        )
        for one in (vm, other)
    ]
    known_until = _known_until(vm.source, window, now)
    untold = observed.blind([vm.source_id], window, what=BlindInterval.What.EVENTS)
    found = [
        meeting
        for mine in of_both[0]
        for theirs in of_both[1]
        if mine.is_where(theirs)
        and (meeting := _meet(mine, theirs, window, known_until, untold)) is not None
    ]
    return sorted(found, key=lambda one: one.since)


def _meet(
    mine: Stay,
    theirs: Stay,
    window: Window,
    known_until: datetime,
    untold: Sequence[BlindInterval],
) -> Meeting | None:
    both = (mine, theirs)
    if any(stay.is_running is False for stay in both):
        return None
    since = max(window.since, *(stay.began_after or stay.valid_from for stay in both))
    until = min(known_until, *(stay.valid_to or known_until for stay in both))
    if until <= since:
        return None
    surely = max(window.since, *(stay.valid_from for stay in both))
    sure_until = min(known_until, *(_sure_until(stay, known_until) for stay in both))
    is_sure = mine.place_kind != Stay.Place.HOST or all(stay.is_running for stay in both)
    return Meeting(
        mine=mine,
        other=theirs,
        since=since,
        until=until,
        minutes=int(_told(surely, sure_until, untold) / timedelta(minutes=1)) if is_sure else 0,
        possible=int((until - since) / timedelta(minutes=1)),
    )


def _told(since: datetime, until: datetime, untold: Sequence[BlindInterval]) -> timedelta:
    """How much of a time was observed; of what happened in the rest nobody was told."""
    length, at = timedelta(), since
    for one in untold:  # in the order of their beginnings
        length += max(min(one.began_at, until) - at, timedelta())
        at = max(at, min(one.ended_at or until, until))
    return length + max(until - at, timedelta())


def _sure_until(stay: Stay, known_until: datetime) -> datetime:
    return stay.sure_until or known_until if stay.valid_to else known_until


def _known_until(source: Source, window: Window, now: datetime) -> datetime:
    """Nothing is known of the time after that."""
    return min(window.until, source.known_until or now, now)


def _bounds(source: Source, window: Window, now: datetime) -> list[datetime]:
    return [window.since, _known_until(source, window, now)]


# A place is what it was when somebody was there; where that was never collected, what the platform
# called it. Where neither may have run they were not together; where one did not say, they may have
# been. What happened while events were not told cannot be sure, whatever was so before and after.
_NEIGHBOURS = """
WITH asked AS (SELECT %s::timestamptz AS since, %s::timestamptz AS until),
mine AS (
    SELECT s.* FROM inventory_stay s
    WHERE s.vm_id = %s AND s.place_kind = %s AND s.is_running IS NOT FALSE
      AND coalesce(s.began_after, s.valid_from) < %s
      AND (s.valid_to IS NULL OR s.valid_to > %s)
),
untold AS (
    SELECT coalesce(range_agg(tstzrange(b.began_at, b.ended_at)), '{{}}') AS times
    FROM inventory_blindinterval b WHERE b.source_id = %s AND b.what = 'events'
),
met AS (
    SELECT o.vm_id, coalesce(o.place_id, m.place_id) AS place_id, o.place_ref,
        greatest(asked.since, coalesce(m.began_after, m.valid_from),
                 coalesce(o.began_after, o.valid_from)) AS since,
        least(asked.until, m.valid_to, o.valid_to) AS until,
        greatest(asked.since, m.valid_from, o.valid_from) AS sure_since,
        least(asked.until, m.sure_until, o.sure_until) AS sure_until,
        m.place_kind <> 'host' OR (m.is_running AND o.is_running) IS TRUE AS is_sure,
        m.basis = 'event' AND o.basis = 'event' AS by_events
    FROM asked CROSS JOIN mine m
    CROSS JOIN LATERAL (
        SELECT * FROM inventory_stay s WHERE s.place_id = m.place_id
        UNION ALL
        SELECT * FROM inventory_stay s
        WHERE s.source_id = m.source_id AND s.place_kind = m.place_kind
          AND s.place_ref = m.place_ref AND (s.place_id IS NULL OR m.place_id IS NULL)
    ) o
    WHERE o.vm_id <> m.vm_id AND o.is_running IS NOT FALSE
        AND coalesce(o.began_after, o.valid_from) < least(asked.until, m.valid_to)
        AND (o.valid_to IS NULL
             OR o.valid_to > greatest(asked.since, coalesce(m.began_after, m.valid_from)))
        AND o.vm_id IN ({seen})
),
together AS (SELECT vm_id, place_id, max(place_ref) AS place_ref,
    sum(CASE WHEN is_sure AND sure_until > sure_since THEN (
        SELECT coalesce(sum(extract(epoch FROM upper(told) - lower(told))), 0)
        FROM unnest(tstzmultirange(tstzrange(sure_since, sure_until)) - untold.times) AS told
    ) ELSE 0 END) AS sure,
    sum(extract(epoch FROM until - since)) AS possible, min(since) AS first, max(until) AS last,
    bool_and(by_events) AS by_events
FROM met CROSS JOIN untold WHERE until > since
GROUP BY vm_id, place_id, CASE WHEN place_id IS NULL THEN place_ref END)
SELECT t.*, (SELECT count(*) FROM together), (SELECT count(DISTINCT vm_id) FROM together)
FROM together t ORDER BY sure DESC, possible DESC, vm_id, place_ref LIMIT %s OFFSET %s
"""


# --- addresses ----------------------------------------------------------------------------------


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A card that had the address, and the hosts its machine was on meanwhile, latest first."""

    holding: MacHolding
    stays: list[Stay]

    @property
    def hosts(self) -> list[Stay]:
        """The stay that began each time on a host; being started there is not coming there."""
        earlier = [*self.stays[1:], None]
        return [
            stay
            for stay, before in zip(self.stays, earlier, strict=True)
            if before is None or not before.is_where(stay)
        ]


def as_mac(text: str) -> str:
    """An address as it is kept, whatever stands between its digits; empty when it is none."""
    digits = "".join(character for character in text.lower() if character.isalnum())
    if len(digits) != 12 or any(character not in "0123456789abcdef" for character in digits):
        return ""
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def holders(mac: str, user: User, *, at: datetime | None = None) -> list[Holder]:
    """Who has or had an address, latest first; with `at`, who had it then."""
    found: Any = MacHolding.objects.visible_to(user).of(mac)
    if at is not None:
        found = found.at(at)
    rows = list(
        newest_first(
            found.select_related("vm__source", "vm__team", "network").defer(
                "vm__record", "network__record"
            )
        )[:MOST]
    )
    stays = _meanwhile(rows, at=at)
    return [Holder(holding=row, stays=stays[row.pk]) for row in rows]


def hosts_of(
    holdings: Sequence[MacHolding], *, at: datetime | None = None
) -> dict[int, list[Stay]]:
    """By holding, the hosts its machine was on meanwhile, latest first; with `at`, the one then."""
    stays = _meanwhile(holdings, at=at)
    return {row.pk: Holder(holding=row, stays=stays[row.pk]).hosts for row in holdings}


def _meanwhile(holdings: Sequence[MacHolding], *, at: datetime | None) -> dict[int, list[Stay]]:
    stays = _host_stays({row.vm_id for row in holdings}, at=at)
    return {
        row.pk: [stay for stay in stays.get(row.vm_id, []) if _overlap(stay, row)]
        for row in holdings
    }


def shared_addresses(user: User) -> list[tuple[str, int]]:
    """Addresses that more than one card has now, of those the person may see, and how many."""
    held: Any = MacHolding.objects.visible_to(user).filter(valid_to=None)
    counted = held.order_by().values("mac").annotate(n=Count("*")).filter(n__gt=1)
    return list(counted.order_by("-n", "mac").values_list("mac", "n")[:PAGE])


def _host_stays(machines: Iterable[int], *, at: datetime | None) -> dict[int, list[Stay]]:
    found = Stay.objects.filter(vm__in=machines, place_kind=Stay.Place.HOST)
    if at is not None:
        found = found.at(at)
    by_vm: dict[int, list[Stay]] = {}
    for stay in newest_first(found.select_related("place").defer("place__record")):
        by_vm.setdefault(stay.vm_id, []).append(stay)
    return by_vm


def _overlap(stay: Stay, holding: MacHolding) -> bool:
    begins_in_time = holding.valid_to is None or stay.valid_from < holding.valid_to
    return begins_in_time and (stay.valid_to is None or stay.valid_to > holding.valid_from)


# --- hosts --------------------------------------------------------------------------------------


def ran(place: Asset, user: User, *, window: Window) -> QuerySet[Stay]:
    """The stays of machines on a host (datastore, network) in a window, in their order."""
    kind = {Kind.HOST: "host", Kind.DATASTORE: "datastore", Kind.NETWORK: "network"}
    not_known = Q(place=None, place_kind=kind[Kind(place.kind)], place_ref=place.ref)
    found = Stay.objects.visible_to(user).filter(
        Q(place=place) | not_known, source_id=place.source_id
    )
    stays: QuerySet[Stay] = (
        found.between(window.since, window.until)
        .with_places()
        .order_by("vm__sort_name", "vm_id", "valid_from", "pk")
    )
    return stays
