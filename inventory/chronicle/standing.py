"""Where machines stood and when, as far as it decides who administers them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import pairwise, zip_longest
from typing import Any

from inventory.access import tenure
from inventory.access.effective import Access, Standing
from inventory.access.places import standing_of
from inventory.access.tenure import Era, Part, Place, Span, Watch, Where
from inventory.models import Asset
from inventory.raw import fetch
from inventory.records import Datastore, Kind, Platform, VirtualMachine

_Row = tuple[Any, ...]
_Store = tuple[datetime, datetime, Standing]  # from when to when a datastore stood so


class Crowd:
    """Many machines with their places, by what they stood in and when. Of what they stood in, that
    counts which is, or is below, one of some objects.
    """

    def __init__(
        self, places: dict[int, list[Place]], objects: Collection[str], watch: Watch
    ) -> None:
        self.places, self._watch = places, watch
        self._by_ref: dict[str, int] = {}
        self._parts: dict[int, tuple[Part, set[str]]] = {}
        self._wanted, self._counted = frozenset(objects), dict[int, bool]()
        stood: defaultdict[int, defaultdict[Span, set[int]]] = defaultdict(lambda: defaultdict(set))
        for pk, there in places.items():
            for number, span in self._spans(pk, there):
                stood[number][span].add(pk)
        # Each as when it may have begun, when it was found so, when it ended; many at once first.
        self._stood = {
            number: [
                (watch.began(since), since, until, pks) for (since, until), pks in spans.items()
            ]
            for number, spans in sorted(stood.items(), key=lambda one: len(one[1]))
        }
        self._standing = {number: set().union(*spans.values()) for number, spans in stood.items()}

    def _spans(self, pk: int, places: Iterable[Place]) -> Iterator[tuple[int, Span]]:
        """What one machine stood in, each with a time in which it did not leave it."""
        lasting: dict[int, Span] = {}
        for place in places:
            self._by_ref[place.ref] = pk
            for part in place.where.parts:
                if not self._counts(part):
                    continue
                number = part.number
                before = lasting.get(number)
                if before is not None and before[1] != place.since:
                    yield number, before
                    before = None
                lasting[number] = (before[0] if before else place.since, place.until)
        yield from lasting.items()

    def _counts(self, part: Part) -> bool:
        known = self._counted.get(part.number)
        if known is None:
            objects = part.objects
            known = self._counted[part.number] = not self._wanted.isdisjoint(objects)
            self._parts[part.number] = (part, objects)
        return known

    def had_by(
        self, eras: Sequence[Era], objects: Collection[str], times: Sequence[Span]
    ) -> set[int]:
        """The machines on which somebody may have held something in these times, given the objects
        that grants of theirs are on. Found by what they stood in, unless a grant on the machine
        itself may decide.
        """
        apart = self.among(objects)
        found: set[int] = set()
        for number, stood in self._stood.items():
            part, above = self._parts[number]
            if above.isdisjoint(objects) or self._standing[number] <= found:
                continue
            held = tenure.spans_of(era for era in eras if era.holds(part))
            asked = list(self._asked(held, times))
            for begun, since, until, pks in stood:
                if any(begun < b and since < hi and lo < until for lo, hi, b in asked):
                    found |= pks
        decided = {pk for pk in apart if tenure.reaches(eras, self.places[pk], self._watch, times)}
        return (found - apart) | decided

    def _asked(
        self, held: Iterable[Span], times: Sequence[Span]
    ) -> Iterator[tuple[datetime, datetime, datetime]]:
        """Each time in which something was held and asked about: a machine was there then if it
        left after the first of these, was found before the second, and may have come before the
        last.
        """
        for since, until in held:
            for begin, end in times:
                if self._watch.began(since) < end and begin < until:
                    yield max(since, begin), until, end

    def among(self, refs: Iterable[str]) -> set[int]:
        """Those of the machines that are one of these objects."""
        return {self._by_ref[ref] for ref in refs if ref in self._by_ref}


class Standings:
    """The places of a source's machines in the time that is watched; what is alike is one."""

    def __init__(self, source_id: int, watch: Watch, access: Access) -> None:
        self._source_id, self._watch, self._access = source_id, watch, access
        self._parts: dict[tuple[Standing, bool], Part] = {}
        # What was asked for already: many machines stand in the same things.
        self._wheres: dict[tuple[int, ...], Where] = {}
        self._by_text: dict[str, Part] = {}
        self._by_host: dict[str | None, Part] = {}
        self._by_facts: dict[_Row, tuple[Part, ...]] = {}
        self._stores_of: dict[str | None, tuple[list[_Store], bool]] = {}
        self._clusters: dict[str, str] | None = None

    def of(self, machines: Collection[int]) -> dict[int, list[Place]]:
        """Of these machines, each with its places in their order."""
        return self._places(fetch(_OF, self._names(ids=list(machines))))

    def below(self, objects: Collection[str]) -> Crowd:
        """The machines that ever stood on or below one of these, or whose files did."""
        stores = [
            ref
            for ref, found in self._stores.items()
            if any(_is_in(standing, objects) for _, _, standing in found)
        ]
        rows = fetch(_BELOW, self._names(objects=list(objects), stores=stores))
        return Crowd(self._places(rows), objects, self._watch)

    def _names(self, **more: Any) -> dict[str, Any]:
        watched = {"since": self._watch.since, "horizon": self._watch.horizon}
        return {"source": self._source_id, **watched, **more}

    def _places(self, rows: Sequence[_Row]) -> dict[int, list[Place]]:
        found: dict[int, list[Place]] = {}
        for row, after in zip_longest(rows, rows[1:]):
            pk, since, until, missing_since, ref, *facts = row
            next_since = after[1] if after and after[0] == pk else None
            found.setdefault(pk, []).extend(
                self._stood(since, self._left(until, next_since, missing_since), ref, tuple(facts))
            )
        return found

    def _left(
        self, until: datetime | None, next_since: datetime | None, missing_since: datetime | None
    ) -> datetime:
        """A machine is retired at its second absence; it was away from the first."""
        if until is None:
            return missing_since or self._watch.end
        if until > self._watch.horizon:
            return self._watch.end
        return until if until == next_since else self._watch.before(until) or until

    def _stood(self, since: datetime, until: datetime, ref: str, facts: _Row) -> Iterator[Place]:
        stores, are_still = self._files(facts[-1])
        if not are_still:
            stores = [one for one in stores if one[0] < until and since < one[1]]
            moved = {at for one in stores for at in one[:2] if since < at < until}
            for begin, end in pairwise([since, *sorted(moved), until]):
                there = [one for one in stores if one[0] < end and begin < one[1]]
                yield Place(begin, end, ref, self._where(facts, there))
            return
        yield Place(since, until, ref, self._where(facts, stores))

    def _files(self, text: str | None) -> tuple[list[_Store], bool]:
        """Where these datastores stood and when; and whether that was the same all the time."""
        known = self._stores_of.get(text)
        if known is None:
            refs = json.loads(text or "[]")
            found = [one for ref in refs for one in self._stores.get(ref, ())]
            since, end = self._watch.since, self._watch.end
            are_still = all(one[0] <= since and end <= one[1] for one in found)
            known = self._stores_of[text] = found, are_still
        return known

    def _where(self, facts: _Row, stores: Sequence[_Store]) -> Where:
        _, _, host, ancestors, pool_ancestors, _ = facts
        if ancestors is None or pool_ancestors is None:
            chains = self._guessed(facts)
        else:
            chains = (self._chain(ancestors), self._chain(pool_ancestors), self._host(host))
        parts = (*chains, *(self._part(standing, is_files=True) for _, _, standing in stores))
        numbers = tuple(part.number for part in parts)
        return self._wheres.setdefault(numbers, Where(parts, numbers))

    def _chain(self, text: str) -> Part:
        known = self._by_text.get(text)
        if known is None:
            known = self._by_text[text] = self._of_chain(tuple(json.loads(text)))
        return known

    def _host(self, ref: str | None) -> Part:
        known = self._by_host.get(ref)
        if known is None:
            known = self._by_host[ref] = self._of_chain((ref,) if ref else ())
        return known

    def _guessed(self, facts: _Row) -> tuple[Part, ...]:
        """Of a machine of which it is not known what is above it."""
        known = self._by_facts.get(facts)
        if known is None:
            known = self._by_facts[facts] = tuple(map(self._of_chain, self._chains(*facts)))
        return known

    def _of_chain(self, chain: tuple[str, ...]) -> Part:
        return self._part(Standing(ref="", chains=(chain,)), is_files=False)

    def _part(self, standing: Standing, *, is_files: bool) -> Part:
        new = Part(len(self._parts), standing, is_files)
        return self._parts.setdefault((standing, is_files), new)

    def _chains(
        self,
        folder: str | None,
        pool: str | None,
        host: str | None,
        ancestors: str | None,
        pool_ancestors: str | None,
        _stores: str | None,
    ) -> tuple[tuple[str, ...], ...]:
        machine = VirtualMachine(
            platform=Platform.VSPHERE,
            uid="",
            ref="",
            name="",
            folder=folder,
            resource_pool_ref=pool,
            host_ref=host,
            ancestors=_refs(ancestors),
            pool_ancestors=_refs(pool_ancestors),
        )
        cluster = None
        if host and machine.pool_ancestors is None:
            cluster = self._cluster(host)
        return standing_of(machine, self._access, cluster=cluster).chains

    def _cluster(self, host: str) -> str | None:
        """Of a host now: asked only about machines of which it is not known what is above them."""
        if self._clusters is None:
            hosts = Asset.objects.filter(source_id=self._source_id, kind=Kind.HOST)
            self._clusters = dict(hosts.values_list("ref", "record__cluster_ref"))
        return self._clusters.get(host)

    @cached_property
    def _stores(self) -> dict[str, list[_Store]]:
        """What is above each datastore, and when."""
        stores: dict[str, list[_Store]] = {}
        for since, until, ref, above in fetch(_STORES, self._names()):
            found = stores.setdefault(ref, [])
            end, standing = until or self._watch.end, self._standing(ref, above)
            if found and found[-1][1:] == (since, standing):
                found[-1] = (found[-1][0], end, standing)
            else:
                found.append((since, end, standing))
        return stores

    def _standing(self, ref: str, above: str | None) -> Standing:
        store = Datastore(
            platform=Platform.VSPHERE, uid="", ref=ref, name="", ancestors=_refs(above)
        )
        return standing_of(store, self._access)


def _refs(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(json.loads(text))


def _is_in(standing: Standing, objects: Collection[str]) -> bool:
    return standing.ref in objects or any(ref in objects for c in standing.chains for ref in c)


# A record is unpacked once for all that is asked of it.
_MACHINES = """
SELECT v.asset_id, v.valid_from, v.valid_to, a.missing_since, r.ref, r.folder,
    r.resource_pool_ref, r.host_ref, r.ancestors, r.pool_ancestors, r.datastore_refs
FROM inventory_assetversion v
JOIN inventory_asset a ON a.id = v.asset_id
CROSS JOIN LATERAL jsonb_to_record(v.record) AS r(ref text, folder text, resource_pool_ref text,
    host_ref text, ancestors jsonb, pool_ancestors jsonb, datastore_refs jsonb)
WHERE a.source_id = %(source)s AND a.kind = 'vm' AND v.valid_from <= %(horizon)s
  AND (v.valid_to IS NULL OR v.valid_to > %(since)s)
"""
_OF = f"{_MACHINES} AND v.asset_id = ANY(%(ids)s) ORDER BY v.asset_id, v.valid_from"
# Where not all that is above a machine was collected, only its paths can tell.
_BELOW = f"""
{_MACHINES} AND (r.ancestors ?| %(objects)s OR r.pool_ancestors ?| %(objects)s
   OR r.host_ref = ANY(%(objects)s) OR r.ref = ANY(%(objects)s) OR r.datastore_refs ?| %(stores)s
   OR r.ancestors IS NULL OR r.pool_ancestors IS NULL)
ORDER BY v.asset_id, v.valid_from
"""
_STORES = """
SELECT v.valid_from, v.valid_to, a.ref, v.record->'ancestors'
FROM inventory_assetversion v JOIN inventory_asset a ON a.id = v.asset_id
WHERE a.source_id = %(source)s AND a.kind = 'datastore' AND v.valid_from <= %(horizon)s
  AND (v.valid_to IS NULL OR v.valid_to > %(since)s)
ORDER BY a.ref, v.valid_from
"""
