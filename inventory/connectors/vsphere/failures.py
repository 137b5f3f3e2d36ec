"""Why a vCenter could not be read, as sentences a person can act on."""

from __future__ import annotations

import socket
import ssl

from inventory.connectors.base import CollectionFailed
from inventory.connectors.vsphere import tls

_VERIFY_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_VERIFY_NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID
_VERIFY_HOSTNAME = frozenset(
    {62, 64}
)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_OLD_TLS_REASONS = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "WRONG_VERSION", "NO_PROTOCOLS")


class TransportLost(CollectionFailed):
    """The connection failed while an answer was expected; another request may still work."""


class SessionLost(CollectionFailed):
    """vCenter no longer knows the session; no request of this run can work any more."""


def no_rights(why: str) -> CollectionFailed:
    return CollectionFailed(
        f"The account may not read the inventory of this vCenter ({why}).",
        code="no-rights",
        advice="Give the account the Read-only role on the vCenter object, propagated.",
    )


def session_lost() -> SessionLost:
    return SessionLost(
        "vCenter ended the session before everything was read.",
        code="session",
        advice="Someone ended it, or vCenter was restarted; the next run tries again.",
    )


def unreachable(error: OSError, *, host: str, port: int) -> CollectionFailed:
    """The failure for a connection that could not be opened, TLS not yet begun."""
    where = f"{host}:{port}"
    if isinstance(error, socket.gaierror):
        return TransportLost(
            f"The name {host} could not be resolved.",
            code="name-unknown",
            advice="Check the spelling of the host name and the DNS servers of this machine.",
        )
    if isinstance(error, TimeoutError):
        return TransportLost(
            f"{where} did not answer in time.",
            code="timeout",
            advice="Check that the address is right and that no firewall drops the connection.",
        )
    if isinstance(error, ConnectionRefusedError):
        return TransportLost(
            f"{where} refused the connection.",
            code="connection-refused",
            advice="Check the port, and that vCenter's services are running.",
        )
    return TransportLost(
        f"The connection to {where} failed: {error.strerror or type(error).__name__}.",
        code="unreachable",
        advice="Check the address and the network between this machine and vCenter.",
    )


def broken(error: Exception, *, host: str, port: int, doing: str) -> CollectionFailed:
    """The failure for a connection that broke while `doing` something."""
    if isinstance(error, TimeoutError):
        return TransportLost(
            f"{host}:{port} stopped answering during {doing}.",
            code="timeout",
            advice="vCenter may be overloaded; if this repeats, raise the read timeout.",
        )
    return TransportLost(
        f"The connection to {host}:{port} broke during {doing} ({type(error).__name__}).",
        code="transport",
        advice="Usually passes by itself; if it repeats, look at the network and at vCenter's log.",
    )


def tls_refused(
    error: ssl.SSLError, *, trust: tls.Trust, host: str, port: int, timeout: float
) -> CollectionFailed:
    """The failure for a TLS handshake that one side refused."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_refused(error, trust=trust, host=host, port=port, timeout=timeout)
    reason = error.reason or ""
    if any(old in reason for old in _OLD_TLS_REASONS):
        return CollectionFailed(
            f"{host}:{port} speaks no TLS 1.2 or newer, or no TLS at all.",
            code="tls-version",
            advice="Enable TLS 1.2 on vCenter, and check that the port serves https.",
        )
    return TransportLost(
        f"The TLS handshake with {host}:{port} failed ({reason or type(error).__name__}).",
        code="tls-handshake",
        advice="Check that the address is vCenter's and that nothing on the way intercepts TLS.",
    )


def pin_mismatch(
    presented: bytes | None, *, trust: tls.PinnedTrust, host: str, port: int
) -> CollectionFailed:
    shown = tls.fingerprint(presented) if presented else "one that could not be read"
    return CollectionFailed(
        f"{host}:{port} presented a certificate other than the pinned one. "
        f"SHA-256 presented: {shown}. SHA-256 expected: {tls.fingerprint(trust.certificate)}.",
        code="pin-mismatch",
        advice=(
            "If the certificate was renewed on purpose, compare the fingerprint at the vCenter "
            "console and pin the new one. If not, someone may be between this machine and vCenter."
        ),
    )


def _certificate_refused(
    error: ssl.SSLCertVerificationError, *, trust: tls.Trust, host: str, port: int, timeout: float
) -> CollectionFailed:
    where = f"{host}:{port}"
    presented = tls.presented_certificate(host, port, timeout=timeout)
    if isinstance(trust, tls.PinnedTrust) and presented != trust.certificate:
        return pin_mismatch(presented, trust=trust, host=host, port=port)
    shown = f" SHA-256 presented: {tls.fingerprint(presented)}." if presented else ""
    if error.verify_code == _VERIFY_EXPIRED:
        return CollectionFailed(
            f"The certificate of {where} has expired.{shown}",
            code="certificate-expired",
            advice="Renew the certificate of vCenter.",
        )
    if error.verify_code == _VERIFY_NOT_YET_VALID:
        return CollectionFailed(
            f"The certificate of {where} is not valid yet.{shown}",
            code="certificate-expired",
            advice="Compare the clocks of this machine and of vCenter.",
        )
    if error.verify_code in _VERIFY_HOSTNAME:
        return CollectionFailed(
            f"The certificate of {where} was issued for another name.{shown}",
            code="hostname-mismatch",
            advice="Use the host name that the certificate names, or pin this certificate.",
        )
    return CollectionFailed(
        f"The certificate of {where} is not signed by an authority this source trusts.{shown}",
        code="certificate-untrusted",
        advice="Give the certificate of the signing authority, or pin the certificate of vCenter.",
    )
