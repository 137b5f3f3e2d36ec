"""One collection: what is asked in which order, and what may not be taken on trust."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from inventory.connectors.base import Count, Doubt, EventCursor, Item, Unreadable
from inventory.connectors.vsphere import events, libraries, questions, tags
from inventory.connectors.vsphere.bulk import Wanted
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.directory import Directory
from inventory.connectors.vsphere.failures import SessionLost, TransportLost, no_rights
from inventory.connectors.vsphere.mapping import access, clusters, fabric, hosts, machines, switches
from inventory.connectors.vsphere.mapping import libraries as images
from inventory.connectors.vsphere.mapping.estate import AttributeNames, Estate
from inventory.connectors.vsphere.mapping.facts import Facts, as_number, as_text, dicts
from inventory.connectors.vsphere.mapping.sessions import sessions
from inventory.connectors.vsphere.reading import READ, Reading, explained
from inventory.connectors.vsphere.xml import Ref, SoapFault, many
from inventory.records import AnyRecord, Grant, Kind, kind_of

TREE: Final = ("Folder", "Datacenter", "ComputeResource", "ResourcePool")
_GIVE_UP_AFTER: Final = 2  # failures in a row

Step = Callable[[], Iterator[Item]]


class Collection:
    """Reads one vCenter once, through one session."""

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
        self._content = session.content
        self.estate = Estate(root=str(session.content.root_folder), attribute_names=attribute_names)
        self.root_privileges: frozenset[str] | None = None  # once they are known
        self._role_names: dict[int, str] = {}
        self._holders: list[Grant] | None = None  # once all grants are known
        self._contents: libraries.Contents | None = None  # of content libraries, once known

    def items(self) -> Iterator[Item]:
        """The platform first; then everything, each kind followed by its count and its doubts.

        Raise CollectionFailed when not even the platform can be described, or when whoever answers
        is no longer who answered first.
        """
        yield from self._platform()
        steps: tuple[tuple[Kind | None, Step], ...] = (
            (None, self._root_access),
            (None, self._tree),
            (Kind.VM, self._custom_fields),
            (Kind.VM, self._tags),
            (Kind.ROLE, self._roles),
            (Kind.NETWORK, self._networks),
            (Kind.HOST, self._answers_of_hosts),
            (Kind.HOST, self._hosts),
            (Kind.CLUSTER, self._clusters),
            (Kind.SWITCH, self._switches),
            (Kind.DATASTORE, self._datastores),
            (Kind.VM, self._machines),
            (Kind.GRANT, self._grants),
            (Kind.PRINCIPAL, self._principals),
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

    def surroundings(self) -> Iterator[Item]:
        """Read what the records of some objects need to know of others; raise SoapFault."""
        for step in (
            self._root_access,
            self._custom_fields,
            self._tags,
            self._networks,
            self._hosts,
        ):
            yield from step()

    def some(self, refs: Sequence[Ref]) -> Iterator[Item]:
        """What these objects say now, after `surroundings`; raise SoapFault."""
        with self._session.choosing(refs):
            for step in (
                self._networks,
                self._answers_of_hosts,
                self._hosts,
                self._clusters,
                self._switches,
                self._datastores,
                self._machines,
            ):
                yield from step()

    def rights(self) -> Iterator[Item]:
        """Every role, grant and principal, after `surroundings`; raise SoapFault."""
        for step in (self._roles, self._grants, self._principals):
            yield from step()

    def events(self, since: EventCursor) -> Iterator[Item]:
        """What the log says; a log that cannot be read is told."""
        return events.read(self._session, since)

    def _platform(self) -> Iterator[Item]:
        content, notes = self._content, list[Item]()
        try:
            notes += self._root_folder()
            settings = self._manager_list(content.settings, "setting", Kind.PLATFORM, notes)
            extensions = self._manager_list(
                content.extension_manager, "extensionList", Kind.PLATFORM, notes
            )
            licences = self._manager_list(content.license_manager, "licenses", Kind.PLATFORM, notes)
            logins = self._manager_list(
                content.session_manager, "sessionList", Kind.PLATFORM, notes
            )
            alarms = questions.ask_alarms(self._session, notes)
            self._contents = libraries.read_libraries(self._session, notes)
            clock = events.read_clock(self._session)
        except SoapFault as fault:
            raise no_rights(fault.type) from None
        yield access.platform_settings(
            instance_uuid=content.instance_uuid,
            product=content.product,
            version=content.version,
            build=content.build,
            api_version=content.api_version,
            skew=clock[1] if clock else None,
            settings=settings,
            extensions=extensions,
            alarms=alarms,
            licences=licences,
            sessions=None if logins is None else sessions(dicts(logins), own_key=self._session.key),
            libraries=self._contents.libraries if self._contents else None,
        )
        yield Count(kind=Kind.PLATFORM, expected=1)
        yield from notes

    def _root_folder(self) -> list[Item]:
        """The root of all paths. An account for a part of the inventory may not see it."""
        root = self._session.bulk.find_object(self._content.root_folder, "name")
        if root is None:
            return []
        self.estate.add(Facts(root))
        withheld = {f"root.{path}": [(root.ref, why)] for path, why in root.withheld.items()}
        return explained(self._session, None, withheld, {root.ref: "the root folder"})

    def _root_access(self) -> Iterator[Item]:
        root = self._content.root_folder
        try:
            self.root_privileges = self._session.privileges([root]).get(root, frozenset())
        except SoapFault:
            self.root_privileges = frozenset()
        if READ not in self.root_privileges:
            yield Doubt(
                kind=None,
                code="root-access",
                message="The account may not read the root of the inventory, so objects can exist "
                "that it is not told about.",
            )

    def _tree(self) -> Iterator[Item]:
        """Folders, data centers, compute resources and pools: names for the paths of others."""
        reading = Reading(
            self._session, None, Wanted(type="ManagedEntity", paths=("name", "parent"))
        )
        for facts in reading.facts(*TREE):
            self.estate.add(facts)
        yield from reading.notes

    def _custom_fields(self) -> Iterator[Item]:
        notes: list[Item] = []
        self.estate.field_names = None  # until they are known
        fields = self._manager_list(self._content.custom_fields, "field", Kind.VM, notes)
        if fields is not None:
            self.estate.field_names = {
                str(key): as_text(field.get("name")) or ""
                for field in dicts(fields)
                if (key := as_number(field.get("key"))) is not None
            }
        yield from notes

    def _tags(self) -> Iterator[Item]:
        return tags.read_tags(self._session, self.estate)

    def _roles(self) -> Iterator[Item]:
        notes: list[Item] = []
        found = self._manager_list(
            self._content.authorization_manager, "roleList", Kind.ROLE, notes
        )
        if found is None:
            yield _whole_kind_withheld(Kind.ROLE)
        for item in dicts(found):
            number = as_number(item.get("roleId"))
            if number is not None:
                self._role_names[number] = as_text(item.get("name")) or str(number)
            label = f"role {item.get('roleId')}"
            yield self._record(Kind.ROLE, label, label, partial(access.role, item))
        yield Count(kind=Kind.ROLE, expected=len(dicts(found)))
        yield from notes

    def _networks(self) -> Iterator[Item]:
        details: dict[Ref, Facts] = {}
        for type_, paths in (
            ("DistributedVirtualPortgroup", fabric.PORT_GROUP_PATHS),
            ("OpaqueNetwork", fabric.OPAQUE_PATHS),
        ):
            beyond = Reading(self._session, Kind.NETWORK, Wanted(type=type_, paths=paths))
            for facts in beyond.facts(type_):
                details[facts.ref] = facts
                key = fabric.network_key(facts)
                if key:
                    self.estate.network_by_key[key] = str(facts.ref)
            yield from beyond.notes
        yield from questions.ask_ports(self._session, self.estate, details.values())
        yield from self._kind(
            (Kind.NETWORK,),
            "Network",
            fabric.NETWORK_PATHS,
            lambda facts: fabric.network(facts, details.get(facts.ref), self.estate),
        )

    def _answers_of_hosts(self) -> Iterator[Item]:
        return questions.ask_hosts(self._session, self.estate)

    def _hosts(self) -> Iterator[Item]:
        return self._kind(
            (Kind.HOST,), "HostSystem", hosts.PATHS, lambda facts: hosts.host(facts, self.estate)
        )

    def _clusters(self) -> Iterator[Item]:
        return self._kind(
            (Kind.CLUSTER,),
            "ClusterComputeResource",
            clusters.PATHS,
            lambda facts: clusters.cluster(facts, self.estate),
        )

    def _switches(self) -> Iterator[Item]:
        return self._kind(
            (Kind.SWITCH,),
            "DistributedVirtualSwitch",
            switches.PATHS,
            lambda facts: switches.switch(facts, self.estate),
        )

    def _datastores(self) -> Iterator[Item]:
        return self._kind(
            (Kind.DATASTORE,),
            "Datastore",
            fabric.DATASTORE_PATHS,
            lambda facts: fabric.datastore(facts, self.estate),
        )

    def _machines(self) -> Iterator[Item]:
        """Machines and templates; the items of libraries are images beside these."""
        stored = self._contents.items if self._contents else ()
        yield from map(self._stored, stored)
        found = self._kind(
            (Kind.VM, Kind.IMAGE),
            "VirtualMachine",
            machines.PATHS,
            lambda facts: machines.machine(facts, self.estate),
        )
        for item in found:
            if isinstance(item, Count) and item.kind is Kind.IMAGE:
                yield Count(kind=Kind.IMAGE, expected=item.expected + len(stored))
            else:
                yield item

    def _stored(self, one: libraries.Stored) -> Item:
        ref, name = str(one.item.get("id")), str(one.item.get("name"))
        made = partial(images.image, one.item, one.library, one.files, self.estate)
        return self._record(Kind.IMAGE, ref, name, made)

    def _grants(self) -> Iterator[Item]:
        try:
            found = dicts(
                self._session.bulk.call(
                    "RetrieveAllPermissions", self._content.authorization_manager
                )
            )
        except SoapFault as fault:
            if fault.type != "NoPermission":
                raise
            yield _whole_kind_withheld(Kind.GRANT)
            return
        holders: list[Grant] = []
        for item in found:
            label = f"{item.get('principal')} on {item.get('entity')}"
            made = self._record(
                Kind.GRANT,
                label,
                label,
                partial(access.grant, item, self.estate, self._role_names),
            )
            if isinstance(made, Grant):
                holders.append(made)
            yield made
        yield Count(kind=Kind.GRANT, expected=len(found))
        self._holders = holders

    def _principals(self) -> Iterator[Item]:
        if self._holders is None:  # whoever holds a grant is told by the grants
            yield _whole_kind_withheld(Kind.PRINCIPAL)
        else:
            yield from Directory(self._session).principals(self._holders)

    def _events(self) -> Iterator[Item]:
        """Last, so that what happened while the inventory was read is among them."""
        if self._events_since is not None:
            yield from events.read(self._session, self._events_since)

    def _closing(self) -> Iterator[Item]:
        """The session that asked the last question has to be the one that asked the first."""
        current = self._session.bulk.of_object(self._content.session_manager, "currentSession")
        session = current.values.get("currentSession")
        key = as_text(session.get("key")) if isinstance(session, dict) else None
        if key != self._session.key:
            yield Doubt(
                kind=None,
                code="session",
                message="The session changed while the inventory was read.",
            )

    def _kind(
        self,
        kinds: tuple[Kind, ...],
        type_: str,
        paths: tuple[str, ...],
        build: Callable[[Facts], AnyRecord],
    ) -> Iterator[Item]:
        """Everything of a type, which may turn out to be of one of several kinds."""
        kind = kinds[0]
        reading = Reading(self._session, kind, Wanted(type=type_, paths=paths))
        arrived = dict.fromkeys(kinds, 0)
        for facts in reading.facts(type_):
            self.estate.add(facts)
            name = self.estate.name(str(facts.ref)) or str(facts.ref)
            item = self._record(kind, str(facts.ref), name, partial(build, facts))
            of = kind if isinstance(item, Unreadable) else kind_of(item)
            arrived[of] += 1
            yield item
        arrived[kind] += reading.missing
        for of, count in arrived.items():
            yield Count(kind=of, expected=count)
        yield from reading.notes

    def _record(
        self, kind: Kind, ref: str, name: str, build: Callable[[], AnyRecord]
    ) -> AnyRecord | Unreadable:
        """The record; what cannot be made into one is told instead, and spoils nothing else."""
        try:
            return build()
        except ValueError as error:
            return Unreadable(kind=kind, ref=ref, name=name, reason=str(error))
        except Exception as error:  # one object never breaks the run
            reason = f"The description of this object could not be read ({type(error).__name__})."
            return Unreadable(kind=kind, ref=ref, name=name, reason=reason)

    def _manager_list(
        self, manager: Ref | None, path: str, kind: Kind, notes: list[Item]
    ) -> list[Any] | None:
        """A list a manager holds; None, with a note, when it is withheld."""
        if manager is None:
            return []
        found = self._session.bulk.of_object(manager, path)
        if path not in found.withheld:
            return many(found.values.get(path))
        root = self._content.root_folder  # managers are no entities: their rights are the root's
        notes += explained(
            self._session,
            kind,
            {f"{manager.type}.{path}": [(root, found.withheld[path])]},
            {root: manager.type},
        )
        return None


def _refused(kind: Kind | None, fault: SoapFault) -> Doubt:
    return Doubt(kind=kind, code="fault", message=f"vCenter refused to answer ({fault.type}).")


def _unread(steps: Sequence[tuple[Kind | None, Step]]) -> Iterator[Item]:
    """Doubts for the kinds that were not read to the end."""
    for kind in dict.fromkeys(kind for kind, _ in steps if kind is not None):
        yield Doubt(kind=kind, code="not-read", message=f"The {kind} objects were not read.")


def _whole_kind_withheld(kind: Kind) -> Doubt:
    return Doubt(
        kind=kind,
        code="withheld",
        message=f"vCenter told nothing about {kind} objects: the account may not read them.",
    )
