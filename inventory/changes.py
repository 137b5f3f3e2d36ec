"""What differs between two moments: what appeared, what disappeared, and which facts changed when.

Two moments are compared, not all that happened between them: what changed and changed back did
not change. Read in pages; never more versions than those of the assets on one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
from django.db.models import BooleanField, F, Func, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber

from accounts.models import User
from inventory import facts, history
from inventory.chronicle import authors, deeds
from inventory.chronicle.models import PlatformEvent
from inventory.models import Asset, AssetVersion
from inventory.past import PastFilter
from inventory.querysets import AssetVersionQuerySet
from inventory.records import AnyRecord, Kind, kind_of
from inventory.spans import Span

COUNTED = 1_000
STEPS = 30  # of one asset, newest first, by which it is said when each fact changed
EVENTS = 2_000  # of all machines on a page, newest first


class What(StrEnum):
    APPEARED = "appeared"
    DISAPPEARED = "disappeared"
    CHANGED = "changed"


class DatedChange(msgspec.Struct, frozen=True):
    """A fact that differs; `at` is when it became what it is, None where that was not looked up;
    `by` who made it so, where the platform's log is sure of it.
    """

    label: str
    before: str
    after: str
    at: datetime | None
    by: str = ""


class Difference(msgspec.Struct, frozen=True):
    """One asset that differs; `at` is when it last did. `by` is who made or removed it."""

    asset: Asset
    what: What
    at: datetime
    changes: list[DatedChange]
    by: str = ""


def differing(versions: AssetVersionQuerySet, span: Span, what: What) -> QuerySet[AssetVersion]:
    """Of each asset that differs the last version in the span. Newest first they are walked from
    an index, so that a page costs what it shows and not what happened: what was is therefore asked
    of each, not joined.
    """
    found = versions.annotate(was=Subquery(_of_same_asset().at(span.begin).values("digest")[:1]))
    if what is What.DISAPPEARED:
        last = Q(valid_to__gt=span.begin, valid_to__lte=span.end, asset__in=_gone(span))
        later = _of_same_asset().filter(
            valid_from__gt=OuterRef("valid_from"), valid_from__lte=span.end
        )
        return found.annotate(later=Subquery(later.values("pk")[:1])).filter(
            last, was__isnull=False, later__isnull=True
        )
    found = found.at(span.end)
    if what is What.APPEARED:
        return found.filter(valid_from__gt=span.begin, was__isnull=True)
    found = found.filter(_Differs(F("was"), F("digest")), was__isnull=False)
    if not span.ends_now:
        return found.filter(valid_from__gt=span.begin)
    # However many appeared meanwhile, they are passed over in the index that is walked.
    return found.filter(asset__changed_at__gt=span.begin, asset__first_seen_at__lte=span.begin)


def narrowed(query: Any, span: Span, what: What, *, user: User) -> QuerySet[AssetVersion]:
    """What differs of what the person may see, narrowed by an address as lists are; what went, by
    what it was.
    """
    versions = differing(AssetVersion.objects.visible_to(user), span, what)
    moment = span.begin if what is What.DISAPPEARED else span.end
    found: QuerySet[AssetVersion] = PastFilter(
        query, queryset=versions, user=user, moment=moment
    ).qs
    return found.select_related("asset__source", "asset__team")


def _gone(span: Span) -> QuerySet[Any]:
    """Assets that went in the span and were not back at its end: few, found by when they went."""
    gone = Asset.objects.filter(gone_at__gt=span.begin, gone_at__lte=span.end)
    away = AssetVersion.objects.filter(
        away_since__gt=span.begin, away_since__lte=span.end, valid_from__gt=span.end
    )
    return gone.order_by().values("pk").union(away.order_by().values("asset"))


def order_of(what: What, span: Span) -> tuple[str, ...]:
    """Newest first. What differs now was changed when its asset was."""
    if what is What.CHANGED and span.ends_now:
        return ("-asset__changed_at", "-asset__first_seen_at", "-asset__id")
    return ("-valid_to", "-id") if what is What.DISAPPEARED else ("-valid_from", "-id")


def counted(versions: QuerySet[AssetVersion]) -> int:
    """How many, up to one more than is counted."""
    return versions.order_by()[: COUNTED + 1].count()


class _Differs(Func):
    """Whether two values differ, nothing being a value too."""

    template = "(%(expressions)s)"
    arg_joiner = " IS DISTINCT FROM "
    conditional = True
    output_field: Any = BooleanField()


def _of_same_asset() -> AssetVersionQuerySet:
    return AssetVersion.objects.order_by().filter(asset=OuterRef("asset"))


def of(versions: Sequence[AssetVersion], span: Span, *, user: User) -> list[Difference]:
    """What these differ in from the beginning, with names that the person may see. Three questions.

    Needs the asset of each.
    """
    assets = [version.asset for version in versions]
    before = {row.asset_id: row for row in _versions_of(assets).at(span.begin)}
    ends: dict[int, Ends] = {}
    for version in versions:
        is_gone = version.valid_to is not None and version.valid_to <= span.end
        ends[version.asset_id] = (before.get(version.asset_id), None if is_gone else version)
    return between(assets, ends, span, user=user)


def between(
    assets: Sequence[Asset], ends: dict[int, Ends], span: Span, *, user: User
) -> list[Difference]:
    """What each of these differs in, given its version at each end."""
    steps = _steps(assets, span)
    pairs = {pk: _typed(each) for pk, each in ends.items()}
    names = _names(assets, pairs, user)
    told = _told(assets, pairs, steps, span, user)
    return [
        _difference(
            asset,
            ends[asset.pk],
            pairs[asset.pk],
            Course(steps[asset.pk], told[asset.pk]),
            names[asset.source_id],
        )
        for asset in assets
    ]


Ends = tuple[AssetVersion | None, AssetVersion | None]
Pair = tuple[AnyRecord | None, AnyRecord | None]


class Course(NamedTuple):
    """What is kept of an asset between the ends: its versions, newest first, and its events."""

    steps: list[AssetVersion]
    told: list[PlatformEvent]


def _versions_of(assets: Iterable[Asset]) -> AssetVersionQuerySet:
    return AssetVersion.objects.filter(asset__in=[asset.pk for asset in assets])


def _typed(ends: Ends) -> Pair:
    before, after = ends
    return (
        history.typed(before.record) if before else None,
        history.typed(after.record) if after else None,
    )


def _steps(assets: Iterable[Asset], span: Span) -> dict[int, list[AssetVersion]]:
    """The newest versions between the ends, newest first, with the one before them."""
    rows = (
        _versions_of(assets)
        .with_reading()
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gte=span.begin), valid_from__lte=span.end)
        .annotate(
            place=Window(
                RowNumber(), partition_by="asset", order_by=(F("valid_from").desc(), F("pk").desc())
            )
        )
        .filter(place__lte=STEPS + 1)
        .order_by("asset", "place")
    )
    found: dict[int, list[AssetVersion]] = defaultdict(list)
    for row in rows:
        found[row.asset_id].append(row)
    return found


def _names(assets: Iterable[Asset], pairs: dict[int, Pair], user: User) -> dict[int, facts.NameOf]:
    """By source, the names of what records point at in one version and not in the other."""
    wanted: dict[int, set[tuple[Kind, str]]] = defaultdict(set)
    for asset in assets:
        before, after = pairs.get(asset.pk, (None, None))
        if before is not None and after is not None:
            wanted[asset.source_id] |= facts.refs_of(before) ^ facts.refs_of(after)
    rows = Asset.objects.visible_to(user).filter(
        source__in=[source for source, refs in wanted.items() if refs],
        kind__in={kind for refs in wanted.values() for kind, _ in refs},
        ref__in={ref for refs in wanted.values() for _, ref in refs},
    )
    by_source: dict[int, list[Asset]] = defaultdict(list)
    for row in rows.defer("record").order_by("-gone_at", "pk"):
        by_source[row.source_id].append(row)
    return defaultdict(lambda: facts.unnamed) | {
        source: history.Names(found) for source, found in by_source.items()
    }


def _told(
    assets: Iterable[Asset],
    pairs: dict[int, Pair],
    steps: dict[int, list[AssetVersion]],
    span: Span,
    user: User,
) -> dict[int, list[PlatformEvent]]:
    """The newest events about these assets that may say who changed what, oldest first. At most two
    questions.
    """
    found: dict[int, list[PlatformEvent]] = defaultdict(list)
    machines, things = [], {}
    for asset in assets:
        before, after = pairs[asset.pk]
        record = after or before
        if asset.kind == Kind.VM:
            machines.append(asset.pk)
        elif record is not None and kind_of(record) in deeds.DEEDS:
            things[asset.pk] = (asset.source_id, record)
    if things:
        until = span.end + authors.READING
        found |= deeds.told_of(things, user, _earliest(things, steps, span), until)
    if not machines:
        return found
    rows = PlatformEvent.objects.visible_to(user).filter(
        vm__in=machines,
        type__in=authors.TYPES,
        happened_at__gt=_earliest(machines, steps, span),
        happened_at__lte=span.end,
    )
    for row in reversed(rows.order_by("-happened_at", "-pk")[:EVENTS]):
        if row.vm_id is not None:
            found[row.vm_id].append(row)
    return found


def _earliest(assets: Iterable[int], steps: dict[int, list[AssetVersion]], span: Span) -> datetime:
    return min([span.begin, *(step.valid_from for pk in assets for step in steps[pk])])


def _difference(
    asset: Asset, ends: Ends, pair: Pair, course: Course, name_of: facts.NameOf
) -> Difference:
    (before, after), (was, is_) = ends, pair
    if before is None or was is None or after is None or is_ is None:
        what = What.APPEARED if before is None else What.DISAPPEARED
        turn = _turn(course.steps, what)
        told = [one for one in course.told if one.happened_at <= turn]
        kind = Kind(asset.kind)
        who = authors.maker(kind, told) if before is None else authors.remover(kind, told)
        return Difference(asset, what, turn, [], who)
    turns = _turns(course, name_of)
    changes = []
    for each in facts.difference(was, is_, name_of):
        at, by = turns.get(each.label, (None, ""))
        changes.append(DatedChange(each.label, each.before, each.after, at, by))
    return Difference(asset, What.CHANGED, after.valid_from, changes)


def _turn(steps: list[AssetVersion], what: What) -> datetime:
    """When it came, or when it went."""
    if what is What.DISAPPEARED:
        return steps[0].valid_to or steps[0].valid_from
    came = next((step for step in steps if step.away_since is not None), steps[-1])
    return came.valid_from


def _turns(course: Course, name_of: facts.NameOf) -> dict[str, tuple[datetime, str]]:
    """When each fact, as it is called, changed last, and by whom: as an event tells, else when the
    collection came that found it so.
    """
    steps = course.steps
    records = [history.typed(step.record) for step in steps]
    found: dict[str, tuple[datetime, str]] = {}
    for number, (newer, older) in enumerate(pairwise(records)):
        at = steps[number].valid_from
        told = authors.between(course.told, steps[number + 1].valid_from, at)
        meanwhile = authors.between(course.told, at, authors.read_until(steps[number]))
        for change in facts.difference(older, newer, name_of):
            if change.label not in found:
                event = authors.author(change, newer, told, meanwhile)
                found[change.label] = (event.happened_at, event.user_name) if event else (at, "")
    return found
