"""A listener in the place of a vCenter that is not the one we know, to see what it is told."""

import socket
import ssl
import threading
from types import TracebackType
from typing import Self

from tests.peers.certificates import Certificate


class Rogue:
    """Accepts TLS connections with its certificate, answers nothing and keeps what it is sent."""

    def __init__(
        self,
        certificate: Certificate,
        *,
        port: int = 0,
        highest: ssl.TLSVersion | None = None,
        patience: float = 5,
    ) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.cert_pem, certificate.key_pem)
        if highest is not None:
            # Old versions need old algorithms, which OpenSSL has off by default.
            self._context.set_ciphers("ALL:@SECLEVEL=0")
            self._context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            self._context.maximum_version = highest
        self._patience = patience
        self._lock = threading.Lock()
        self._connections = 0
        self._handshakes = 0
        self._payloads: list[bytes] = []
        self._workers: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.2", port), backlog=256)
        self.host, self.port = self._listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}/sdk"

    @property
    def connections(self) -> int:
        """How many times somebody connected."""
        with self._lock:
            return self._connections

    @property
    def handshakes(self) -> int:
        """How many connections got through TLS as we see it; clients may have left at once."""
        with self._lock:
            return self._handshakes

    @property
    def payloads(self) -> list[bytes]:
        """What was sent after a handshake, for each connection that sent anything."""
        with self._lock:
            return list(self._payloads)

    @property
    def logins(self) -> int:
        """How many payloads hold a SOAP Login."""
        return sum(b"<Login" in payload or b":Login" in payload for payload in self.payloads)

    def stop(self) -> None:
        """Stop listening and wait for connections to end, so that the counts are final."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for worker in self._workers:
            worker.join(self._patience + 5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections += 1
            worker = threading.Thread(target=self._listen, args=(connection,), daemon=True)
            self._workers.append(worker)
            worker.start()

    def _listen(self, connection: socket.socket) -> None:
        received = b""
        connection.settimeout(self._patience)
        try:
            with connection, self._context.wrap_socket(connection, server_side=True) as secure:
                with self._lock:
                    self._handshakes += 1
                while chunk := secure.recv(65536):
                    received += chunk
        except (OSError, ssl.SSLError):
            pass  # an alert or a reset ends the connection too
        if received:
            with self._lock:
                self._payloads.append(received)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
