"""A host's certificate: its text, and what it says."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from inventory.connectors.vsphere.mapping.facts import as_number
from inventory.connectors.vsphere.xml import many
from inventory.parts import Certificate


def pem(found: Any) -> str | None:
    """PEM text; the platform sends it as single signed bytes or as base64."""
    if isinstance(found, str) and "BEGIN CERTIFICATE" in found:
        return str(found)
    if isinstance(found, str):
        try:
            return base64.b64decode(found, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            return None
    numbers = [as_number(byte) for byte in many(found)]
    if not numbers or None in numbers:
        return None
    return bytes(number & 0xFF for number in numbers if number is not None).decode(
        "ascii", "replace"
    )


def read(text: str | None) -> Certificate | None:
    """What the first certificate in the text says; None when it cannot be read."""
    try:
        found = x509.load_pem_x509_certificate((text or "").encode())
        return Certificate(
            subject=found.subject.rfc4514_string(),
            issuer=found.issuer.rfc4514_string(),
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            sha256=found.fingerprint(SHA256()).hex(),
        )
    except (ValueError, TypeError, x509.InvalidVersion):
        return None
