"""A session that is told what changes: a filter over all that is recorded, and WaitForUpdatesEx.

The platform tells which objects changed; what they say now is read as a collection reads it, so
there is one way from a property to a fact. What is no property is read again when an event tells of
it (`rereading`); what no event tells either is as old as the last collection.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from inventory.connectors.base import (
    Changes,
    CollectionFailed,
    Doubt,
    Event,
    EventCursor,
    Gone,
    Item,
    PublishedTags,
    WatchForgotten,
)
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.collection import Collection
from inventory.connectors.vsphere.failures import TransportLost
from inventory.connectors.vsphere.mapping import clusters, fabric, hosts, machines, switches
from inventory.connectors.vsphere.mapping.estate import AttributeNames
from inventory.connectors.vsphere.mapping.facts import Facts, as_text
from inventory.connectors.vsphere.rereading import AT_MOST, TEMPLATE, Part, Rereading, parts
from inventory.connectors.vsphere.surroundings import TREE
from inventory.connectors.vsphere.xml import (
    Malformed,
    ObjectContent,
    ObjectUpdate,
    Ref,
    SoapFault,
    escape,
)

_NAMING: Final = ("name", "parent")
_KEPT: Final = frozenset({*_NAMING, TEMPLATE})  # the values themselves, of everything there is
# The tree of snapshots changes as one: not every vCenter tells of its parts when all of it goes.
_MACHINE: Final = (
    *(path for path in machines.PATHS if not path.startswith("snapshot.")),
    "snapshot",
)
WATCHED: Final[dict[str, tuple[str, ...]]] = {
    "VirtualMachine": _MACHINE,
    "HostSystem": hosts.PATHS,
    "ClusterComputeResource": clusters.PATHS,
    "DistributedVirtualSwitch": switches.PATHS,
    "Network": fabric.NETWORK_PATHS,
    "DistributedVirtualPortgroup": fabric.NETWORK_PATHS + fabric.PORT_GROUP_PATHS,
    "OpaqueNetwork": fabric.NETWORK_PATHS + fabric.OPAQUE_PATHS,
    "Datastore": fabric.DATASTORE_PATHS,
    **dict.fromkeys(TREE, _NAMING),
}
_LISTED: Final = (
    "VirtualMachine",
    "HostSystem",
    "DistributedVirtualSwitch",
    "Network",
    "Datastore",
    *TREE,
)
_FORGOTTEN: Final = frozenset({"InvalidCollectorVersion", "ManagedObjectNotFound"})

Keys = frozenset[tuple[int, datetime]]


class VsphereWatch:
    """Over one session with one vCenter. Ended with the session."""

    def __init__(self, session: OpenSession, attribute_names: AttributeNames) -> None:
        self._session = session
        self._attribute_names = attribute_names
        self._collection = Collection(session, attribute_names)
        self._held = contextlib.ExitStack()  # the list of everything, for as long as it is watched
        self._collector: Ref | None = None
        self._version = ""
        self._named: dict[Ref, dict[str, Any]] = {}
        self._digests: dict[Ref, bytes] = {}
        self._unknown: dict[str, set[str]] = {}  # properties that this vCenter does not offer
        self._settled: Keys = frozenset()  # events of the last reading that was published
        self._told: Keys = frozenset()  # events of the last reading

    # --- being told -----------------------------------------------------------------------------

    def begin(self) -> None:
        self._end()
        self._named, self._digests, self._version = {}, {}, ""
        try:
            view = self._held.enter_context(self._session.container(*_LISTED))
            made = self._session.bulk.call(
                "CreatePropertyCollector", self._session.content.property_collector
            )
            self._collector = _only_ref(made, "collector of properties")
            self._filter(view.ref)
            self._take_all()
        except SoapFault as fault:
            raise _refused(fault) from None

    def prepare(self) -> None:
        self._collection = Collection(self._session, self._attribute_names)
        for ref in self._named:
            self._name(ref)
        try:
            doubts = [one for one in self._collection.surroundings() if isinstance(one, Doubt)]
        except SoapFault as fault:
            raise _refused(fault) from None
        if doubts:
            raise TransportLost(doubts[0].message, code=doubts[0].code)

    def wait(self, seconds: int) -> Changes:
        changes = Changes()
        while True:
            found = self._ask(seconds)
            if found is None:
                return changes
            for one in found:
                changes |= self._take(one)
            if not self._is_truncated:
                return changes
            if len(changes.touched) > AT_MOST:
                changes = Changes(is_wide=True)

    def interrupt(self) -> None:
        self._session.bulk.interrupt()

    # --- reading --------------------------------------------------------------------------------

    def read(
        self, changes: Changes, *, events_since: EventCursor | None, tags: PublishedTags
    ) -> Iterator[Item]:
        try:
            yield from self._gone(changes.left)
            touched = frozenset(ref for ref in changes.touched if isinstance(ref, Ref))
            items = list(self._collection.some(touched)) if touched else []
            if events_since is not None:
                told = list(self._collection.events(events_since))
                if changed := self._changed(told):
                    # Once more, since what they need to know of others may be another one now.
                    again = Rereading(self._collection, self._named, touched)
                    items = list(again.items(changed, tags))
                items += told
            yield from items
        except SoapFault as fault:
            raise _refused(fault) from None

    def settle(self) -> None:
        self._settled = self._told

    def _changed(self, told: list[Item]) -> frozenset[Part]:
        """What the events that are not settled yet tell to have changed."""
        events = [one for one in told if isinstance(one, Event)]
        self._told = frozenset((one.key, one.at) for one in events)
        return parts(one for one in events if (one.key, one.at) not in self._settled)

    def _gone(self, left: frozenset[str]) -> Iterator[Item]:
        """Who is really gone; who is still there without being listed is out of our sight."""
        for ref in sorted(left):
            if not isinstance(ref, Ref):
                continue
            try:
                self._session.bulk.find_object(ref, "name")
            except SoapFault as fault:
                if fault.type != "ManagedObjectNotFound":
                    raise
                yield Gone(ref=str(ref))
            else:
                message = f"{ref.type} {ref} is not listed any more, but is there."
                yield Doubt(kind=None, code="withheld", message=message)

    # --- what the platform says -------------------------------------------------------------------

    def _filter(self, view: Ref) -> None:
        """Ask to be told, without the properties that this version of vCenter does not offer."""
        if self._collector is None:
            raise TransportLost("Nothing watches yet.", code="malformed")
        while True:
            try:
                self._session.bulk.call("CreateFilter", self._collector, self._wanted(view))
            except SoapFault as fault:
                unknown = as_text(fault.detail.get("name")) or ""
                of = [t for t, paths in WATCHED.items() if unknown in paths]
                if fault.type != "InvalidProperty" or not of:
                    raise
                if all(unknown in self._unknown.get(type_, ()) for type_ in of):
                    raise
                for type_ in of:
                    self._unknown.setdefault(type_, set()).add(unknown)
            else:
                return

    def _wanted(self, view: Ref) -> str:
        properties = "".join(
            f"<propSet><type>{type_}</type><all>false</all>"
            + "".join(
                f"<pathSet>{escape(path)}</pathSet>"
                for path in paths
                if path not in self._unknown.get(type_, ())
            )
            + "</propSet>"
            for type_, paths in WATCHED.items()
        )
        selection = (
            f'<objectSet><obj type="{view.type}">{escape(view)}</obj><skip>true</skip>'
            '<selectSet xsi:type="TraversalSpec"><name>v</name><type>ContainerView</type>'
            "<path>view</path><skip>false</skip></selectSet></objectSet>"
        )
        return f"<spec>{properties}{selection}</spec><partialUpdates>true</partialUpdates>"

    def _take_all(self) -> None:
        """Pass over the present state: what is there now is no change."""
        self._is_truncated = True
        while self._is_truncated:
            for one in self._ask(0) or ():
                self._take(one)

    def _ask(self, seconds: int) -> list[ObjectUpdate] | None:
        if self._collector is None:
            raise TransportLost("Nothing watches yet.", code="malformed")
        try:
            found = self._session.bulk.updates(
                self._collector, self._version, seconds=seconds, told=_KEPT
            )
        except SoapFault as fault:
            if fault.type in _FORGOTTEN:
                raise WatchForgotten(
                    f"vCenter has forgotten what it was asked to watch ({fault.type}).",
                    code="forgotten",
                ) from None
            raise _refused(fault) from None
        self._is_truncated = found is not None and found.is_truncated
        if found is None:
            return None
        self._version = found.version
        return found.objects

    def _take(self, one: ObjectUpdate) -> Changes:
        """Keep the names of things, and say what the update means for the records."""
        if one.kind == "leave":
            self._named.pop(one.ref, None)
            self._digests.pop(one.ref, None)
            return Changes(left=frozenset({one.ref}) - _of_tree(one.ref))
        before = dict(self._named.get(one.ref, {}))
        self._named.setdefault(one.ref, {}).update(one.values)
        if one.digest and self._digests.get(one.ref) == one.digest:
            return Changes()  # the list was made anew, and this is what was known
        self._digests[one.ref] = one.digest
        self._name(one.ref)
        if one.ref.type not in TREE:
            return Changes(touched=frozenset({one.ref}))
        self._collection.estate.forget_paths()
        # A folder that moves or is renamed changes the paths of all that is below it.
        return Changes(is_wide=bool(before) and before != self._named[one.ref])

    def _name(self, ref: Ref) -> None:
        self._collection.estate.add(Facts(ObjectContent(ref, self._named[ref], {})))

    def _end(self) -> None:
        """Let the platform forget what was watched before."""
        if self._collector is not None:
            with contextlib.suppress(SoapFault, CollectionFailed, Malformed):
                self._session.bulk.call("DestroyPropertyCollector", self._collector)
            self._collector = None
        self._held.close()


def _of_tree(ref: Ref) -> frozenset[str]:
    return frozenset({ref}) if ref.type in TREE else frozenset()


def _only_ref(found: list[Any], what: str) -> Ref:
    if len(found) != 1 or not isinstance(found[0], Ref):
        raise TransportLost(f"vCenter made no {what}.", code="malformed")
    return found[0]


def _refused(fault: SoapFault) -> CollectionFailed:
    return TransportLost(
        f"vCenter refused to be watched ({fault.type}).",
        code="fault",
        advice="Collections go on. If it repeats, look at vCenter's log for the reason.",
    )
