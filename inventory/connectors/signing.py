"""Who made a bundle: Ed25519 keys in PEM form, and a signature over exact bytes."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

# Signed before the bytes, so that no signature for anything else can be taken for one of these.
CONTEXT = b"vmgov bundle, version 2\0"


def new_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The public half, as a source keeps it."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_private(pem: bytes) -> Ed25519PrivateKey:
    """The key that signs, or raise ValueError."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("It is no private key in PEM form without a password.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("It is no Ed25519 key.")
    return key


def read_public(pem: str) -> Ed25519PublicKey:
    """The key that is trusted, or raise ValueError."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("It is no public key in PEM form.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("It is no Ed25519 key.")
    return key


def fingerprint(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """What people compare: the SHA-256 of the 32 bytes of the public key."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def sign(key: Ed25519PrivateKey, signed: bytes) -> str:
    return b64encode(key.sign(CONTEXT + signed)).decode()


def is_signed_by(key: Ed25519PublicKey, signed: bytes, signature: str) -> bool:
    """Whether the key made this signature of these bytes; there is one way of writing it."""
    try:
        raw = b64decode(signature, validate=True)
        if b64encode(raw).decode() != signature:
            return False
        key.verify(raw, CONTEXT + signed)
    except (InvalidSignature, ValueError):
        return False
    return True
