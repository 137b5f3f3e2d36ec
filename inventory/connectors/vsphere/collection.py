"""One collection: what is asked in which order, and what may not be taken on trust."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from inventory.connectors.base import Count, Doubt, EventCursor, Item
from inventory.connectors.vsphere import events
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.failures import SessionLost, TransportLost
from inventory.connectors.vsphere.making import Making
from inventory.connectors.vsphere.mapping.estate import AttributeNames
from inventory.connectors.vsphere.mapping.facts import as_text
from inventory.connectors.vsphere.objects import Objects
from inventory.connectors.vsphere.rights import Rights
from inventory.connectors.vsphere.surroundings import Surroundings
from inventory.connectors.vsphere.vcenter import VCenter
from inventory.connectors.vsphere.xml import Ref, SoapFault
from inventory.records import Kind

_GIVE_UP_AFTER: Final = 2  # failures in a row

Step = Callable[[], Iterator[Item]]


class Collection:
    """Reads one vCenter once, or parts of it again, through one session."""

    def __init__(
        self,
        session: OpenSession,
        attribute_names: AttributeNames,
        *,
        events_since: EventCursor | None = None,
    ) -> None:
        """Events are read only when it is said since when."""
        self._events_since = events_since
        self._session = session
        self._making = Making(session, attribute_names)
        self.estate = self._making.estate
        self.around = Surroundings(self._making)
        self._vcenter = VCenter(self._making)
        self._objects = Objects(self._making)
        self._rights = Rights(self._making)

    def items(self) -> Iterator[Item]:
        """The platform first; then everything, each kind followed by its count and its doubts.

        Raise CollectionFailed when not even the platform can be described, or when whoever answers
        is no longer who answered first.
        """
        yield from self._vcenter.described()
        around, objects, rights = self.around, self._objects, self._rights
        steps: tuple[tuple[Kind | None, Step], ...] = (
            (None, around.root_access),
            (None, around.tree),
            (Kind.VM, around.custom_fields),
            (Kind.VM, around.tags),
            (Kind.ROLE, rights.roles),
            (Kind.NETWORK, objects.networks),
            (Kind.HOST, objects.answers_of_hosts),
            (Kind.HOST, objects.hosts),
            (Kind.CLUSTER, objects.clusters),
            (Kind.SWITCH, objects.switches),
            (Kind.DATASTORE, objects.datastores),
            (Kind.VM, self._machines),
            (Kind.GRANT, rights.grants),
            (Kind.PRINCIPAL, rights.principals),
            (None, self._events),
            (None, self._closing),
        )
        failures = 0
        for at, (kind, step) in enumerate(steps):
            try:
                yield from step()
            except SessionLost as error:
                yield Doubt(kind=None, code=error.code, message=str(error))
                yield from _unread(steps[at:])
                return
            except SoapFault as fault:
                yield _refused(kind, fault)
            except TransportLost as error:
                yield Doubt(kind=kind, code="transport", message=str(error))
                self._session.drop_connections()  # where one broke, the others may have as well
                failures += 1
                if failures == _GIVE_UP_AFTER:
                    yield from _unread(steps[at + 1 :])
                    return
            else:
                failures = 0

    # --- parts of it ----------------------------------------------------------------------------

    def surroundings(self) -> Iterator[Item]:
        """Read what the records of some objects need to know of others; raise SoapFault."""
        for step in (
            self.around.root_access,
            self.around.custom_fields,
            self.around.tags,
            self._objects.networks,
            self._objects.hosts,
        ):
            yield from step()

    def some(self, refs: Iterable[Ref]) -> Iterator[Item]:
        """What these objects say now, after `surroundings`, uncounted; raise SoapFault."""
        for item in self._chosen(refs, self._objects.machines):
            if not isinstance(item, Count):
                yield item

    def with_images(self, refs: Iterable[Ref]) -> Iterator[Item]:
        """As `some`; with every template among them that there is, all images are told, after
        `vcenter`, and counted when all of them are known.
        """
        is_known = self._vcenter.contents is not None
        for item in self._chosen(refs, self._machines):
            if not isinstance(item, Count) or (is_known and item.kind is Kind.IMAGE):
                yield item

    def rights(self) -> Iterator[Item]:
        """Every role, grant and principal, after `surroundings`; raise SoapFault."""
        for step in (self._rights.roles, self._rights.grants, self._rights.principals):
            yield from step()

    def vcenter(self, *, with_libraries: bool) -> Iterator[Item]:
        """What vCenter says of itself, and of its libraries if they are asked about again."""
        return self._vcenter.described(with_libraries=with_libraries)

    def events(self, since: EventCursor) -> Iterator[Item]:
        """What the log says; a log that cannot be read is told."""
        return events.read(self._session, since)

    # --- steps ----------------------------------------------------------------------------------

    def _chosen(self, refs: Iterable[Ref], machines: Step) -> Iterator[Item]:
        with self._session.choosing(sorted(refs)):
            for step in (
                self._objects.networks,
                self._objects.answers_of_hosts,
                self._objects.hosts,
                self._objects.clusters,
                self._objects.switches,
                self._objects.datastores,
                machines,
            ):
                yield from step()

    def _machines(self) -> Iterator[Item]:
        """Machines and templates; the items of libraries are images beside these."""
        stored = self._vcenter.stored()
        yield from stored
        for item in self._objects.machines():
            if isinstance(item, Count) and item.kind is Kind.IMAGE:
                yield Count(kind=Kind.IMAGE, expected=item.expected + len(stored))
            else:
                yield item

    def _events(self) -> Iterator[Item]:
        """Last, so that what happened while the inventory was read is among them."""
        if self._events_since is not None:
            yield from events.read(self._session, self._events_since)

    def _closing(self) -> Iterator[Item]:
        """The session that asked the last question has to be the one that asked the first."""
        manager = self._session.content.session_manager
        current = self._session.bulk.of_object(manager, "currentSession")
        session = current.values.get("currentSession")
        key = as_text(session.get("key")) if isinstance(session, dict) else None
        if key != self._session.key:
            yield Doubt(
                kind=None,
                code="session",
                message="The session changed while the inventory was read.",
            )


def _refused(kind: Kind | None, fault: SoapFault) -> Doubt:
    return Doubt(kind=kind, code="fault", message=f"vCenter refused to answer ({fault.type}).")


def _unread(steps: Sequence[tuple[Kind | None, Step]]) -> Iterator[Item]:
    """Doubts for the kinds that were not read to the end."""
    for kind in dict.fromkeys(kind for kind, _ in steps if kind is not None):
        yield Doubt(kind=kind, code="not-read", message=f"The {kind} objects were not read.")
