"""What people do to everything but machines, as a platform's log tells it: which lines are about an
object, which say that it came or went, and which of its facts they change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from accounts.models import User
from inventory.access.principals import key_of, spellings
from inventory.chronicle.models import PlatformEvent
from inventory.records import AnyRecord, Grant, Kind, Network, kind_of

MOST: Final = 2_000  # events about the objects of a page


class Told(msgspec.Struct, frozen=True):
    """A fact whose new value lines of these types tell in `after`, and its old one in `before`.

    A line that does not tell the old value may have left it as it was.
    """

    types: tuple[str, ...]
    after: str
    before: str = ""


class Deeds(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to objects of a kind. `named` is where a line names one: in its detail, or in a
    column of its own where that is empty.
    """

    named: str = ""
    arrivals: tuple[str, ...] = ()
    removals: tuple[str, ...] = ()
    told: dict[str, Told] = {}
    leaves: dict[str, dict[str, Any]] = {}  # of a fact: by type of line, what it is afterwards
    reconfigured: tuple[str, ...] = ()  # these do not tell what they changed of
    configured: frozenset[str] = frozenset()  # these facts, which nothing else changes

    @property
    def types(self) -> frozenset[str]:
        told = (each for one in self.told.values() for each in one.types)
        left = (each for one in self.leaves.values() for each in one)
        return frozenset({*self.arrivals, *self.removals, *told, *left, *self.reconfigured})

    def object_of(self, event: PlatformEvent) -> str:
        return event.detail.get(self.named, "") if self.named else event.host_ref


_GIVEN: Final = ("PermissionAddedEvent", "PermissionUpdatedEvent", "PermissionRemovedEvent")
# A setting of a port group may be its switch's.
_SWITCHED: Final = "DvsReconfiguredEvent"
DEEDS: Final[dict[Kind, Deeds]] = {
    Kind.GRANT: Deeds(
        named="entity.ref",
        arrivals=("PermissionAddedEvent",),
        removals=("PermissionRemovedEvent",),
        told={
            "role_id": Told(_GIVEN, "role.id", "prevRole.id"),
            "role_name": Told(_GIVEN, "role.name", "prevRole.name"),
            "propagate": Told(_GIVEN, "propagate", "prevPropagate"),
        },
    ),
    Kind.ROLE: Deeds(
        named="role.id",
        arrivals=("RoleAddedEvent",),
        removals=("RoleRemovedEvent",),
        told={"name": Told(("RoleUpdatedEvent",), "role.name", "prevRoleName")},
        reconfigured=("RoleUpdatedEvent",),
        configured=frozenset({"privileges"}),
    ),
    Kind.NETWORK: Deeds(
        named="net.ref",
        arrivals=("DVPortgroupCreatedEvent",),
        removals=("DVPortgroupDestroyedEvent",),
        told={"name": Told(("DVPortgroupRenamedEvent",), "newName", "oldName")},
        reconfigured=("DVPortgroupReconfiguredEvent", _SWITCHED),
        configured=frozenset(
            {
                "vlan_type",
                "vlan_id",
                "vlan_ranges",
                "security",
                "mac_learning",
                "netflow",
                "blocked",
                "binding",
                "teaming",
                "failback",
                "notify_switches",
                "active_uplinks",
                "standby_uplinks",
                "override_allowed",
                "resets_ports",
            }
        ),
    ),
    Kind.SWITCH: Deeds(
        named="dvs.ref",
        arrivals=("DvsCreatedEvent",),
        removals=("DvsDestroyedEvent",),
        told={"name": Told(("DvsRenamedEvent",), "newName", "oldName")},
        reconfigured=(_SWITCHED,),
        configured=frozenset(
            {
                "security",
                "mac_learning",
                "mirror_sessions",
                "netflow_collector",
                "netflow_sampling",
                "netflow_internal_only",
                "discovery_protocol",
                "discovery_operation",
                "private_vlans",
            }
        ),
    ),
    Kind.HOST: Deeds(
        arrivals=("HostAddedEvent",),
        removals=("HostRemovedEvent",),
        leaves={
            "in_maintenance": {
                "EnteredMaintenanceModeEvent": True,
                "ExitMaintenanceModeEvent": False,
            },
            "connection_state": {
                "HostConnectedEvent": "connected",
                "HostDisconnectedEvent": "disconnected",
                "HostConnectionLostEvent": "notResponding",
            },
        },
    ),
    Kind.DATASTORE: Deeds(
        named="datastore.ref",
        arrivals=(
            "LocalDatastoreCreatedEvent",
            "NASDatastoreCreatedEvent",
            "VMFSDatastoreCreatedEvent",
        ),
        removals=("DatastoreDestroyedEvent",),
        told={
            "name": Told(("DatastoreRenamedEvent",), "newName", "oldName"),
            "capacity_bytes": Told(
                ("DatastoreCapacityIncreasedEvent",), "newCapacity", "oldCapacity"
            ),
        },
    ),
}


_NONE: Final = Deeds()


def of(kind: Kind) -> Deeds:
    """What is done to objects of a kind; of some the log tells nothing."""
    return DEEDS.get(kind, _NONE)


def told_of(
    things: Mapping[int, tuple[int, AnyRecord]], user: User, since: datetime, until: datetime
) -> dict[int, list[PlatformEvent]]:
    """By object, the events of a time that are about it, oldest first: those the person may see.
    Each object is given as its source and its record. Where there are too many to read, none: what
    is not read could be what changed it.
    """
    found: dict[int, list[PlatformEvent]] = {pk: [] for pk in things}
    events = PlatformEvent.objects.visible_to(user).filter(
        happened_at__gt=since, happened_at__lte=until
    )
    rows = list(_about_some(events, things.values()).order_by("happened_at", "pk")[: MOST + 1])
    if len(rows) <= MOST:
        for pk, (source, record) in things.items():
            found[pk] = [one for one in rows if one.source_id == source and concerns(one, record)]
    return found


def events_of(
    events: QuerySet[PlatformEvent], source_id: int, record: AnyRecord
) -> QuerySet[PlatformEvent]:
    """Those of these events that are about one object."""
    deeds = of(kind_of(record))
    here = events.filter(source_id=source_id, type__in=deeds.types)
    match record:
        case Grant(principal=name, is_group=is_group):
            named = {deeds.named: record.entity_ref, "group": str(is_group).lower()}
            held = (Q(detail__principal__iexact=each) for each in spellings(name))
            return here.filter(reduce(or_, held), detail__contains=named)
        case Network(switch_ref=str() as switch):
            switched = Q(type=_SWITCHED, detail__contains={DEEDS[Kind.SWITCH].named: switch})
            return here.filter(Q(detail__contains={deeds.named: record.ref}) | switched)
        case _ if deeds.named:
            return here.filter(detail__contains={deeds.named: record.ref})
        case _:
            return here.filter(host_ref=record.ref)


def _about_some(
    events: QuerySet[PlatformEvent], things: Iterable[tuple[int, AnyRecord]]
) -> QuerySet[PlatformEvent]:
    """Those of these events that may be about one of many objects: by references alone."""
    wanted, types, sources = Q(pk=None), set[str](), set[int]()
    refs: defaultdict[Kind, set[str]] = defaultdict(set)
    for source, record in things:
        sources.add(source)
        refs[kind_of(record)].add(record.entity_ref if isinstance(record, Grant) else record.ref)
        if isinstance(record, Network) and record.switch_ref:
            refs[Kind.SWITCH].add(record.switch_ref)
    for kind, some in refs.items():
        deeds = of(kind)
        types |= deeds.types
        field = f"{kind}_named" if deeds.named else "host_ref"
        wanted |= Q(**{"type__in": deeds.types, f"{field}__in": some})
    named: Any = {f"{kind}_named": KT(f"detail__{of(kind).named}") for kind in refs}
    # By their types too, which an index finds.
    return events.alias(**named).filter(wanted, type__in=types, source__in=sources)


def concerns(event: PlatformEvent, record: AnyRecord) -> bool:
    """Whether an event is about this object, within a source."""
    deeds = of(kind_of(record))
    if event.type not in deeds.types:
        return False
    match record:
        case Grant(principal=name, is_group=is_group):
            if deeds.object_of(event) != record.entity_ref:
                return False
            said, of_group = event.detail.get("principal", ""), event.detail.get("group") == "true"
            return key_of(said, is_group=of_group) == key_of(name, is_group=is_group)
        case Network() if event.type == _SWITCHED:
            return DEEDS[Kind.SWITCH].object_of(event) == record.switch_ref
        case _:
            return deeds.object_of(event) == record.ref


def author(
    field: str,
    newer: AnyRecord,
    events: Sequence[PlatformEvent],
    meanwhile: Sequence[PlatformEvent] = (),
) -> PlatformEvent | None:
    """The event by which somebody made a fact of an object what it is, given those that are about
    it since the record before, oldest first, and those while it was read; None where that is not
    certain.
    """
    deeds = of(kind_of(newer))
    value = getattr(newer, field, None)
    if told := deeds.told.get(field):
        return _telling(told, value, events)
    if left := deeds.leaves.get(field):
        last = next((one for one in reversed(events) if one.type in left), None)
        return last if last is not None and left[last.type] == value else None
    return _alone(deeds, (*events, *meanwhile)) if field in deeds.configured else None


def _telling(told: Told, value: Any, events: Sequence[PlatformEvent]) -> PlatformEvent | None:
    """The last line that may have changed the fact, if it did and made it what was found."""
    for one in reversed(events):
        was, is_ = one.detail.get(told.before), one.detail.get(told.after)
        if one.type in told.types and (was is None or was != is_):
            is_certain = was is not None or one.type == "PermissionAddedEvent"
            return one if is_certain and is_ == _as_told(value) else None
    return None


def _as_told(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _alone(deeds: Deeds, events: Sequence[PlatformEvent]) -> PlatformEvent | None:
    """The last of the changes, if they are all one person's: also of those that may not have been
    found yet, since one of them may be what was found.
    """
    changes = [one for one in events if one.type in deeds.reconfigured]
    return changes[-1] if len({one.user_name for one in changes}) == 1 else None
