"""From what machines were made, and what else was made from the same.

vCenter says so in the event of a making, and of templates and machines that belong to an item of a
content library in their configuration. Everything here is as far as the person who asks may see.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.db.models.fields.json import KT

from accounts.models import User
from inventory.chronicle.items import Items, Meant
from inventory.chronicle.meanings import INTO_ITEMS, OF_ITEMS, ORIGINS
from inventory.chronicle.models import PlatformEvent
from inventory.models import Asset
from inventory.records import Kind

MOST = 500
_AT_ONCE: Final = timedelta(hours=1)  # what two events of one making are apart at most
_FEW: Final = 20
_MAKES: Final = (Kind.VM, Kind.IMAGE)
NAMELESS: Final = "something without a name"
HIDDEN: Final = "something that you may not see"
UNTOLD: Final = "an item of a content library that is not known"
HIDDEN_ITEM: Final = "an item of a content library that is not shown to you"


class KnownBy(StrEnum):
    """How it is known from what a machine was made, surest first."""

    EVENT = "event"  # the event of its making names the machine or template
    ID = "id"  # … names an item by its id
    NAME = "name"  # … names an item, by what no other was called then
    TEMPLATE = "template"  # what it was made from is the template behind the item
    PLATFORM = "platform"  # its configuration says that it belongs to the item
    UNTOLD = "untold"  # the event says no more than that it was an item


Told = tuple[PlatformEvent, KnownBy]
# In the words of a page.
HOW: Final = {
    KnownBy.EVENT: "by the event of its making",
    KnownBy.ID: "by the id that its event tells",
    KnownBy.NAME: "by the name in its event, which no other item had then",
    KnownBy.TEMPLATE: "by the template, which is behind that item",
    KnownBy.PLATFORM: "by its configuration",
    KnownBy.UNTOLD: "its event does not say which",
}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine was made from, in words that this person may read."""

    known_by: KnownBy
    name: str
    asset: Asset | None  # None: it was never collected, is not known, or not for this person
    library: str = ""  # of an item
    event: PlatformEvent | None = None

    @property
    def how(self) -> str:
        return HOW[self.known_by]

    @property
    def at(self) -> datetime | None:
        return self.event.happened_at if self.event else None


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Where something comes from: `refs` of machines and templates, ids of `items`."""

    origins: tuple[Origin, ...]
    refs: frozenset[str]
    items: frozenset[str]


NOWHERE: Final = Lineage(origins=(), refs=frozenset(), items=frozenset())


class Relative(msgspec.Struct, frozen=True, kw_only=True):
    """A machine made from the same template, machine or item, or that which it was made from."""

    vm: Asset | None  # None: it was never collected
    name: str
    at: datetime | None
    known_by: KnownBy
    is_origin: bool = False

    @property
    def how(self) -> str:
        return HOW[self.known_by]


class Descent(msgspec.Struct, frozen=True, kw_only=True):
    """What was made from something, latest first; of an item also the machine it was made from."""

    put_in: tuple[Origin, ...]
    made: list[Relative]


class Trace:
    """What the last events of a machine's making and its configuration say. Two questions."""

    def __init__(self, vm: Asset, user: User, items: Items | None = None) -> None:
        self.items = items or Items(vm.source_id, user)
        self._vm = vm
        self._user = user
        self._direct, self._deployed = _making(vm)
        self._meant = self.items.meant_by(self._deployed) if self._deployed else Meant()
        self._stamp: str = vm.record.get("library_item") or ""
        self._ref = _origin(self._direct) if self._direct else ""

    @property
    def refs(self) -> frozenset[str]:
        """References of what is to be named; of an item that is its id."""
        return frozenset({self._ref, self._meant.uid, self._stamp} - {""})

    def lineage(self, visible: Iterable[Asset] | None = None) -> Lineage:
        """With the assets of these references that the person may see, or None to look them up;
        one question more for the item behind a template.
        """
        known = _Known(self._vm.source_id, self._user)
        known.take(self.refs, visible)
        behind = known.item_of(self._ref)
        known.take({behind} - self.refs)
        origins = [known.direct(self._direct, self._ref)] if self._direct else []
        origins += [known.deployed(self._deployed, self._meant)] if self._deployed else []
        if behind not in ("", self._meant.uid):
            origins += known.kept(behind, KnownBy.TEMPLATE)
        if self._stamp not in ("", self._meant.uid, behind):
            origins += known.kept(self._stamp, KnownBy.PLATFORM)
        uids = (self._meant.uid, behind, self._stamp)
        return Lineage(
            origins=tuple(origins),
            refs=frozenset({self._ref} - {""}),
            items=frozenset(uid for uid in uids if known.may_name(uid)),
        )


def descent_of(origin: Asset, user: User, items: Items) -> Descent:
    """What was made from a machine, template or item; of an item also from which machine it was
    itself made last. Three questions at most.
    """
    is_item = bool(origin.record.get("library_ref"))
    lineage = Lineage(
        origins=(),
        refs=frozenset() if is_item else frozenset({origin.ref}),
        items=frozenset({origin.uid}) if is_item else frozenset(),
    )
    told, kept = _told(origin.source_id, lineage, user, items, types=OF_ITEMS | INTO_ITEMS)
    put_in = tuple(
        Origin(known_by=known_by, name=one.vm_name, asset=one.vm, event=one)
        for one, known_by in told
        if one.type in INTO_ITEMS
    )
    return Descent(put_in=put_in[:1], made=_machines(told, kept))


def relatives(vm: Asset, lineage: Lineage, user: User, items: Items) -> list[Relative]:
    """What it was made from, and everything else that was made from that."""
    origins = {one.asset.pk: one for one in lineage.origins if one.asset is not None}
    first = [
        Relative(vm=one.asset, name=one.name, at=None, known_by=one.known_by, is_origin=True)
        for one in origins.values()
    ]
    told, kept = _told(vm.source_id, lineage, user, items, types=OF_ITEMS)
    return first + [
        one
        for one in _machines(told, kept)
        if one.vm is None or one.vm.pk not in {vm.pk, *origins.keys()}
    ]


def _machines(told: Sequence[Told], kept: Iterable[Asset]) -> list[Relative]:
    """What these events made, and what belongs to an item: each once, latest first."""
    found: dict[object, Relative] = {}
    for event, known_by in told:
        if event.type not in INTO_ITEMS:
            one = Relative(vm=event.vm, name=event.vm_name, at=event.happened_at, known_by=known_by)
            found.setdefault(event.vm_id or event.vm_ref or event.pk, one)
    for asset in kept:
        if asset.kind == Kind.VM:
            one = Relative(vm=asset, name=asset.name, at=None, known_by=KnownBy.PLATFORM)
            found.setdefault(asset.pk, one)
    return list(found.values())[:MOST]


# --- what is told -----------------------------------------------------------------------------


def _making(vm: Asset) -> tuple[PlatformEvent | None, PlatformEvent | None]:
    """The last event that names what a machine was made from, and the last that speaks of an item.
    Both count if one act made them: a deployment from an item clones the template behind it.
    """
    told = PlatformEvent.objects.filter(vm=vm, type__in=(*ORIGINS, *OF_ITEMS))
    events = list(told.order_by("-happened_at", "-pk")[:_FEW])
    last = [one for one in events if events[0].happened_at - one.happened_at <= _AT_ONCE]
    direct = next((one for one in last if one.type in ORIGINS), None)
    return direct, next((one for one in last if one.type in OF_ITEMS), None)


def _origin(told: PlatformEvent) -> str:
    """The reference of what was cloned or deployed."""
    return str(told.detail.get(f"{ORIGINS[told.type]}.ref", ""))


def _told(
    source_id: int, lineage: Lineage, user: User, items: Items, *, types: frozenset[str]
) -> tuple[list[Told], list[Asset]]:
    """The events by which something was made from these (or, of other types, these from something)
    with how that is known, and what belongs to the items.
    """
    if not (lineage.refs or lineage.items):
        return [], []
    kept = list(_kept(source_id, lineage.items, user)) if lineage.items else []
    refs = {*lineage.refs, *(one.ref for one in kept if one.kind == Kind.IMAGE)}
    names = items.names_of(lineage.items) if lineage.items else set()
    of_items = Q(type__in=types) & _says(lineage.items, names)
    events = (
        PlatformEvent.objects.visible_to(user)
        .filter(source_id=source_id, type__in=types | ORIGINS.keys())  # for the index of types
        .filter(_of_refs(refs) | of_items)
        .select_related("vm__source", "vm__team")
        .defer("vm__record")
        .order_by("-happened_at", "-pk")
    )
    known = ((one, _known_by(one, lineage, items)) for one in events[:MOST])
    return [(one, known_by) for one, known_by in known if known_by is not None], kept


def _known_by(told: PlatformEvent, lineage: Lineage, items: Items) -> KnownBy | None:
    """How an event that may be about these is known to be; None when it is not."""
    if told.type in ORIGINS:
        return KnownBy.EVENT if _origin(told) in lineage.refs else KnownBy.TEMPLATE
    meant = items.meant_by(told)
    if meant.uid not in lineage.items:
        return None
    return KnownBy.ID if meant.by_id else KnownBy.NAME


def _of_refs(refs: Iterable[str]) -> Q:
    found = Q(pk=None)
    for ref in refs:
        for field in ORIGINS.values():
            found |= Q(type__in=ORIGINS, detail__contains={f"{field}.ref": ref})
    return found


def _says(uids: Collection[str], names: Collection[str]) -> Q:
    """Events that somewhere say one of these: what they mean is still to be seen."""
    said = [f'@ like_regex {json.dumps(uid)} flag "q"' for uid in sorted(uids)]
    said += [f"@ == {json.dumps(name)}" for name in sorted(names)]
    if not said:
        return Q(pk=None)
    path = f'$.* ? (@.type() == "string" && ({" || ".join(said)}))'
    return Q(_HasPath(F("detail"), Value(path)))


class _HasPath(Func):
    function = "jsonb_path_exists"
    template = "%(function)s(%(expressions)s::jsonpath)"
    output_field = BooleanField()


# --- what is recorded -------------------------------------------------------------------------


def _kept(source_id: int, items: Collection[str], user: User) -> QuerySet[Asset]:
    """Templates behind these items, and machines that belong to them."""
    there = Asset.objects.visible_to(user).present().filter(source_id=source_id, kind__in=_MAKES)
    of_items = there.annotate(library_item=KT("record__library_item"))
    return (
        of_items.filter(library_item__in=items)
        .select_related("source", "team")
        .defer("record")
        .order_by("sort_name", "pk")
    )


class _Known:
    """What was recorded of origins, in the words that a person may read."""

    def __init__(self, source_id: int, user: User) -> None:
        self._source_id = source_id
        self._user = user
        self._found: dict[str, Asset] = {}

    def take(self, refs: Collection[str], visible: Iterable[Asset] | None = None) -> None:
        """Take what has one of these references, out of what is visible. One may have been used
        again: what exists counts.
        """
        refs = {ref for ref in refs if ref}
        if visible is None:
            visible = self._read(refs) if refs else ()
        found = [one for one in visible if one.ref in refs and one.kind in _MAKES]
        found.sort(key=lambda one: (one.gone_at is None, one.pk))
        self._found |= {one.ref: one for one in found}

    def _read(self, refs: Collection[str]) -> QuerySet[Asset]:
        there = Asset.objects.visible_to(self._user).filter(source_id=self._source_id)
        return there.filter(ref__in=refs, kind__in=_MAKES).select_related("source", "team")

    def item_of(self, ref: str) -> str:
        """The item that a template is behind."""
        template = self._found.get(ref)
        return (template.record.get("library_item") or "") if template is not None else ""

    def may_name(self, uid: str) -> bool:
        return uid != "" and (uid in self._found or self._user.sees_everything)

    def direct(self, told: PlatformEvent, ref: str) -> Origin:
        asset, name = self._found.get(ref), HIDDEN
        if asset is not None or self._user.sees_everything:
            name = str(told.detail.get(f"{ORIGINS[told.type]}.name", NAMELESS))
        return Origin(known_by=KnownBy.EVENT, name=name, asset=asset, event=told)

    def deployed(self, told: PlatformEvent, meant: Meant) -> Origin:
        """To others an item that is not theirs reads like one that nobody knows."""
        if meant.uid not in self._found:
            name = UNTOLD if self._user.sees_everything else HIDDEN_ITEM
            return Origin(known_by=KnownBy.UNTOLD, name=name, asset=None, event=told)
        return self._item(meant.uid, KnownBy.ID if meant.by_id else KnownBy.NAME, told)

    def kept(self, uid: str, known_by: KnownBy) -> list[Origin]:
        """The item that a configuration names."""
        if uid in self._found:
            return [self._item(uid, known_by)]
        return [Origin(known_by=known_by, name=UNTOLD, asset=None)] if self.may_name(uid) else []

    def _item(self, uid: str, known_by: KnownBy, told: PlatformEvent | None = None) -> Origin:
        item = self._found[uid]
        return Origin(
            known_by=known_by,
            name=item.name,
            library=item.record.get("library_name") or "",
            asset=item,
            event=told,
        )
