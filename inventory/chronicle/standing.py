"""Where machines stood and when, as far as it decides who administers them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import pairwise, zip_longest
from typing import Any

from inventory.access.effective import Access, Standing
from inventory.access.places import standing_of
from inventory.access.tenure import Part, Place, Watch, Where
from inventory.models import Asset
from inventory.raw import fetch
from inventory.records import Datastore, Kind, Platform, VirtualMachine

_Row = tuple[Any, ...]
_Store = tuple[datetime, datetime, Standing]  # from when to when a datastore stood so


class Crowd:
    """Many machines with their places, by what they stood in."""

    def __init__(self, places: dict[int, list[Place]]) -> None:
        self.places = places
        self.parts: dict[int, Part] = {}
        self._by_part: dict[int, list[tuple[int, Place]]] = {}
        self._by_ref: dict[str, int] = {}
        for pk, stood in places.items():
            for place in stood:
                self._by_ref[place.ref] = pk
                for part in place.where.parts:
                    self.parts[part.number] = part
                    self._by_part.setdefault(part.number, []).append((pk, place))

    def standing_in(self, part: Part) -> list[tuple[int, Place]]:
        return self._by_part[part.number]

    def among(self, refs: Iterable[str]) -> set[int]:
        """Those of the machines that are one of these objects."""
        return {self._by_ref[ref] for ref in refs if ref in self._by_ref}


class Standings:
    """The places of a source's machines in the time that is watched; what is alike is one."""

    def __init__(self, source_id: int, watch: Watch, access: Access) -> None:
        self._source_id, self._watch, self._access = source_id, watch, access
        self._parts: dict[tuple[Standing, bool], Part] = {}
        self._by_text: dict[_Row, Where] = {}
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
        return Crowd(self._places(rows))

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
        stores = [
            one
            for store in json.loads(facts[-1] or "[]")
            for one in self._stores.get(store, ())
            if one[0] < until and since < one[1]
        ]
        moved = {at for one in stores for at in one[:2] if since < at < until}
        if not moved:
            yield Place(since, until, ref, self._where(facts, stores))
            return
        for begin, end in pairwise([since, *sorted(moved), until]):
            there = [one for one in stores if one[0] < end and begin < one[1]]
            yield Place(begin, end, ref, self._where(facts, there))

    def _where(self, facts: _Row, stores: Sequence[_Store]) -> Where:
        asked = (*facts, *(since for since, _, _ in stores))  # quicker to look up than chains
        known = self._by_text.get(asked)
        if known is None:
            chains = (Standing(ref="", chains=(chain,)) for chain in self._chains(*facts))
            parts = [self._part(chain, is_files=False) for chain in chains]
            parts += [self._part(standing, is_files=True) for _, _, standing in stores]
            known = Where(tuple(parts), tuple(part.number for part in parts))
            self._by_text[asked] = known
        return known

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
