"""Sealing of credentials: AES-256-GCM, key outside the database, bound to where they may be sent.

The additional authenticated data names purpose, row, host, port, TLS mode, pin and key: change any
of them, in the page or in SQL, and the secret no longer opens. It has to be typed again.
"""

from __future__ import annotations

import hashlib
import json
import os
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12
DEFAULT_PORT = 443


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that only the key ring opens, and only for the same destination."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret may be sent."""

    host: str
    port: int
    trust: str
    pin: str  # SHA-256 of the trusted PEM, "" for system trust


class CannotOpen(Exception):
    """The secret was sealed for another destination, with another key, or was altered."""


def destination(*, url: str, trust: str, trust_pem: str) -> Destination:
    """Where an address with this trust leads. Case and an implied port make no difference."""
    parts = urlsplit(url)
    return Destination(
        host=(parts.hostname or "").lower(),
        port=parts.port or DEFAULT_PORT,
        trust=trust,
        pin=hashlib.sha256(trust_pem.strip().encode()).hexdigest() if trust_pem.strip() else "",
    )


def seal(secret: str, *, purpose: str, row_id: int, to: Destination) -> Sealed:
    """Seal with the first key of the ring."""
    key_id, key = next(iter(settings.CREDENTIAL_KEYS.items()))
    nonce = os.urandom(NONCE_BYTES)
    bound = _bound(purpose=purpose, row_id=row_id, to=to, key_id=key_id)
    return Sealed(
        key_id=key_id, nonce=nonce, ciphertext=AESGCM(key).encrypt(nonce, secret.encode(), bound)
    )


def unseal(sealed: Sealed, *, purpose: str, row_id: int, to: Destination) -> str:
    """The secret, or raise CannotOpen."""
    key = settings.CREDENTIAL_KEYS.get(sealed.key_id)
    if key is None:
        raise CannotOpen(f"the key {sealed.key_id} is not in the key ring")
    bound = _bound(purpose=purpose, row_id=row_id, to=to, key_id=sealed.key_id)
    try:
        return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, bound).decode()
    except InvalidTag:
        raise CannotOpen("it was sealed for another destination or was altered") from None


def _bound(*, purpose: str, row_id: int, to: Destination, key_id: str) -> bytes:
    return json.dumps(
        [purpose, row_id, to.host, to.port, to.trust, to.pin, key_id], separators=(",", ":")
    ).encode()
