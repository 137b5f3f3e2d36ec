"""The vSphere connector: one vCenter, asked who it is or read to the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import msgspec

from inventory.connectors.base import EventCursor, Identity, Item, SessionSink, Watch
from inventory.connectors.vsphere import tls, transport
from inventory.connectors.vsphere.client import Client, OpenSession
from inventory.connectors.vsphere.collection import Collection
from inventory.connectors.vsphere.failures import no_rights
from inventory.connectors.vsphere.mapping.estate import AttributeNames
from inventory.connectors.vsphere.reading import READ
from inventory.connectors.vsphere.surroundings import TREE
from inventory.connectors.vsphere.watching import VsphereWatch
from inventory.connectors.vsphere.xml import SoapFault
from inventory.records import Platform

# Privileges that only show something; any other is one a collecting account does not need.
_SHOWS: Final = re.compile(
    r"^System\.(Anonymous|View|Read)$|\.(View|Read|Browse|Get|List|Retrieve|Query)\w*$"
)
_NAMED: Final = 3
_WATCH_TIMEOUT: Final = 300.0  # a vCenter that has much to tell may take its time over one answer


class VsphereConnector:
    """Reads one vCenter. Holds the password for as long as it lives and shows it to nobody."""

    platform = Platform.VSPHERE

    def __init__(
        self,
        *,
        url: str,
        username: str,
        password: str,
        trust: tls.Trust | None = None,
        attributes: Mapping[str, str] | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        session_sink: SessionSink | None = None,
        page_size: int = 250,
        user_agent: str = "vmgov",
        events_since: EventCursor | None = None,
    ) -> None:
        """`attributes` names the custom attribute that carries classification, owner, criticality
        and team. Events are read only with `events_since`. Raise CollectionFailed when the address
        or the certificate cannot be used.
        """
        self._events_since = events_since
        self._username = username
        self._password = password
        self._attribute_names = AttributeNames(**(attributes or {}))
        self._sink = session_sink
        self._endpoint = transport.endpoint(
            url,
            trust=trust or tls.SystemTrust(),
            user_agent=user_agent,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )
        self.warnings: tuple[str, ...] = ()  # what the last collection noticed about the account
        self._page_size = page_size
        self._client = Client(self._endpoint, page_size=page_size)

    def __repr__(self) -> str:
        return f"VsphereConnector({self._endpoint.host}:{self._endpoint.port})"

    def probe(self) -> Identity:
        """Log in, say who answers, change nothing; or raise CollectionFailed."""
        with self._open() as session:
            content = session.content
            return Identity(
                instance_uuid=content.instance_uuid,
                product=content.product,
                version=content.version,
                build=content.build,
                account=session.account,
                warnings=tuple(_warnings(_root_privileges(session))),
            )

    def collect(self) -> Iterator[Item]:
        """Yield every object once, with what could not be read; or raise CollectionFailed."""
        with self._open() as session:
            collection = Collection(session, self._attribute_names, events_since=self._events_since)
            try:
                yield from collection.items()
            finally:
                if collection.around.root_privileges is not None:
                    self.warnings = tuple(_warnings(collection.around.root_privileges))

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """A session that is told what changes, logged out at the end; raise CollectionFailed."""
        endpoint = msgspec.structs.replace(self._endpoint, read_timeout=_WATCH_TIMEOUT)
        client = Client(endpoint, page_size=self._page_size)
        opened = client.open(username=self._username, password=self._password, sink=self._sink)
        with opened as session:
            yield VsphereWatch(session, self._attribute_names)

    def end_session(self, cookie: str) -> bool:
        """Log out a session that a killed run left behind; False if it was gone already."""
        return self._client.end(cookie)

    def _open(self) -> AbstractContextManager[OpenSession]:
        return self._client.open(username=self._username, password=self._password, sink=self._sink)


def _root_privileges(session: OpenSession) -> frozenset[str]:
    """What the account may do at the root, or raise CollectionFailed when it sees nothing."""
    root = session.content.root_folder
    try:
        held = session.privileges([root]).get(root, frozenset())
        if held or _sees_anything(session):
            return held
    except SoapFault as fault:
        raise no_rights(fault.type) from None
    raise no_rights("no object is visible")


def _sees_anything(session: OpenSession) -> bool:
    with session.view(*TREE) as view:
        return bool(view.listed())


def _warnings(privileges: frozenset[str]) -> Iterator[str]:
    if READ not in privileges:
        yield (
            "The account may not read the root of the inventory: what it is not told about cannot "
            "be noticed, so runs stay partial."
        )
    writing = sorted(held for held in privileges if not _SHOWS.search(held))
    if writing:
        yield (
            f"The account can change things: it holds {len(writing)} privileges beyond reading, "
            f"among them {', '.join(writing[:_NAMED])}. The Read-only role is enough."
        )
