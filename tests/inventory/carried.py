"""Bundles for tests: what `manage.py collect` would have written, and what it would not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inventory.connectors import sealed, signing
from inventory.connectors.base import NOTES, Count, Item
from inventory.models import Source
from inventory.records import Kind, kind_of
from tests.factories import NOW, SourceFactory
from tests.inventory.fakes import platform

KEY = signing.read_private(signing.private_pem(signing.new_key()))
STRANGER = signing.new_key()


def a_bundle(
    *items: Item,
    key: Ed25519PrivateKey = KEY,
    at: datetime = NOW,
    of: str | None = None,
    **about: Any,
) -> bytes:
    """A signed bundle of these items; whole unless they say otherwise."""
    first = platform(of) if of else platform()
    packed, whole = BytesIO(), BytesIO()
    packer = sealed.Packer(packed)
    for item in (first, *items, *_counts((first, *items))):
        packer.add(item)
    given: dict[str, Any] = {
        "collected_at": at,
        "finished_at": at + timedelta(minutes=1),
        "collector": "9.9",
        "complete": True,
        **about,
    }
    packer.seal(whole, key=key, about=sealed.About(**given))
    return whole.getvalue()


def resealed(payload: bytes, *, key: Ed25519PrivateKey = KEY, **said: Any) -> bytes:
    """Any bytes, sealed by whoever holds the key."""
    packed, whole = BytesIO(), BytesIO()
    packer = sealed.Packer(packed)
    packer.add(platform())
    packer._xz.flush()
    packed.seek(0)
    packed.truncate()
    packed.write(payload)
    packer._xz = _Done()  # type: ignore[assignment]
    about = {"collected_at": NOW, "finished_at": NOW, "collector": "9.9", "complete": True, **said}
    packer.seal(whole, key=key, about=sealed.About(**about))
    return whole.getvalue()


class _Done:
    def flush(self) -> bytes:
        return b""


def bundle_source(**fields: Any) -> Source:
    """A source that takes signed bundles of `KEY`."""
    given = {
        "connector": Source.Connector.BUNDLE,
        "url": "",
        "trusted_key": signing.public_pem(KEY),
        "complete_at": None,
        "published_at": None,
        "evaluated_at": None,
        **fields,
    }
    made: Source = SourceFactory(**given)
    return made


def _counts(items: Iterable[Item]) -> list[Item]:
    told = {item.kind for item in items if isinstance(item, Count)}
    records: list[Any] = [item for item in items if not isinstance(item, NOTES)]
    return [
        Count(kind=kind, expected=sum(kind_of(one) == kind for one in records))
        for kind in Kind
        if kind not in told
    ]
