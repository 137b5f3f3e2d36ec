"""Certificates for peers that speak TLS: good, expired, and signed by an authority of our own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate with its key, as PEM files."""

    cert_pem: Path
    key_pem: Path

    @property
    def pem(self) -> str:
        return self.cert_pem.read_text()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as colon-separated upper-case hex."""
        loaded = x509.load_pem_x509_certificate(self.cert_pem.read_bytes())
        return loaded.fingerprint(hashes.SHA256()).hex(":").upper()


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate authority; two certificates of one authority are siblings."""

    directory: Path
    ca_pem: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, directory: Path, *, name: str = "Test authority") -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        start = datetime.now(UTC) - DAY
        certificate = (
            _builder(name, key, issuer=_name(name), start=start, end=start + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        ca_pem = _free(directory, "ca")
        ca_pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(directory=directory, ca_pem=ca_pem, certificate=certificate, key=key)

    def issue(
        self,
        name: str = "127.0.0.2",
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Certificate:
        """Sign for a host name or address; by default valid for 30 days from yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        begins = start or datetime.now(UTC) - DAY
        certificate = (
            _builder(
                name,
                key,
                issuer=self.certificate.subject,
                start=begins,
                end=end or begins + 30 * DAY,
            )
            .add_extension(_alternatives(name), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        return _store(self.directory, certificate, key)


def self_signed(
    directory: Path,
    name: str = "127.0.0.2",
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Certificate:
    """Make a certificate that vouches for itself, by default valid from yesterday for 30 days."""
    key = ec.generate_private_key(ec.SECP256R1())
    begins = start or datetime.now(UTC) - DAY
    certificate = (
        _builder(name, key, issuer=_name(name), start=begins, end=end or begins + 30 * DAY)
        .add_extension(_alternatives(name), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _store(directory, certificate, key)


def expired(directory: Path, name: str = "127.0.0.2") -> Certificate:
    """Make a self-signed certificate whose time ended yesterday."""
    now = datetime.now(UTC)
    return self_signed(directory, name, start=now - 30 * DAY, end=now - DAY)


def _builder(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: x509.Name,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternatives(name: str) -> x509.SubjectAlternativeName:
    try:
        return x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
    except ValueError:
        return x509.SubjectAlternativeName([x509.DNSName(name)])


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _store(
    directory: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> Certificate:
    cert_pem = _free(directory, "cert")
    key_pem = cert_pem.with_suffix(".key")
    cert_pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    key_pem.chmod(0o600)
    return Certificate(cert_pem=cert_pem, key_pem=key_pem)


def _free(directory: Path, stem: str) -> Path:
    """Name a file that does not exist yet, so that several certificates fit one directory."""
    number = 1
    while (path := directory / f"{stem}-{number}.pem").exists():
        number += 1
    return path
