"""Every way a connection can fail is told in a sentence, with what to do, and without a secret."""

import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from inventory.connectors.base import CollectionFailed
from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.connectors.vsphere.transport import Answer, Session, Transport, endpoint
from tests.inventory.connectors.vsphere.conftest import Build
from tests.peers.certificates import Certificate, self_signed
from tests.peers.conftest import RawClient
from tests.peers.fault_proxy import Fault, FaultProxy
from tests.peers.vcsim import Vcsim

pytestmark = pytest.mark.integration
PASSWORD = "canary-7f3a"


@contextmanager
def a_server(
    certificate: Certificate,
    *,
    status: int = 200,
    content_type: str = "text/html",
    body: str = "",
    to_posts: str | None = None,
    posted: list[bytes] | None = None,
) -> Iterator[str]:
    """A web server that answers everything the same, or posts otherwise, with TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(body)

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if posted is not None:
                posted.append(self.rfile.read(size))
            self.answer(body if to_posts is None else to_posts)

        def answer(self, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Location", "https://127.0.0.2:1/stolen")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_pem, certificate.key_pem)
    server = ThreadingHTTPServer(("127.0.0.2", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.2:{server.server_port}/sdk"
    finally:
        server.shutdown()
        server.server_close()


def failure_of(connector: VsphereConnector) -> CollectionFailed:
    with pytest.raises(CollectionFailed) as caught:
        connector.probe()
    told = "".join(traceback.format_exception(caught.value)) + caught.value.advice
    assert PASSWORD not in told
    assert str(caught.value).endswith(".")
    assert caught.value.advice.endswith(".")
    return caught.value


def connector(url: str, certificate: Certificate | None = None, **options: Any) -> VsphereConnector:
    trust = tls.PinnedTrust(certificate.pem) if certificate else tls.SystemTrust()
    return VsphereConnector(url=url, username="u", password=PASSWORD, trust=trust, **options)


def test_a_wrong_password(connector_to: Build) -> None:
    assert failure_of(connector_to(password=PASSWORD)).code == "login-refused"


def test_a_port_nobody_listens_on() -> None:
    assert failure_of(connector("https://127.0.0.2:1/sdk")).code == "connection-refused"


def test_a_name_nobody_knows() -> None:
    assert failure_of(connector("https://vcenter.invalid/sdk")).code == "name-unknown"


def test_a_server_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.2", 0)) as silent:
        url = f"https://127.0.0.2:{silent.getsockname()[1]}/sdk"

        assert failure_of(connector(url, connect_timeout=0.2)).code == "timeout"


def test_a_server_that_speaks_no_tls() -> None:
    def greet(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.2", 0)) as plain:
        threading.Thread(target=greet, args=(plain,), daemon=True).start()
        url = f"https://127.0.0.2:{plain.getsockname()[1]}/sdk"

        assert failure_of(connector(url)).code == "tls-version"
        plain.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"body": "<html><title>Welcome</title></html>"}, "web page"),
        ({"body": '{"hello": 1}', "content_type": "application/json"}, "JSON"),
        ({"status": 404, "body": "no"}, "404"),
        ({"status": 302, "body": ""}, "302"),
        ({"status": 401, "body": ""}, "401"),
        ({"body": "<other/>", "content_type": "text/xml"}, "not a vCenter"),
        ({"body": '<!DOCTYPE a [<!ENTITY b "c">]><namespaces/>'}, "not a vCenter"),
        ({"body": ""}, "not a vCenter"),
    ],
)
def test_a_server_that_is_no_vcenter(answer: dict[str, Any], word: str, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with a_server(certificate, **answer) as url:
        failure = failure_of(connector(url, certificate))

    assert failure.code == "not-vcenter"
    assert word in str(failure)


def test_a_server_that_knows_no_version_of_ours(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    versions = (
        '<namespaces version="1.0"><namespace><name>urn:vim25</name><version>99.0</version>'
        "</namespace></namespaces>"
    )
    with a_server(certificate, body=versions) as url:
        assert failure_of(connector(url, certificate)).code == "api-version"


def test_half_a_description_is_not_believed(vcenter: Vcsim, tmp_path: Path) -> None:
    client = RawClient(vcenter)
    described = client.call("RetrieveServiceContent", "ServiceInstance:ServiceInstance").body
    client.close()
    half = described.decode().removesuffix("</soapenv:Envelope>")
    versions = (
        '<namespaces version="1.0"><namespace><name>urn:vim25</name><version>8.0.3.0</version>'
        "</namespace></namespaces>"
    )
    certificate, posted = self_signed(tmp_path), list[bytes]()
    with a_server(certificate, body=versions, to_posts=half, posted=posted) as url:
        assert failure_of(connector(url, certificate)).code == "not-vcenter"

    assert len(posted) == 1
    assert PASSWORD.encode() not in posted[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2/sdk",
        "https://",
        "https://u:p@127.0.0.2/sdk",
        "https://127.0.0.2:x/sdk",
        "https://127.0.0.2/sdk?x=1",
        "ftp://127.0.0.2",
        "127.0.0.2",
        "",
    ],
)
def test_an_address_that_cannot_be_one(url: str) -> None:
    with pytest.raises(CollectionFailed) as caught:
        connector(url)

    assert caught.value.code == "bad-address"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.RESET, "transport"),
        (Fault.TRUNCATE, "transport"),
        (Fault.HTTP_500, "malformed"),
        (Fault.HTTP_503, "malformed"),
        (Fault.EMPTY, "malformed"),
        (Fault.STALL, "timeout"),
    ],
)
def test_a_login_that_is_not_answered(
    proxy: FaultProxy, connector_to: Build, fault: Fault, code: str
) -> None:
    proxy.inject(fault, method="Login", seconds=5)

    assert failure_of(connector_to(proxy, password=PASSWORD, read_timeout=0.3)).code == code


def test_an_account_that_may_not_log_in(vcenter: Vcsim, connector_to: Build) -> None:
    vcenter.faults([{"method": "Login", "fault": "NoPermission"}])
    try:
        assert failure_of(connector_to()).code == "no-rights"
    finally:
        vcenter.faults([])


def test_an_account_that_may_read_nothing(vcenter: Vcsim, connector_to: Build) -> None:
    vcenter.faults([{"method": "RetrievePropertiesEx", "fault": "NoPermission"}])
    try:
        with pytest.raises(CollectionFailed) as caught:
            next(iter(connector_to().collect()))
    finally:
        vcenter.faults([])

    assert caught.value.code == "no-rights"
    assert vcenter.sessions() == 0


def test_an_answer_without_end_is_cut_off(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    trust = tls.PinnedTrust(certificate.pem)
    with a_server(certificate, body="x" * 2**21) as url:
        end = endpoint(
            url,
            trust=trust,
            user_agent="test",
            connect_timeout=5,
            read_timeout=5,
            max_answer_bytes=2**20,
        )
        with pytest.raises(CollectionFailed) as caught:
            Transport(end, tls.context_for(trust), Session()).get("/sdk")

    assert caught.value.code == "too-large"


def test_nothing_shows_the_password_the_cookie_or_an_answer(connector_to: Build) -> None:
    secret = connector_to(password=PASSWORD)

    assert PASSWORD not in repr(secret)
    assert "canary" not in repr(Session("vmware_soap_session=canary"))
    assert "canary" not in repr(Answer(200, "text/xml", b"canary"))
