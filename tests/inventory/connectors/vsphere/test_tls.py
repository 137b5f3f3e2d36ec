"""Nothing that stands in a vCenter's place is told a password, however often we connect."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inventory.connectors.base import CollectionFailed
from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from tests.inventory.connectors.vsphere.conftest import Build
from tests.peers.certificates import Authority, Certificate, expired, self_signed
from tests.peers.fault_proxy import FaultProxy
from tests.peers.rogue import Rogue
from tests.peers.vcsim import Vcsim

pytestmark = pytest.mark.integration

CONNECTS = 1000
CASES = (
    "pinned, another self-signed",
    "pinned, a sibling of the same authority",
    "pinned authority, a certificate it signed",
    "pinned, expired",
    "authority, self-signed",
    "authority, expired",
    "authority, another name",
    "system, self-signed",
)
CODES = {
    "pinned, another self-signed": "pin-mismatch",
    "pinned, a sibling of the same authority": "pin-mismatch",
    "pinned authority, a certificate it signed": "pin-mismatch",
    "pinned, expired": "certificate-expired",
    "authority, self-signed": "certificate-untrusted",
    "authority, expired": "certificate-expired",
    "authority, another name": "hostname-mismatch",
    "system, self-signed": "certificate-untrusted",
}
PASSWORD = "canary-7f3a"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


def presented_and_trusted(
    case: str, authority: Authority, folder: Path
) -> tuple[Certificate, tls.Trust]:
    """What the rogue shows, and what we trust."""
    ours = authority.issue()
    ca = authority.ca_pem.read_text()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    match case:
        case "pinned, another self-signed":
            return self_signed(folder), tls.PinnedTrust(self_signed(folder).pem)
        case "pinned, a sibling of the same authority":
            return authority.issue(), tls.PinnedTrust(ours.pem)
        case "pinned authority, a certificate it signed":
            return ours, tls.PinnedTrust(ca)
        case "pinned, expired":
            old = expired(folder)
            return old, tls.PinnedTrust(old.pem)
        case "authority, self-signed":
            return self_signed(folder), tls.CaTrust(ca)
        case "authority, expired":
            start = yesterday - timedelta(days=9)
            return authority.issue(start=start, end=yesterday), tls.CaTrust(ca)
        case "authority, another name":
            return authority.issue("vcenter.example.org"), tls.CaTrust(ca)
        case _:
            return self_signed(folder), tls.SystemTrust()


def connector(url: str, trust: tls.Trust) -> VsphereConnector:
    return VsphereConnector(url=url, username="u", password=PASSWORD, trust=trust)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_stranger_is_told_nothing(case: str, authority: Authority, tmp_path: Path) -> None:
    certificate, trust = presented_and_trusted(case, authority, tmp_path)
    connects = CONNECTS // len(CASES)
    with Rogue(certificate, patience=2) as rogue:
        reused = connector(rogue.url, trust)
        for attempt in range(connects):
            asked = reused if attempt % 10 else connector(rogue.url, trust)
            with pytest.raises(CollectionFailed) as caught:
                asked.probe() if attempt % 2 else next(iter(asked.collect()))
            assert caught.value.code == CODES[case]
            assert PASSWORD not in str(caught.value) + caught.value.advice

    assert rogue.connections >= connects
    assert rogue.payloads == []
    assert rogue.logins == 0


def test_a_wrong_pin_names_both_fingerprints(tmp_path: Path) -> None:
    shown, pinned = self_signed(tmp_path), self_signed(tmp_path)
    with Rogue(shown, patience=2) as rogue, pytest.raises(CollectionFailed) as caught:
        connector(rogue.url, tls.PinnedTrust(pinned.pem)).probe()

    assert shown.fingerprint in str(caught.value)
    assert pinned.fingerprint in str(caught.value)


def test_tls_older_than_1_2_is_refused(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with (
        Rogue(certificate, highest=ssl.TLSVersion.TLSv1_1, patience=2) as rogue,
        pytest.raises(CollectionFailed) as caught,
    ):
        connector(rogue.url, tls.PinnedTrust(certificate.pem)).probe()

    assert caught.value.code == "tls-version"
    assert rogue.payloads == []


@pytest.fixture
def stranger(tmp_path: Path) -> Certificate:
    folder = tmp_path / "stranger"
    folder.mkdir()
    return self_signed(folder)


@pytest.mark.parametrize("items_read", [1, 5, 15, 25])
def test_a_certificate_swapped_between_requests_ends_the_run(
    proxy: FaultProxy, connector_to: Build, stranger: Certificate, items_read: int
) -> None:
    items = connector_to(proxy, page_size=2).collect()
    for _ in range(items_read):
        next(items)
    proxy.swap_certificate(stranger, drop=True)
    before = len(proxy.calls)

    with pytest.raises(CollectionFailed) as caught:
        list(items)

    assert caught.value.code == "pin-mismatch"
    assert len(proxy.calls) - before <= 1  # one that was under way when the swap happened


def test_a_login_is_never_sent_again_to_another_certificate(
    proxy: FaultProxy, connector_to: Build, stranger: Certificate
) -> None:
    trusted = connector_to(proxy)
    trusted.probe()
    proxy.swap_certificate(stranger, drop=True)
    proxy.clear()

    for _ in range(20):
        with pytest.raises(CollectionFailed) as caught:
            trusted.probe()
        assert caught.value.code == "pin-mismatch"

    assert proxy.calls == []


def test_a_certificate_of_a_trusted_authority_is_accepted(
    vcenter: Vcsim, authority: Authority, connector_to: Build
) -> None:
    with FaultProxy(vcenter, authority.issue()) as good:
        ca = tls.CaTrust(authority.ca_pem.read_text())

        assert connector_to(good, trust=ca).probe().instance_uuid == vcenter.instance_uuid


@pytest.mark.parametrize("pem", ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAA=="])
@pytest.mark.parametrize("kind", [tls.CaTrust, tls.PinnedTrust])
def test_text_that_is_no_certificate_is_refused_before_anything_is_sent(
    kind: type[tls.CaTrust] | type[tls.PinnedTrust], pem: str
) -> None:
    with pytest.raises(CollectionFailed) as caught:
        connector("https://127.0.0.2:1/sdk", kind(pem))

    assert caught.value.code == "bad-certificate"


def test_no_context_of_ours_skips_verification(authority: Authority) -> None:
    pem = authority.ca_pem.read_text()
    for trust in (tls.SystemTrust(), tls.CaTrust(pem), tls.PinnedTrust(pem)):
        context = tls.context_for(trust)

        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname is not isinstance(trust, tls.PinnedTrust)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
