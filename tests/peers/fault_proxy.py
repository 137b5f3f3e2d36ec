"""A proxy before a vCenter that does to its answers what networks and busy servers do."""

import http.client
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from tests.peers import soap
from tests.peers.certificates import Certificate


class Fault(StrEnum):
    """What can go wrong with one call."""

    RESET = "reset"  # the connection is torn down where the answer should begin
    TRUNCATE = "truncate"  # half of the promised body, then the end
    HTTP_500 = "http-500"  # an error page that is not SOAP
    HTTP_503 = "http-503"  # the same from a gateway
    EMPTY = "empty"  # 200 with no body
    NOT_AUTHENTICATED = "not-authenticated"  # the SOAP fault of a lost session
    NO_PERMISSION = "no-permission"  # one property moves from the values to the missing ones
    OBJECT_NOT_FOUND = "object-not-found"  # the SOAP fault ManagedObjectNotFound
    DROP_TOKEN = "drop-token"  # the answer no longer says that there are more pages
    DUPLICATE_PAGE = "duplicate-page"  # a page holds again what the page before it held
    STALL = "stall"  # silence


@dataclass(frozen=True, kw_only=True)
class Call:
    """One SOAP or REST call that arrived. `fault` is what was done to its answer, if anything.

    `method` is SOAP's, or REST's verb and resource.
    """

    index: int
    method: str
    fault: Fault | None = None


@dataclass(kw_only=True)
class Injection:
    """A fault waiting for its call."""

    fault: Fault
    at: int | None
    method: str | None
    prop: str | None
    obj: str | None
    privilege: str
    seconds: float
    times: int
    forward: bool
    applied: list[Call] = field(default_factory=list)

    def matches(self, index: int, method: str) -> bool:
        return (
            len(self.applied) < self.times
            and (self.at is None or self.at == index)
            and (self.method is None or self.method == method)
        )


class Upstream(Protocol):
    """What the proxy needs to know of the vCenter behind it; Vcsim fits."""

    host: str
    port: int
    cert_pem: Path


class FaultProxy:
    """Stands on 127.0.0.2 with its own certificate before an upstream, and counts what passes."""

    def __init__(self, upstream: Upstream, certificate: Certificate, *, port: int = 0) -> None:
        self.upstream = upstream
        self.certificate = certificate
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._injections: list[Injection] = []
        self._connections: set[socket.socket] = set()
        self._context = _server_context(certificate)
        self._ending = threading.Event()
        self._last_page = b""
        self._server = _Server(("127.0.0.2", port), self)
        self.host, self.port = "127.0.0.2", self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}/sdk"

    @property
    def cert_pem(self) -> Path:
        return self.certificate.cert_pem

    @property
    def calls(self) -> list[Call]:
        """The SOAP calls so far, in the order of their arrival."""
        with self._lock:
            return list(self._calls)

    @property
    def methods(self) -> set[str]:
        """The names of all SOAP methods seen."""
        return {call.method for call in self.calls}

    def inject(
        self,
        fault: Fault,
        *,
        at: int | None = None,
        method: str | None = None,
        prop: str | None = None,
        obj: str | None = None,
        privilege: str = "System.Read",
        seconds: float = 60,
        times: int = 1,
        forward: bool = True,
    ) -> Injection:
        """Do this to the call of that index (from 0) or method, or to the next that allows it.

        NO_PERMISSION takes the property's path (else the first one present) and the object's id
        (else all that have it). STALL lasts `seconds`. `forward=False` keeps the request from the
        upstream. The result's `applied` lists the calls it was done to: none without occasion.
        """
        injection = Injection(
            fault=fault,
            at=at,
            method=method,
            prop=prop,
            obj=obj,
            privilege=privilege,
            seconds=seconds,
            times=times,
            forward=forward,
        )
        with self._lock:
            self._injections.append(injection)
        return injection

    def clear(self) -> None:
        """Forget all calls and faults; counting begins at 0."""
        with self._lock:
            self._calls.clear()
            self._injections.clear()
            self._last_page = b""

    def swap_certificate(self, certificate: Certificate, *, drop: bool = False) -> None:
        """Show this certificate on connections to come; drop=True ends those that are open."""
        self.certificate = certificate
        self._context = _server_context(certificate)
        if drop:
            self.drop_connections()

    def point_at(self, upstream: Upstream) -> None:
        """Put another vCenter behind the same name, port and certificate."""
        self.upstream = upstream

    def drop_connections(self) -> None:
        """End all open connections, as an idle timeout does."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was quicker

    def stop(self) -> None:
        """Stop listening, end all connections and stalls."""
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self.drop_connections()
        self._thread.join(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # What follows is for the handler's threads.

    def secure(self, connection: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(connection, server_side=True)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def admit(self, method: str) -> tuple[Call, Injection | None]:
        """Number a call and find the fault that waits for it."""
        with self._lock:
            call = Call(index=len(self._calls), method=method)
            self._calls.append(call)
            waiting = (one for one in self._injections if one.matches(call.index, method))
            return call, next(waiting, None)

    def note(self, call: Call, injection: Injection) -> None:
        """Record that the fault was done."""
        with self._lock:
            done = Call(index=call.index, method=call.method, fault=injection.fault)
            injection.applied.append(done)
            if call.index < len(self._calls):
                self._calls[call.index] = done

    def wait(self, seconds: float) -> None:
        self._ending.wait(seconds)

    def remember_page(self, page: bytes) -> bytes:
        """Keep a page for the one after it, and return the one before it."""
        with self._lock:
            before, self._last_page = self._last_page, page
            return before


@dataclass(kw_only=True)
class Answer:
    """An HTTP answer on its way back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: broken connections are this server's purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    connection: socket.socket

    def setup(self) -> None:
        self.request.settimeout(300)
        self.request = self.server.proxy.secure(self.request)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.proxy.opened(self.request)
        self._upstream: http.client.HTTPSConnection | None = None
        super().setup()

    def finish(self) -> None:
        self.server.proxy.closed(self.request)
        if self._upstream is not None:
            self._upstream.close()
        try:
            super().finish()
        finally:
            self.request.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        if self._is_rest():
            self._pass(f"GET {self._resource()}", b"")
        else:
            self._reply(self._forward(b""))

    def do_DELETE(self) -> None:
        self._pass(f"DELETE {self._resource()}", b"")

    def do_POST(self) -> None:
        body = self._read_body()
        self._pass(f"POST {self._resource()}" if self._is_rest() else soap.method_of(body), body)

    def _is_rest(self) -> bool:
        return self.path.startswith("/rest/")

    def _resource(self) -> str:
        """A REST address without what tells one object from another."""
        return self.path.partition("?")[0].partition("/id:")[0]

    def _pass(self, method: str, body: bytes) -> None:
        call, injection = self.server.proxy.admit(method)
        if injection is None:
            answer = self._forward(body)
            self._keep_page(answer)
            self._reply(answer)
        else:
            self._spoil(call, injection, body)

    def _spoil(self, call: Call, injection: Injection, body: bytes) -> None:
        proxy, fault = self.server.proxy, injection.fault
        if fault is Fault.STALL:
            proxy.note(call, injection)
            proxy.wait(injection.seconds)
        answer = (
            self._forward(body) if injection.forward else Answer(status=200, headers=[], body=b"")
        )
        if fault in _ON_THE_WIRE:
            proxy.note(call, injection)
            _ON_THE_WIRE[fault](self, answer)
            return
        before = self._keep_page(answer)
        if fault in _ANSWERS:
            proxy.note(call, injection)
            answers = _ANSWERS_OF_REST if self._is_rest() else _ANSWERS
            self._reply(answers.get(fault, _ANSWERS[Fault.HTTP_500])(body))
            return
        if fault is not Fault.STALL and _altered(answer, injection, before):
            proxy.note(call, injection)
        self._reply(answer)

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _forward(self, body: bytes) -> Answer:
        upstream = self.server.proxy.upstream
        if self._upstream is None or self._upstream.port != upstream.port:
            context = ssl.create_default_context(cafile=str(upstream.cert_pem))
            self._upstream = http.client.HTTPSConnection(
                upstream.host, upstream.port, context=context, timeout=300
            )
        skip = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
        headers = {k: v for k, v in self.headers.items() if k.lower() not in skip}
        try:
            self._upstream.request(self.command, self.path, body or None, headers)
            response = self._upstream.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._upstream.close()
            self._upstream = None
            self._tear_down()
            raise
        skip = {"connection", "content-length", "transfer-encoding", "date"}
        kept = [(k, v) for k, v in response.getheaders() if k.lower() not in skip]
        return Answer(status=response.status, headers=kept, body=content)

    def _keep_page(self, answer: Answer) -> bytes:
        """Remember a page of properties and return the one before it."""
        if answer.status != 200 or b"RetrievePropertiesExResponse" not in answer.body:
            return b""
        return self.server.proxy.remember_page(answer.body)

    def _reply(self, answer: Answer, *, promised: int | None = None) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        size = len(answer.body) if promised is None else promised
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _truncate(self, answer: Answer) -> None:
        promised = len(answer.body)
        answer.body = answer.body[: promised // 2]
        self._reply(answer, promised=promised)
        self.close_connection = True

    def _empty(self, answer: Answer) -> None:
        self._reply(Answer(status=200, headers=answer.headers, body=b""))

    def _reset(self, _: Answer) -> None:
        self._tear_down()

    def _tear_down(self) -> None:
        """End the connection with a TCP reset, without a goodbye in TLS."""
        self.close_connection = True
        self.server.proxy.closed(self.request)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.request.detach())


def _server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_pem, certificate.key_pem)
    return context


# Answers in place of the upstream's.


def _page(status: int, title: str) -> Answer:
    body = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status=status, headers=[("Content-Type", "text/html")], body=body.encode())


def _fault(body: bytes) -> Answer:
    return Answer(status=500, headers=[("Content-Type", "text/xml; charset=utf-8")], body=body)


_ON_THE_WIRE: dict[Fault, Callable[[_Handler, Answer], None]] = {
    Fault.RESET: _Handler._reset,
    Fault.TRUNCATE: _Handler._truncate,
    Fault.EMPTY: _Handler._empty,
}
_ANSWERS: dict[Fault, Callable[[bytes], Answer]] = {
    Fault.HTTP_500: lambda _: _page(500, "Internal Server Error"),
    Fault.HTTP_503: lambda _: _page(503, "Service Unavailable"),
    Fault.NOT_AUTHENTICATED: lambda request: _fault(soap.not_authenticated(request)),
    Fault.OBJECT_NOT_FOUND: lambda request: _fault(soap.object_not_found(request)),
}

_ANSWERS_OF_REST = {Fault.HTTP_503: _ANSWERS[Fault.HTTP_503]}


def _altered(answer: Answer, injection: Injection, before: bytes) -> bool:
    """Change the answer as the fault says; False if it gives no occasion."""
    if answer.status != 200 or not answer.body.startswith(b"<"):
        return False
    root = soap.parse(answer.body)
    if injection.fault is Fault.DROP_TOKEN:
        changed = soap.drop_token(root)
    elif injection.fault is Fault.DUPLICATE_PAGE:
        changed = soap.repeat_page(root, before)
    else:
        changed = soap.withhold(root, injection.prop, injection.obj, injection.privilege)
    if changed:
        answer.body = soap.unparse(root)
    return changed
