"""Everything that happened to one asset in one order: events, new versions, blind intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Q, QuerySet

from accounts.models import User
from inventory import facts, history
from inventory.chronicle import authors, deeds
from inventory.chronicle.models import BlindInterval, PlatformEvent
from inventory.chronicle.naming import events_on, names_of
from inventory.chronicle.words import title_of
from inventory.models import Asset, AssetVersion
from inventory.records import AnyRecord, Kind

PAGE = 50


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a timeline: an event, a version, or where a blind interval begins or ends.

    `is_unseen` says that nobody looked between it and the line before it in time.
    """

    at: datetime
    title: str
    text: str = ""
    by: str = ""
    event: PlatformEvent | None = None
    version: AssetVersion | None = None
    blind: BlindInterval | None = None
    changes: list[authors.Attributed] = []
    is_unseen: bool = False


def events_of(asset: Asset, record: AnyRecord, user: User) -> QuerySet[PlatformEvent]:
    """The platform's events about an asset, and those on a host: of them the person's own."""
    visible = PlatformEvent.objects.visible_to(user)
    if asset.kind == Kind.HOST:
        return visible.filter(events_on(names_of(asset)), source_id=asset.source_id)
    if asset.kind in deeds.DEEDS:
        return deeds.events_of(visible, asset.source_id, record)
    return visible.filter(vm=asset)


def page(
    asset: Asset, user: User, *, before: datetime | None, name_of: facts.NameOf
) -> tuple[list[Entry], datetime | None]:
    """The latest entries (before a moment), latest first, and where earlier ones begin."""
    steps, older = history.steps(asset, before=before, size=PAGE)
    record = steps[0].record if steps else history.typed(asset.record)
    found = events_of(asset, record, user).select_related("vm").defer("vm__record")
    if before is not None:
        found = found.filter(happened_at__lt=before)
    events = list(found.order_by("-happened_at", "-pk")[: PAGE + 1])
    entries = [_of_event(one, asset, user) for one in events]
    told = _told(asset, steps, user) if asset.kind in deeds.DEEDS else events[::-1]
    entries += _of_steps(asset, steps, told, name_of, newest=before is None)
    entries.sort(key=lambda entry: entry.at, reverse=True)
    more = entries[PAGE - 1].at if len(entries) > PAGE else older
    entries = entries[:PAGE]
    blind = _blind(asset, since=more, until=before)
    entries += _of_blindness(blind, since=more, until=before)
    entries.sort(key=lambda entry: entry.at, reverse=True)
    return [_marked(entry, blind) for entry in entries], more


def _told(asset: Asset, steps: Sequence[history.Step], user: User) -> list[PlatformEvent]:
    """The events about an object in the time of these versions, oldest first."""
    if not steps:
        return []
    first = steps[-1].older or steps[-1].version
    until = steps[0].version.valid_from + authors.READING
    things = {asset.pk: (asset.source_id, steps[0].record)}
    return deeds.told_of(things, user, first.valid_from, until)[asset.pk]


def _of_event(one: PlatformEvent, asset: Asset, user: User) -> Entry:
    """The platform's own sentence may name machines of others: it is for who sees everything."""
    about = one.vm_name if asset.kind == Kind.HOST and one.vm_name else ""
    title = f"{title_of(one.type)}: {about}" if about else title_of(one.type)
    text = one.message if user.sees_everything else ""
    return Entry(at=one.happened_at, title=title, text=text, by=one.user_name, event=one)


def _of_steps(
    asset: Asset,
    steps: list[history.Step],
    events: Sequence[PlatformEvent],
    name_of: facts.NameOf,
    *,
    newest: bool,
) -> Iterator[Entry]:
    """Versions, with who made a change where one of these events (oldest first) is sure of it."""
    by_version = {step.version.pk: step for step in steps}
    for entry in history.timeline(asset, steps, name_of=name_of, newest=newest):
        step = by_version.get(entry.version.pk) if entry.version else None
        changes = _attributed(entry.changes, step, events) if step else []
        people = {change.by for change in changes if change.by}
        yield Entry(
            at=entry.at,
            title=entry.sentence,
            by=people.pop() if len(people) == 1 else "",
            version=entry.version,
            changes=changes,
        )


def _attributed(
    changes: Sequence[facts.Change], step: history.Step, events: Sequence[PlatformEvent]
) -> list[authors.Attributed]:
    since = step.older.valid_from if step.older else step.version.valid_from
    found = step.version.valid_from
    told = authors.between(events, since, found)
    meanwhile = authors.between(events, found, authors.read_until(step.version))
    return authors.attributed(changes, step.record, told, meanwhile)


def _blind(asset: Asset, *, since: datetime | None, until: datetime | None) -> list[BlindInterval]:
    found: Any = BlindInterval.objects.filter(source_id=asset.source_id)
    if since is not None:
        found = found.filter(Q(ended_at__isnull=True) | Q(ended_at__gte=since))
    if until is not None:
        found = found.filter(began_at__lt=until)
    return list(found[:PAGE])


def _of_blindness(
    blind: Sequence[BlindInterval], *, since: datetime | None, until: datetime | None
) -> Iterator[Entry]:
    """Both ends of each interval, as far as they lie on the page."""
    for one in blind:
        what, seen = _WORDS[one.what]
        if since is None or one.began_at >= since:
            yield Entry(at=one.began_at, title=f"{what} from here on.", text=one.cause, blind=one)
        if one.ended_at is not None and (until is None or one.ended_at < until):
            yield Entry(at=one.ended_at, title=f"{seen}.", blind=one)


def _marked(entry: Entry, blind: Sequence[BlindInterval]) -> Entry:
    is_unseen = any(
        one.began_at < entry.at and (one.ended_at is None or entry.at <= one.ended_at)
        for one in blind
    )
    return msgspec.structs.replace(entry, is_unseen=is_unseen)


_WORDS = {
    "events": ("Events not seen", "Events seen again"),
    "inventory": ("Not observed", "Observed again"),
}
