"""Whom a connection trusts: one SSLContext for every connect, reconnects and bulk reads included.

There is no way to switch verification off. Pinning is done inside TLS: the trust store holds the
pinned certificate and nothing else, so every handshake is refused that presents another one.
"""

from __future__ import annotations

import hashlib
import socket
import ssl

import msgspec


class SystemTrust(msgspec.Struct, frozen=True):
    """The authorities this machine trusts."""


class CaTrust(msgspec.Struct, frozen=True):
    """Only the authorities in `pem`."""

    pem: str


class PinnedTrust(msgspec.Struct, frozen=True):
    """Only the one certificate in `pem`, whatever name it was issued for."""

    pem: str

    @property
    def certificate(self) -> bytes:
        """The pinned certificate in DER form, or raise ValueError."""
        return single_certificate(self.pem)


Trust = SystemTrust | CaTrust | PinnedTrust


def single_certificate(pem: str) -> bytes:
    """The one certificate in a PEM text in DER form, or raise ValueError."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    if pem.count(begin) != 1 or pem.count(end) != 1:
        raise ValueError("A pin is exactly one certificate in PEM form.")
    start, stop = pem.index(begin), pem.index(end) + len(end)
    return ssl.PEM_cert_to_DER_cert(pem[start:stop])


def fingerprint(certificate: bytes) -> str:
    """The SHA-256 of a DER certificate as upper-case pairs: AB:CD:…"""
    digest = hashlib.sha256(certificate).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def context_for(trust: Trust) -> ssl.SSLContext:
    """A context that verifies as `trust` says, TLS 1.2 or newer; or raise ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    match trust:
        case SystemTrust():
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        case CaTrust(pem=pem):
            _load(context, pem)
        case PinnedTrust():
            # The name need not match because the store holds this one certificate; PARTIAL_CHAIN
            # lets a certificate be trusted that is not an authority itself.
            context.check_hostname = False
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            _load(context, ssl.DER_cert_to_PEM_cert(trust.certificate))
    return context


def presented_certificate(host: str, port: int, *, timeout: float) -> bytes | None:
    """The certificate a server shows, in DER form, for a person to compare; None if it shows none.

    This handshake verifies nothing, so nothing is ever sent over it: the connection is closed as
    soon as the certificate is known.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            return wrapped.getpeercert(binary_form=True)
    except OSError:
        return None


def _load(context: ssl.SSLContext, pem: str) -> None:
    try:
        context.load_verify_locations(cadata=pem)
    except ssl.SSLError as error:
        raise ValueError("The text holds no certificate in PEM form.") from error
