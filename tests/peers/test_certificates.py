import socket
import ssl
from pathlib import Path

import pytest

from tests.peers.certificates import Authority, Certificate, expired, self_signed
from tests.peers.rogue import Rogue

pytestmark = pytest.mark.integration


def connect(certificate: Certificate, *, trusting: Path, as_name: str = "127.0.0.2") -> None:
    context = ssl.create_default_context(cafile=str(trusting))
    with (
        Rogue(certificate) as listener,
        socket.create_connection((listener.host, listener.port)) as plain,
        context.wrap_socket(plain, server_hostname=as_name),
    ):
        pass


def test_a_self_signed_certificate_is_trusted_when_pinned(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    connect(certificate, trusting=certificate.cert_pem)


def test_two_self_signed_certificates_do_not_vouch_for_each_other(tmp_path: Path) -> None:
    one, another = self_signed(tmp_path), self_signed(tmp_path)
    assert one.fingerprint != another.fingerprint
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        connect(another, trusting=one.cert_pem)


def test_an_expired_certificate_says_so(tmp_path: Path) -> None:
    certificate = expired(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        connect(certificate, trusting=certificate.cert_pem)


def test_siblings_chain_to_one_authority(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    one, sibling = authority.issue(), authority.issue()
    assert one.fingerprint != sibling.fingerprint
    for certificate in (one, sibling):
        connect(certificate, trusting=authority.ca_pem)


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        connect(authority.issue("vcenter.example"), trusting=authority.ca_pem)
