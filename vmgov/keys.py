"""Keys of an installation: parsed when given, generated once when embedded.

Losing a key loses what it protects, so a key that is missing beside existing data is an error.
"""

import base64
import binascii
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

CREDENTIAL_KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class EmbeddedKeys:
    """What `manage.py up` keeps under `var/keys`, readable by its owner alone."""

    secret_key: str
    credential_keys: str
    token_pepper: str
    database_password: str


def new_credential_key() -> str:
    """Return a fresh `id:base64` line for a credential key ring."""
    identity = datetime.now(UTC).strftime("%Y%m%d") + "-" + secrets.token_hex(3)
    return f"{identity}:{base64.b64encode(secrets.token_bytes(CREDENTIAL_KEY_BYTES)).decode()}"


def parse_ring(text: str) -> dict[str, bytes]:
    """Return the keys by id, the sealing one first, or raise ValueError without quoting a key."""
    ring: dict[str, bytes] = {}
    for number, line in enumerate(text.replace(",", "\n").split(), start=1):
        identity, _, encoded = line.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not identity or len(key) != CREDENTIAL_KEY_BYTES:
            raise ValueError(f"must hold `id:base64` of {CREDENTIAL_KEY_BYTES} bytes: key {number}")
        if identity in ring:
            raise ValueError(f"must not name two keys {identity}")
        ring[identity] = key
    if not ring:
        raise ValueError("must hold one key or more")
    return ring


def embedded(var_dir: Path) -> EmbeddedKeys:
    """Return the keys under `var_dir`, made on first use; never made anew beside existing data."""
    folder = var_dir / "keys"
    return EmbeddedKeys(
        secret_key=_kept(folder / "secret-key", lambda: secrets.token_urlsafe(48), var_dir),
        credential_keys=_kept(folder / "credential-keys", new_credential_key, var_dir),
        token_pepper=_kept(folder / "token-pepper", lambda: secrets.token_urlsafe(48), var_dir),
        database_password=_kept(
            folder / "database-password", lambda: secrets.token_urlsafe(32), var_dir
        ),
    )


def _kept(path: Path, make: Callable[[], str], var_dir: Path) -> str:
    if not path.exists():
        if (var_dir / "postgres" / "PG_VERSION").exists():
            raise ImproperlyConfigured(
                f"{path} is missing although {var_dir / 'postgres'} holds data that needs it. "
                "Put the file back from a backup; a new key would not open that data."
            )
        write_secret(path, make())
    return path.read_text(encoding="utf-8").strip()


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner reads, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    path.parent.chmod(0o700)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    temporary = Path(name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
