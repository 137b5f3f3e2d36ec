"""A simulator for the tests of this folder, and clients that are not ours."""

import http.client
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from pyVim.connect import Disconnect, SmartConnect

from tests.peers.certificates import self_signed
from tests.peers.fault_proxy import FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim


class Peer(Protocol):
    """Anything that speaks vSphere on an address."""

    host: str
    port: int

    @property
    def cert_pem(self) -> Path: ...


@pytest.fixture(scope="module")
def vcsim() -> Iterator[Vcsim]:
    """One simulator for all tests of a module; each test picks objects of its own."""
    with start_vcsim(cluster=1, host=2, standalone_host=1, vm=3, seed="peers") as running:
        yield running


@pytest.fixture
def proxy(vcsim: Vcsim, tmp_path: Path) -> Iterator[FaultProxy]:
    with FaultProxy(vcsim, self_signed(tmp_path)) as running:
        yield running


Connect = Callable[..., Any]


@pytest.fixture
def connect(vcsim: Vcsim) -> Iterator[Connect]:
    """Log in with pyVmomi and get the service content; sessions end with the test."""
    open_sessions: list[Any] = []

    def log_in(peer: Peer | None = None, username: str = "", password: str = "") -> Any:
        peer = peer or vcsim
        session = SmartConnect(  # type: ignore[no-untyped-call]
            host=peer.host,
            port=peer.port,
            user=username or vcsim.username,
            pwd=password or vcsim.password,
            sslContext=ssl.create_default_context(cafile=str(peer.cert_pem)),
        )
        open_sessions.append(session)
        return session.RetrieveContent()

    yield log_in
    for session in open_sessions:
        Disconnect(session)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    body: bytes


class RawClient:
    """A plain HTTP client that sends SOAP as text, to see what is really on the wire."""

    def __init__(self, peer: Peer, *, timeout: float = 10) -> None:
        context = ssl.create_default_context(cafile=str(peer.cert_pem))
        self._connection = http.client.HTTPSConnection(
            peer.host, peer.port, context=context, timeout=timeout
        )
        self._cookie = ""

    def call(self, method: str, this: str, arguments: str = "") -> Reply:
        kind, ref = this.split(":")
        envelope = (
            '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Body>'
            f'<{method} xmlns="urn:vim25"><_this type="{kind}">{ref}</_this>{arguments}</{method}>'
            "</Body></Envelope>"
        )
        headers = {"Content-Type": "text/xml", "Cookie": self._cookie}
        self._connection.request("POST", "/sdk", envelope, headers)
        response = self._connection.getresponse()
        if cookie := response.getheader("Set-Cookie"):
            self._cookie = cookie.split(";")[0]
        return Reply(status=response.status, body=response.read())

    def log_in(self, username: str, password: str) -> Reply:
        credentials = f"<userName>{username}</userName><password>{password}</password>"
        return self.call("Login", "SessionManager:SessionManager", credentials)

    def log_out(self) -> Reply:
        return self.call("Logout", "SessionManager:SessionManager")

    def close(self) -> None:
        self._connection.close()
