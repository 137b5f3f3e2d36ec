"""Publish → who was where: the intervals of the machines that something new is known of.

They are derived anew from all that is kept of a machine and written only where they differ, so it
does not matter in which order, how often or how late its versions and events arrived.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from inventory.chronicle.intervals import (
    HOST,
    Card,
    Gap,
    Gone,
    Held,
    Host,
    Key,
    Poll,
    State,
    derive,
)
from inventory.chronicle.meanings import TYPES, meaning
from inventory.models import Source
from inventory.raw import fetch

AT_ONCE = 2_000  # machines
_RUNNING = {"on": True, "off": False, "suspended": False}


def follow(source: Source, machines: Iterable[int]) -> int:
    """Derive the intervals of these machines again; how many of them changed.

    Belongs into the publishing transaction, after versions and events were written.
    """
    wanted = sorted({*machines, *_never_followed(source)})
    if not wanted:
        return 0
    looks = [Look(*row) for row in fetch(_LOOKS, {"source": source.pk})]
    gaps = [Gap(*row) for row in fetch(_GAPS, {"source": source.pk})]
    changed = 0
    for begin in range(0, len(wanted), AT_ONCE):
        part = wanted[begin : begin + AT_ONCE]
        changed += _follow(source, part, looks, gaps)
    return changed


def _follow(
    source: Source,
    machines: list[int],
    looks: Sequence[Look],
    gaps: Sequence[Gap],
) -> int:
    polls, told = _polls(machines, looks, gaps), _told(machines)
    lives = {vm: derive(polls.get(vm, []), told.get(vm, []), gaps) for vm in machines}
    places = Places(source, {_place_of(one)[1] for held in lives.values() for one in held}, looks)
    stays: dict[int, list[tuple[Any, ...]]] = {}
    cards: dict[int, list[tuple[Any, ...]]] = {}
    for vm, held in lives.items():
        stays[vm] = list(_stays(vm, source.pk, held, places))
        cards[vm] = list(_cards(vm, source.pk, held, places))
    return len(_replace(_STAY, stays) | _replace(_CARD, cards))


# --- what is known ----------------------------------------------------------------------------


class Look(NamedTuple):
    """A collection of all machines: when it began to read, and when it had read everything."""

    at: datetime
    until: datetime


def _polls(
    machines: list[int], looks: Sequence[Look], gaps: Sequence[Gap]
) -> dict[int, list[Poll | Gone]]:
    """By machine, each version as the collection that found it, and each time it was gone."""
    rows: defaultdict[int, list[Any]] = defaultdict(list)
    for row in fetch(_VERSIONS, {"ids": machines}):
        rows[row[0]].append(row[1:])
    again = [
        look
        for look in (next((one for one in looks if one.until >= gap.ended), None) for gap in gaps)
        if look is not None
    ]
    return {vm: list(_looked(versions, looks, again)) for vm, versions in rows.items()}


def _looked(
    versions: list[Any], looks: Sequence[Look], again: Sequence[Look]
) -> Iterator[Poll | Gone]:
    """`again`: the first collections after gaps, which tell also by what they found unchanged."""
    for number, (begin, end, until, missing_since, *facts) in enumerate(versions):
        state, unknown = _state(*facts)
        first = Look(begin, max(until or begin, begin))
        missed_at = missing_since or end
        later = [
            look for look in again if begin < look.at and (not missed_at or look.at < missed_at)
        ]
        for look in (first, *later):
            yield Poll(
                at=look.at,
                until=look.until,
                before=_look_before(looks, look.at),
                state=state,
                unknown=unknown,
            )
        after = versions[number + 1][0] if number + 1 < len(versions) else None
        if end is not None and end != after:
            # It was missed once before it was retired.
            missed = missing_since or _look_before(looks, end) or end
            missed = missed if missed > begin else end
            yield Gone(at=missed, before=_look_before(looks, missed))
        elif after is None and missing_since is not None and missing_since > begin:
            yield Gone(at=missing_since, before=_look_before(looks, missing_since))


def _look_before(looks: Sequence[Look], moment: datetime) -> datetime | None:
    found = bisect_left(looks, moment, key=lambda look: look.at)
    return looks[found - 1].at if found else None


def _state(
    host: str | None, power: str | None, nics: str | None, *refs: str | None
) -> tuple[State, frozenset[str]]:
    """What a version says; a field that is not in the record is not known."""
    told = {"host": host, "nic": nics, "datastore": refs[0], "network": refs[1]}
    state: State = {HOST: Host(host, _RUNNING.get(power or ""))} if host else {}
    for kind in ("datastore", "network"):
        state |= {Key(kind, ref): True for ref in json.loads(told[kind] or "[]")}
    for nic in json.loads(nics or "[]"):
        if nic.get("mac"):
            state[Key("nic", nic["key"])] = _card(nic)
    return state, frozenset(kind for kind, said in told.items() if said is None)


def _card(nic: dict[str, Any]) -> Card:
    return Card(
        mac=nic["mac"][:100],
        network_ref=(nic.get("network_ref") or "")[:200],
        network_name=nic.get("network_name") or "",
        label=nic.get("label", "")[:200],
        mac_type=(nic.get("mac_type") or "")[:50],
    )


def _told(machines: list[int]) -> dict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for vm, type_, at, host_ref, detail in fetch(_EVENTS, {"ids": machines, "types": list(TYPES)}):
        said = meaning(type_, at=at, host_ref=host_ref, detail=json.loads(detail))
        if said is not None:
            found[vm].append(said)
    return found


# --- places -----------------------------------------------------------------------------------


class Places:
    """Which host, datastore or network was called by a name of the platform's, and when.

    One that is taken out and added again is called otherwise; a platform that was restored from a
    backup may call another so from then on.
    """

    def __init__(self, source: Source, refs: Iterable[str], looks: Sequence[Look]) -> None:
        self._called: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
        for kind, ref, since, pk in fetch(_PLACES, {"source": source.pk, "refs": list(refs)}):
            # It may have been so from just after the collection before.
            before = _look_before(looks, since)
            since = before + timedelta.resolution if before else since
            self._called.setdefault((kind, ref), []).append((since, pk))

    def find(self, one: Held) -> int | None:
        """Where a holding was when it began; where that is not known, what was called so first."""
        called = self._called.get(_place_of(one), [])
        then = [pk for since, pk in called if since <= one.valid_from]
        return then[-1] if then else next((pk for _, pk in called), None)


def _place_of(one: Held) -> tuple[str, str]:
    """The kind of the place that a holding is in, and what the platform calls it."""
    if one.key.kind == "nic":
        return "network", one.value.network_ref
    return one.key.kind, one.value.ref if one.key == HOST else one.key.name


# --- rows -------------------------------------------------------------------------------------


def _stays(vm: int, source: int, held: list[Held], places: Places) -> Iterator[tuple[Any, ...]]:
    for one in held:
        if one.key.kind == "nic":
            continue
        kind, ref = _place_of(one)
        running = one.value.is_running if one.key == HOST else None
        yield (vm, source, kind, ref, places.find(one), running, *_moments(one))


def _cards(vm: int, source: int, held: list[Held], places: Places) -> Iterator[tuple[Any, ...]]:
    for one in held:
        if one.key.kind != "nic":
            continue
        card: Card = one.value
        yield (
            vm,
            source,
            card.mac,
            one.key.name[:100],
            card.label,
            card.mac_type,
            card.network_ref,
            card.network_name,
            places.find(one),
            *_moments(one),
        )


def _moments(one: Held) -> tuple[Any, ...]:
    return one.began_after, one.valid_from, one.sure_until, one.valid_to, one.basis


_MOMENTS = ("began_after", "valid_from", "sure_until", "valid_to", "basis")
_STAY = (
    "inventory_stay",
    ("vm_id", "source_id", "place_kind", "place_ref", "place_id", "is_running", *_MOMENTS),
)
_CARD = (
    "inventory_macholding",
    (
        "vm_id",
        "source_id",
        "mac",
        "nic_key",
        "nic_label",
        "mac_type",
        "network_ref",
        "network_name",
        "network_id",
        *_MOMENTS,
    ),
)


def _replace(
    table: tuple[str, tuple[str, ...]], rows: dict[int, list[tuple[Any, ...]]]
) -> set[int]:
    """Write the rows of the machines whose rows differ; which those were."""
    name, columns = table
    listed = ", ".join(columns)
    there: defaultdict[int, set[Any]] = defaultdict(set)
    for row in fetch(
        f"SELECT {listed} FROM {name} WHERE vm_id = ANY(%(ids)s)",  # noqa: S608  names of ours
        {"ids": list(rows)},
    ):
        there[row[0]].add(row)
    changed = {vm for vm, wanted in rows.items() if there[vm] != set(wanted)}
    if not changed:
        return changed
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {name} WHERE vm_id = ANY(%s)",  # noqa: S608
            [[vm for vm in changed if there[vm]]],
        )
        with cursor.copy(f"COPY {name} ({listed}) FROM STDIN") as copy:
            for vm in sorted(changed):
                for row in rows[vm]:
                    copy.write_row(row)
    return changed


# When it was known how every machine was: at the collections that told of all there were, and
# while a watch was told that nothing had changed.
_LOOKS = """
SELECT published_at AS at, greatest(published_at, read_until) FROM inventory_syncrun
WHERE source_id = %(source)s AND published_at IS NOT NULL
  AND completeness->'vm'->>'complete' = 'true'
UNION
SELECT unchanged_until, unchanged_until FROM inventory_syncrun
WHERE source_id = %(source)s AND unchanged_until IS NOT NULL
ORDER BY at
"""
_GAPS = """
SELECT began_at, ended_at FROM inventory_blindinterval
WHERE source_id = %(source)s AND what = 'events' AND ended_at IS NOT NULL ORDER BY began_at
"""
_PLACES = """
SELECT v.kind, called.ref, min(v.valid_from) AS since, v.asset_id
FROM unnest(%(refs)s::text[]) AS called(ref)
JOIN inventory_assetversion v ON v.record->>'ref' = called.ref
JOIN inventory_asset a ON a.id = v.asset_id
WHERE a.source_id = %(source)s AND v.kind IN ('host', 'datastore', 'network')
GROUP BY v.kind, called.ref, v.asset_id ORDER BY since, v.asset_id
"""
_VERSIONS = """
SELECT v.asset_id, v.valid_from, v.valid_to, r.read_until, v.missing_since,
    v.record->>'host_ref', v.record->>'power_state', v.record->'nics',
    v.record->'datastore_refs', v.record->'network_refs'
FROM inventory_assetversion v
JOIN inventory_asset a ON a.id = v.asset_id
LEFT JOIN inventory_syncrun r ON r.id = v.run_id
WHERE v.asset_id = ANY(%(ids)s) AND a.kind = 'vm'
ORDER BY v.asset_id, v.valid_from
"""
# A template is told of too, and runs nowhere.
_EVENTS = """
SELECT e.vm_id, e.type, e.happened_at, e.host_ref, e.detail FROM inventory_platformevent e
JOIN inventory_asset a ON a.id = e.vm_id
WHERE e.vm_id = ANY(%(ids)s) AND a.kind = 'vm' AND e.type = ANY(%(types)s)
ORDER BY e.happened_at, e.key
"""
_UNFOLLOWED = """
SELECT a.id FROM inventory_asset a
WHERE a.source_id = %(source)s AND a.kind = 'vm' AND a.gone_at IS NULL
  AND NOT EXISTS (SELECT FROM inventory_stay s WHERE s.vm_id = a.id)
"""


def _never_followed(source: Source) -> set[int]:
    """Machines that were known before anybody followed them."""
    return {row[0] for row in fetch(_UNFOLLOWED, {"source": source.pk})}
