"""The other interface of a vCenter: asked for what SOAP does not tell, over the same transport.

Every byte passes the same verified connection and bounds as SOAP does, and no redirect is followed;
what may be sent is on a list of its own.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from inventory.connectors.base import CollectionFailed
from inventory.connectors.vsphere.methods import (
    REST_ATTACHED,
    REST_CATEGORIES,
    REST_SESSION,
    REST_TAGS,
)
from inventory.connectors.vsphere.transport import Transport

_Read = TypeVar("_Read")


class RestRefused(Exception):
    """The interface is not there, or the account may not use it: nothing of it is known."""


class RestSpoilt(Exception):
    """An answer that is not what it has to be."""


class RestGone(RestSpoilt):
    """What is asked about is not there, or not any more."""


class Named(msgspec.Struct, frozen=True):
    """A category or a tag; `category_id` is a tag's."""

    name: str
    category_id: str = ""


class ObjectId(msgspec.Struct, frozen=True):
    id: str
    type: str = ""


class Attached(msgspec.Struct, frozen=True):
    """The objects a tag is attached to; absent where there are none."""

    tag_id: str
    object_ids: list[ObjectId] | None = None


class _Value(msgspec.Struct, frozen=True):
    """What wraps every answer; absent where there is nothing to say."""

    value: Any = None


class RestSession:
    """What can be asked while logged in."""

    def __init__(self, transport: Transport, key: str) -> None:
        self._transport = transport
        self._headers = {"vmware-api-session-id": key}

    def get(self, path: str, kind: type[_Read]) -> _Read:
        """What stands at a path; or raise RestGone, RestRefused, RestSpoilt or CollectionFailed."""
        return _ask(self._transport, "GET", path, self._headers, kind)

    def categories(self) -> list[str]:
        return _ask(self._transport, "GET", REST_CATEGORIES, self._headers, list[str])

    def tags(self) -> list[str]:
        return _ask(self._transport, "GET", REST_TAGS, self._headers, list[str])

    def category(self, identifier: str) -> Named:
        return self._one(REST_CATEGORIES, identifier)

    def tag(self, identifier: str) -> Named:
        return self._one(REST_TAGS, identifier)

    def attached(self, tags: Sequence[str]) -> list[Attached]:
        """What some tags are attached to, as far as the account may see it."""
        body = msgspec.json.encode({"tag_ids": list(tags)})
        return _ask(self._transport, "POST", REST_ATTACHED, self._headers, list[Attached], body)

    def _one(self, path: str, identifier: str) -> Named:
        path = f"{path}/id:{quote(identifier, safe=':')}"
        return _ask(self._transport, "GET", path, self._headers, Named)


@contextlib.contextmanager
def logged_in(transport: Transport, *, username: str, password: str) -> Iterator[RestSession]:
    """A session, ended whatever happens; or raise RestRefused, RestSpoilt or CollectionFailed."""
    login = base64.b64encode(f"{username}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {login}"}
    try:
        key = _ask(transport, "POST", REST_SESSION, headers, str, b"")
        session = RestSession(transport, key)
        try:
            yield session
        finally:
            with contextlib.suppress(CollectionFailed):  # it must not hide why the rest failed
                transport.rest("DELETE", REST_SESSION, session._headers)
    finally:
        transport.close()


def _ask(
    transport: Transport,
    verb: str,
    path: str,
    headers: dict[str, str],
    kind: type[_Read],
    body: bytes | None = None,
) -> _Read:
    answer = transport.rest(verb, path, headers, body)
    if answer.status == 403 or (answer.status == 401 and path == REST_SESSION):
        raise RestRefused("The account may not use the REST interface of this vCenter.")
    if answer.status == 404 and path == REST_SESSION:
        raise RestRefused("This version of vCenter does not offer it.")
    if answer.status == 404:
        raise RestGone("HTTP status 404")
    if answer.status != 200:
        raise RestSpoilt(f"HTTP status {answer.status}")
    try:
        wrapped = msgspec.json.decode(answer.body, type=_Value).value
        empty: Any = [] if wrapped is None and kind is not str else wrapped
        return msgspec.convert(empty, kind)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError):
        raise RestSpoilt("an answer that could not be read") from None
