"""Evaluate, when only some facts are new: ask again what can have another answer, and nothing else.

A check is asked again about an asset whose record changed, and about all its assets when a field
of another record changed that it says it reads. The estate around them is kept in memory between
two judgements; the database is asked only for what changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
from django.db.models import F, TextField
from django.db.models.functions import Cast

from inventory.models import Asset, Source
from inventory.publishing import complete_kinds, unread_kinds
from inventory.records import AnyRecord, Kind, decode, kind_of
from policies.configuration import configured_checks, fingerprint
from policies.evaluate import Configured, Result, evaluate_tallied
from policies.judging import Judgement, Scope, newest_collection, unread
from policies.spec import Estate, History

Key = tuple[Kind, str]
ALL = "*"  # the asset came or went: each of its fields is another one


class Fact(msgspec.Struct, frozen=True):
    key: Key
    record: AnyRecord
    history: History


class Facts:
    """The present records of one source, kept between two judgements."""

    def __init__(self) -> None:
        self._as_of: tuple[datetime | None, datetime | None] | None = None
        self._known: dict[int, Fact] = {}

    def bring(self, source: Source) -> None:
        """Read them all, unless nothing was published since by anybody else."""
        if self._as_of != (source.published_at, source.changed_at):
            self._known = dict(_rows(Asset.objects.filter(source=source)))
            self.stamp(source)

    def stamp(self, source: Source) -> None:
        """That they are those of the source as it is now."""
        self._as_of = (source.published_at, source.changed_at)

    def forget(self) -> None:
        """That they may not be what was written in the end."""
        self._as_of, self._known = None, {}

    def renew(self, assets: Iterable[int]) -> set[tuple[Kind, str]]:
        """Read these assets again; returns which fields of which kinds differ from before."""
        wanted = set(assets)
        fresh = dict(_rows(Asset.objects.filter(pk__in=wanted)))
        changed: set[tuple[Kind, str]] = set()
        for pk in wanted:
            before, now = self._known.pop(pk, None), fresh.get(pk)
            if now is not None:
                self._known[pk] = now
            changed |= _difference(before, now)
        return changed

    def estate(self, source: Source) -> tuple[Estate, dict[Key, int]]:
        run = newest_collection(source)
        ids = {fact.key: pk for pk, fact in self._known.items()}
        # In the order of a whole judgement, so that its answers are the same ones.
        facts = sorted(self._known.values(), key=attrgetter("key"))
        estate = Estate(
            [fact.record for fact in facts],
            complete=complete_kinds(run) if run else frozenset(),
            unread=unread_kinds(run) if run else frozenset(),
            history={fact.key: fact.history for fact in facts},
        )
        return estate, ids


def rejudge(
    source: Source, facts: Facts, changed: frozenset[int], *, run_id: int, now: datetime
) -> Judgement:
    """Ask again what the changed assets can have changed. `facts` are brought up to date.

    The source has to have been judged as the checks are set now.
    """
    if source.published_at is None:
        raise ValueError("Nothing was published yet.")
    fields = facts.renew(changed)
    estate, ids = facts.estate(source)
    configured = configured_checks()
    wide = frozenset(one.check.id for one in configured if one.enabled and _reads_any(one, fields))
    keys = {key for key, pk in ids.items() if pk in changed}
    odd = unread(source, now)
    result = Result(evaluations=[], tally={})
    for subjects, asked in (
        (None, [one for one in configured if one.check.id in wide]),
        (keys, [one for one in configured if one.check.id not in wide]),
    ):
        part = evaluate_tallied(asked, estate, now=now, subjects=subjects, unread=odd)
        result.evaluations.extend(part.evaluations)
    return Judgement(
        source_id=source.pk,
        run_id=run_id,
        published_at=source.published_at,
        changed_at=source.changed_at,
        now=now,
        configured={one.check.id: one for one in configured if one.enabled},
        judged_as=fingerprint(configured),
        asset_ids=ids,
        result=result,
        scope=Scope(assets=changed, checks=wide),
    )


def _reads_any(one: Configured, fields: set[tuple[Kind, str]]) -> bool:
    # A finding calls what it is about by name, so whoever reads anything of a thing reads that.
    kinds = {kind for kind, field in fields if field in (ALL, "name")}
    for read in one.check.reads:
        kind, _, field = read.partition(".")
        if Kind(kind) in kinds or (Kind(kind), field) in fields:
            return True
    return False


def _difference(before: Fact | None, now: Fact | None) -> set[tuple[Kind, str]]:
    if before is None or now is None:
        there = before or now
        return {(kind_of(there.record), ALL)} if there is not None else set()
    kind = kind_of(now.record)
    return {
        (kind, field)
        for field in now.record.__struct_fields__
        if getattr(before.record, field) != getattr(now.record, field)
    }


def _rows(assets: Any) -> Iterable[tuple[int, Fact]]:
    rows = (
        assets.present()
        .annotate(encoded=Cast(F("record"), TextField()))
        .values_list("pk", "encoded", "first_seen_at", "power_since")
    )
    for pk, encoded, first_seen_at, power_since in rows.iterator(chunk_size=2000):
        record = decode(encoded)
        history = History(first_seen_at=first_seen_at, power_since=power_since)
        yield pk, Fact((kind_of(record), record.uid), record, history)
