"""Bulk reads: properties of many objects; while one page is decoded the next ones are fetched and
parsed, which needs no interpreter lock.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from inventory.connectors.vsphere import xml
from inventory.connectors.vsphere.failures import TransportLost, session_lost
from inventory.connectors.vsphere.transport import Answer, Transport
from inventory.connectors.vsphere.xml import Malformed, ObjectContent, Ref, SoapFault, Updates

_PAGES_A_LOT: Final = 4
_MOST_GONE: Final = 100  # of a lot; then somebody is clearing up, and another time is better
_BODIES_AHEAD: Final = 2
_TREES_AHEAD: Final = 1  # each several times as large as its bytes
Item = TypeVar("Item")
_TOKEN: Final = re.compile(rb"<(?:\w+:)?token>([^<]*)</(?:\w+:)?token>")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which properties of which type of object."""

    type: str
    paths: tuple[str, ...]


class BulkReader:
    """Raw SOAP over a transport of its own; one read at a time."""

    def __init__(
        self, transport: Transport, *, soap_action: str, collector: Ref, page_size: int
    ) -> None:
        self._transport = transport
        self._page_size = page_size
        self._soap_action = soap_action
        self._collector = collector

    def of_view(
        self, view: Ref, listed: Sequence[Ref], wanted: Wanted
    ) -> Iterator[list[ObjectContent]]:
        """The objects a container view lists, page by page.

        Many are asked for a lot at a time, so that no answer waits until vCenter has looked at all
        of them; those that are gone by then are left out. Raise SoapFault, TransportLost or
        SessionLost; Malformed never leaves here.
        """
        size = _PAGES_A_LOT * self._page_size
        if len(listed) > size:
            lots = (listed[at : at + size] for at in range(0, len(listed), size))
            yield from self._read(body for lot in lots for body in self._bodies_of_lot(lot, wanted))
            return
        selection = (
            f'<obj type="{view.type}">{xml.escape(view)}</obj><skip>true</skip>'
            '<selectSet xsi:type="TraversalSpec"><name>v</name><type>ContainerView</type>'
            "<path>view</path><skip>false</skip></selectSet>"
        )
        yield from self._read(self._bodies(wanted, f"<objectSet>{selection}</objectSet>"))

    def of_objects(self, refs: Sequence[Ref], wanted: Wanted) -> Iterator[list[ObjectContent]]:
        """Some named objects; the whole read fails with ManagedObjectNotFound if one is gone."""
        yield from self._read(self._bodies(wanted, _object_sets(refs)))

    def of_object(self, ref: Ref, *paths: str) -> ObjectContent:
        """One object, which must answer."""
        found = self.find_object(ref, *paths)
        if found is None:
            raise TransportLost(
                f"vCenter said nothing about {ref.type} {ref}.", code="missing-page"
            )
        return found

    def find_object(self, ref: Ref, *paths: str) -> ObjectContent | None:
        """One object; None when the account may not see it at all."""
        for page in self.of_objects([ref], Wanted(type=ref.type, paths=paths)):
            for content in page:
                if content.ref == ref:
                    return content
        return None

    def call(self, method: str, this: Ref, arguments: str = "") -> list[Any]:
        """The values a method returns, decoded like properties."""
        answer = self._post(method, this, arguments)
        with _Reading(method):
            return list(xml.returned_values(answer.body, method=method))

    def updates(
        self, collector: Ref, version: str, *, seconds: int, told: frozenset[str]
    ) -> Updates | None:
        """What changed since a version, waiting so long for it; None when nothing did.

        Raise SoapFault, TransportLost or SessionLost.
        """
        arguments = (
            f"<version>{xml.escape(version)}</version>"
            f"<options><maxWaitSeconds>{seconds}</maxWaitSeconds>"
            f"<maxObjectUpdates>{self._page_size}</maxObjectUpdates></options>"
        )
        answer = self._post("WaitForUpdatesEx", collector, arguments)
        with _Reading("WaitForUpdatesEx"):
            return xml.updates(answer.body, told=told)

    def interrupt(self) -> None:
        """Make a request that waits in another thread fail now."""
        self._transport.abort()

    def _read(self, bodies: Iterator[tuple[bytes, str]]) -> Iterator[list[ObjectContent]]:
        abort = self._transport.abort
        with (
            _Ahead(bodies, most=_BODIES_AHEAD, abort=abort) as arrived,
            _Ahead(_parsed(arrived), most=_TREES_AHEAD, abort=abort) as trees,
        ):
            for tree, token in trees:
                with _Reading("RetrievePropertiesEx"):
                    page = xml.page_of(tree)
                if page.token != token:
                    raise TransportLost(
                        "A page of vCenter's answer is not where it belongs.", code="missing-page"
                    )
                yield page.objects

    def _bodies_of_lot(self, refs: Sequence[Ref], wanted: Wanted) -> Iterator[tuple[bytes, str]]:
        waiting = list(refs)
        while waiting:
            started = False
            try:
                for body in self._bodies(wanted, _object_sets(waiting)):
                    started = True
                    yield body
            except SoapFault as fault:
                gone = fault.detail.get("obj")
                enough = started or len(refs) - len(waiting) == _MOST_GONE
                if enough or fault.type != "ManagedObjectNotFound" or gone not in waiting:
                    raise
                waiting.remove(gone)
            else:
                return

    def _bodies(self, wanted: Wanted, object_set: str) -> Iterator[tuple[bytes, str]]:
        """Each page's bytes, with the token that leads to the next."""
        paths = "".join(f"<pathSet>{xml.escape(path)}</pathSet>" for path in wanted.paths)
        body = self._post(
            "RetrievePropertiesEx",
            self._collector,
            f"<specSet><propSet><type>{wanted.type}</type><all>false</all>{paths}</propSet>"
            f"{object_set}</specSet><options><maxObjects>{self._page_size}</maxObjects></options>",
        ).body
        while token := _token(body):
            yield body, token
            body = self._post(
                "ContinueRetrievePropertiesEx",
                self._collector,
                f"<token>{xml.escape(token)}</token>",
            ).body
        yield body, ""

    def _post(self, method: str, this: Ref, arguments: str) -> Answer:
        envelope = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<soapenv:Envelope xmlns:soapenv="{xml.SOAP}"'
            ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f'<soapenv:Body><{method} xmlns="{xml.VIM}">'
            f'<_this type="{this.type}">{xml.escape(this)}</_this>{arguments}'
            f"</{method}></soapenv:Body></soapenv:Envelope>"
        )
        answer = self._transport.post(method, envelope.encode(), soap_action=self._soap_action)
        if answer.status == 200:
            return answer
        with _Reading(method):
            if answer.status == 500:
                xml.result(answer.body)  # raises the fault
            raise Malformed(f"HTTP status {answer.status}")


def _object_sets(refs: Sequence[Ref]) -> str:
    return "".join(
        f'<objectSet><obj type="{ref.type}">{xml.escape(ref)}</obj></objectSet>' for ref in refs
    )


def _parsed(bodies: Iterator[tuple[bytes, str]]) -> Iterator[tuple[xml.Element, str]]:
    for body, token in bodies:
        with _Reading("RetrievePropertiesEx"):
            tree = xml.parse(body)
        yield tree, token


def _token(body: bytes) -> str:
    """The token at the head of a page; escaped text of an object cannot look like one."""
    objects = body.find(b"<objects")
    found = _TOKEN.search(body, 0, objects if objects >= 0 else len(body))
    return found[1].decode("ascii", "replace") if found else ""


class _Reading:
    """Turn what is wrong with an answer into the failure it means."""

    def __init__(self, method: str) -> None:
        self._method = method

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SoapFault) and error.type == "NotAuthenticated":
            raise session_lost() from None
        if isinstance(error, Malformed):
            raise TransportLost(
                f"vCenter's answer to {self._method} could not be read: {error}.",
                code="malformed",
                advice="If it repeats, look at what stands between this machine and vCenter.",
            ) from None


class _Ahead(Generic[Item]):
    """Run a producer in a thread of its own, a few items ahead of the consumer."""

    def __init__(self, items: Iterator[Item], *, most: int, abort: Callable[[], None]) -> None:
        self._items = items
        self._abort = abort
        self._queue: queue.Queue[Item | BaseException | None] = queue.Queue(most)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="vsphere-pages", daemon=True)

    def __enter__(self) -> Iterator[Item]:
        self._thread.start()
        return self._consume()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread.is_alive() and not self._done():
            self._abort()
        self._thread.join()

    def _done(self) -> bool:
        """Whether the producer is about to end by itself."""
        self._thread.join(0.05)
        return not self._thread.is_alive()

    def _consume(self) -> Iterator[Item]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _produce(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
            self._put(None)
        except BaseException as error:
            self._put(error)  # the consumer raises it

    def _put(self, item: Item | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
