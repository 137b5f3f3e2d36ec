"""Bytes to and from one vCenter: verified TLS on every connect, bounded answers, no redirects.

pyVmomi's own HTTP code is not used: its version probe and its pinning do not verify what this
product promises. Both its calls and the bulk reads go through `Transport.post`.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import msgspec

from inventory.connectors.base import CollectionFailed
from inventory.connectors.vsphere import failures, tls
from inventory.connectors.vsphere.methods import require_allowed, require_allowed_rest

_CHUNK: Final = 256 * 1024
_COOKIE: Final = re.compile(r'\s*(vmware_soap_session=(?:"[^"]*"|[^;,\s]*))')
_IDLE_SECONDS: Final = 30.0


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vCenter's SDK is and how it may be spoken to."""

    host: str
    port: int
    path: str
    trust: tls.Trust
    user_agent: str
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    answer_timeout: float = 600.0  # a whole answer, so that a slow drip cannot hold a worker
    max_answer_bytes: int = 256 * 1024 * 1024


def endpoint(
    url: str,
    *,
    trust: tls.Trust,
    user_agent: str,
    connect_timeout: float,
    read_timeout: float,
    max_answer_bytes: int = 256 * 1024 * 1024,
) -> Endpoint:
    """The endpoint an address names, or raise CollectionFailed."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        raise _bad_url() from None
    if parts.scheme != "https" or not parts.hostname:
        raise _bad_url()
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise _bad_url()
    return Endpoint(
        host=parts.hostname,
        port=port,
        path="/sdk" if parts.path in ("", "/") else parts.path.rstrip("/"),
        trust=trust,
        user_agent=user_agent,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_answer_bytes=max_answer_bytes,
    )


class Session:
    """The cookie that stands for a login. Never shown."""

    def __init__(self, cookie: str = "") -> None:
        self.cookie = cookie

    def __repr__(self) -> str:
        return f"Session({'open' if self.cookie else 'none'})"


class Answer(msgspec.Struct, frozen=True):
    status: int
    content_type: str
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


class Transport:
    """One connection to one vCenter, for one thread at a time."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext, session: Session) -> None:
        self.endpoint = endpoint
        self._context = context
        self._session = session
        self._connection: HTTPSConnection | None = None
        self._used_at = 0.0

    def get(self, path: str) -> Answer:
        """Read a document that needs no login, or raise CollectionFailed."""
        return self._ask("GET", path, None, {}, doing="the version query")

    def post(self, method: str, envelope: bytes, *, soap_action: str) -> Answer:
        """Send one SOAP request and return the whole answer, or raise CollectionFailed.

        Raise MethodRefused, before anything is sent, for a method that is not on the list.
        """
        require_allowed(method)
        headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": soap_action}
        if self._session.cookie:
            headers["Cookie"] = self._session.cookie
        return self._ask("POST", self.endpoint.path, envelope, headers, doing=method)

    def rest(
        self, verb: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> Answer:
        """Send one REST request and return the whole answer, or raise CollectionFailed.

        Raise MethodRefused, before anything is sent, for what is not on the list.
        """
        require_allowed_rest(verb, path)
        about = {"Accept": "application/json", "Content-Type": "application/json", **headers}
        return self._ask(verb, path, body, about, doing=f"{verb} {path.partition('?')[0]}")

    def abort(self) -> None:
        """Make a read that waits in another thread fail now."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(
        self, verb: str, path: str, body: bytes | None, headers: dict[str, str], *, doing: str
    ) -> Answer:
        connection = self._open()
        try:
            connection.request(
                verb, path, body, {"User-Agent": self.endpoint.user_agent, **headers}
            )
            response = connection.getresponse()
            content = self._read(response, doing=doing)
        except (OSError, HTTPException) as error:
            self.close()
            raise failures.broken(
                error, host=self.endpoint.host, port=self.endpoint.port, doing=doing
            ) from None
        except BaseException:
            self.close()
            raise
        self._used_at = time.monotonic()
        self._remember_cookie(response)
        if response.will_close:
            self.close()
        return Answer(response.status, response.headers.get_content_type(), content)

    def _read(self, response: HTTPResponse, *, doing: str) -> bytes:
        limit, deadline = (
            self.endpoint.max_answer_bytes,
            time.monotonic() + self.endpoint.answer_timeout,
        )
        parts: list[bytes] = []
        size = 0
        # read1 returns what has arrived, so that the deadline is looked at between the drops.
        while part := response.read1(_CHUNK):
            size += len(part)
            if size > limit:
                raise failures.TransportLost(
                    f"The answer to {doing} is larger than {limit // 2**20} MiB.",
                    code="too-large",
                    advice="An object holds far more text than vCenter allows; find and fix it.",
                )
            if time.monotonic() > deadline:
                raise TimeoutError
            parts.append(part)
        if response.length:  # what Content-Length promised and the server did not send
            raise ConnectionResetError("truncated")
        response.close()  # read1 leaves this to us; the connection stays open for the next request
        return b"".join(parts)

    def _open(self) -> HTTPSConnection:
        if self._connection is not None and time.monotonic() - self._used_at > _IDLE_SECONDS:
            self.close()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> HTTPSConnection:
        end = self.endpoint
        connection = HTTPSConnection(
            end.host, end.port, timeout=end.connect_timeout, context=self._context
        )
        try:
            connection.connect()
            self._require_pin(connection)
        except ssl.SSLError as error:
            connection.close()
            raise failures.tls_refused(
                error, trust=end.trust, host=end.host, port=end.port, timeout=end.connect_timeout
            ) from None
        except OSError as error:
            connection.close()
            raise failures.unreachable(error, host=end.host, port=end.port) from None
        except CollectionFailed:
            connection.close()
            raise
        connection.sock.settimeout(end.read_timeout)
        return connection

    def _require_pin(self, connection: HTTPSConnection) -> None:
        """A pinned certificate that is an authority must not vouch for others: compare as well."""
        trust = self.endpoint.trust
        if not isinstance(trust, tls.PinnedTrust):
            return
        sock = connection.sock
        presented = sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
        if presented != trust.certificate:
            raise failures.pin_mismatch(
                presented, trust=trust, host=self.endpoint.host, port=self.endpoint.port
            )

    def _remember_cookie(self, response: HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie") or ():
            if found := _COOKIE.match(header):
                self._session.cookie = found[1]


def _bad_url() -> CollectionFailed:
    return CollectionFailed(
        "The address is not one of a vCenter.",
        code="bad-address",
        advice="Write it as https://host/sdk or https://host:port/sdk, without user or password.",
    )
