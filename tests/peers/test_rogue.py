import socket
import ssl
from pathlib import Path

import pytest

from tests.peers.certificates import Certificate, self_signed
from tests.peers.rogue import Rogue

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning"),
]


def context_for(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.cert_pem))


def test_a_client_that_refuses_the_certificate_says_nothing(tmp_path: Path) -> None:
    theirs, ours = self_signed(tmp_path), self_signed(tmp_path)
    with Rogue(theirs) as rogue:
        for _ in range(5):
            with (
                socket.create_connection((rogue.host, rogue.port)) as plain,
                pytest.raises(ssl.SSLCertVerificationError),
            ):
                context_for(ours).wrap_socket(plain, server_hostname=rogue.host)
    assert (rogue.connections, rogue.payloads, rogue.logins) == (5, [], 0)


def test_what_a_client_sends_after_the_handshake_is_kept(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with (
        Rogue(certificate) as rogue,
        socket.create_connection((rogue.host, rogue.port)) as plain,
        context_for(certificate).wrap_socket(plain, server_hostname=rogue.host) as secure,
    ):
        secure.sendall(b'<Login xmlns="urn:vim25"><password>secret</password></Login>')
    assert rogue.handshakes == 1
    assert rogue.logins == 1
    assert b"secret" in rogue.payloads[0]


def test_an_old_protocol_is_offered_and_refused_by_a_client_of_today(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with (
        Rogue(certificate, highest=ssl.TLSVersion.TLSv1_1) as rogue,
        socket.create_connection((rogue.host, rogue.port)) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context_for(certificate).wrap_socket(plain, server_hostname=rogue.host)
    assert rogue.payloads == []


def test_an_old_protocol_is_accepted_by_a_client_that_allows_it(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    lax = context_for(certificate)
    lax.set_ciphers("ALL:@SECLEVEL=0")
    lax.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with (
        Rogue(certificate, highest=ssl.TLSVersion.TLSv1_1) as rogue,
        socket.create_connection((rogue.host, rogue.port)) as plain,
        lax.wrap_socket(plain, server_hostname=rogue.host) as secure,
    ):
        assert secure.version() == "TLSv1.1"
