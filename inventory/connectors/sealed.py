"""Collections that are carried: a signed file that a machine which reaches the platform has made.

The file is a line of JSON that says what is in it (`Seal`), a line with a signature of exactly
those bytes, and an xz stream of items whose length and SHA-256 the first line names. So nothing is
unpacked before it is known who made it and that nobody changed it.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from inventory.connectors import lines, signing
from inventory.connectors.base import NOTES, CollectionFailed, Identity, Item
from inventory.records import Platform, PlatformSettings, kind_of

FORMAT = "vmgov-bundle-2"
LONGEST_HEADER = 64 * 1024
MOST_UNPACKED = 1024**3
MOST_WARNINGS = 20
LONGEST_WARNING = 500
MAGIC_OF_XZ = b"\xfd7zXZ\0"


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What a carried collection says of itself, and what is signed."""

    format: str
    platform: Platform
    collected_at: datetime  # the moment the facts are true of
    finished_at: datetime  # when the last of them had been read
    instance_uuid: str
    product: str
    version: str
    build: str
    collector: str  # the version of vmgov that collected
    complete: bool
    counts: dict[str, int]  # records of each kind
    warnings: tuple[str, ...]
    packed_bytes: int
    packed_sha256: str


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The second line: whose signature of the first one it is."""

    key: str
    signature: str


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever seals knows and the items do not say."""

    collected_at: datetime
    finished_at: datetime
    collector: str
    complete: bool
    warnings: tuple[str, ...] = ()


_encoder = msgspec.json.Encoder(order="deterministic")
_seals = msgspec.json.Decoder(Seal)
_marks = msgspec.json.Decoder(Mark)


# --- making -----------------------------------------------------------------------------------


class Packer:
    """Packs items into a file as they come; `seal` then writes the whole of it beside."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._xz = lzma.LZMACompressor(format=lzma.FORMAT_XZ, preset=6)
        self._counts: Counter[str] = Counter()
        self._platform: PlatformSettings | None = None

    def add(self, item: Item) -> None:
        if isinstance(item, PlatformSettings):
            self._platform = self._platform or item
        if not isinstance(item, NOTES):
            self._counts[kind_of(item).value] += 1
        self._file.write(self._xz.compress(lines.written(item)))

    def seal(self, target: BinaryIO, *, key: Ed25519PrivateKey, about: About) -> Seal:
        """Write the signed bundle, or raise CollectionFailed when no platform was described."""
        if self._platform is None:
            raise CollectionFailed("The platform did not say who it is.", code="no-platform")
        self._file.write(self._xz.flush())
        size, digest = measured(self._file)
        seal = Seal(
            format=FORMAT,
            platform=self._platform.platform,
            collected_at=about.collected_at,
            finished_at=about.finished_at,
            instance_uuid=self._platform.uid,
            product=self._platform.product or "",
            version=self._platform.version or "",
            build=self._platform.build or "",
            collector=about.collector,
            complete=about.complete,
            counts=dict(sorted(self._counts.items())),
            warnings=about.warnings,
            packed_bytes=size,
            packed_sha256=digest,
        )
        signed = _encoder.encode(seal)
        mark = Mark(key=signing.fingerprint(key), signature=signing.sign(key, signed))
        target.write(signed + b"\n" + _encoder.encode(mark) + b"\n")
        self._file.seek(0)
        for chunk in lines.chunks_of(self._file):
            target.write(chunk)
        return seal


def measured(file: BinaryIO) -> tuple[int, str]:
    """Length and SHA-256 of a file, from its beginning."""
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    for chunk in lines.chunks_of(file):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


@contextmanager
def placing(target: Path) -> Iterator[BinaryIO]:
    """A file that is there whole, for its owner alone, when the block ends; else nothing is."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


# --- reading ----------------------------------------------------------------------------------


def verified(file: BinaryIO, *, key: Ed25519PublicKey) -> Seal:
    """What a bundle says of itself once it is proven who made it, or raise CollectionFailed.

    The file is left where its packed items begin.
    """
    file.seek(0)
    signed, marked = _line(file), _line(file)
    if not signed.startswith(b"{"):
        raise _unsigned() if signed.startswith(MAGIC_OF_XZ) else _no_bundle()
    if not marked.startswith(b"{"):
        raise _unsigned()
    try:
        mark = _marks.decode(marked)
    except lines.MALFORMED:
        raise _unsigned() from None
    if mark.key != signing.fingerprint(key):
        raise CollectionFailed(
            f"The bundle is signed with another key, {mark.key[:16]}…, than the one this source "
            f"trusts, {signing.fingerprint(key)[:16]}….",
            code="other-key",
            advice="If the collector has a new key, compare its fingerprint there and put the "
            "public key into the source.",
        )
    if not signing.is_signed_by(key, signed, mark.signature):
        raise _altered("its signature is wrong")
    seal = _seal(signed)
    begins = file.tell()
    _prove(file, seal)
    file.seek(begins)
    return seal


def _seal(signed: bytes) -> Seal:
    try:
        seal = _seals.decode(signed)
    except lines.MALFORMED:
        raise _newer() from None
    if seal.format != FORMAT:
        raise _newer()
    if seal.collected_at.tzinfo is None or seal.finished_at.tzinfo is None:
        raise lines.malformed("the moment it was collected at has no zone")
    return seal


def _prove(file: BinaryIO, seal: Seal) -> None:
    digest, size = hashlib.sha256(), 0
    for chunk in lines.chunks_of(file):
        digest.update(chunk)
        size += len(chunk)
    if size != seal.packed_bytes:
        raise _altered(f"{size} of {seal.packed_bytes} bytes are there")
    if digest.hexdigest() != seal.packed_sha256:
        raise _altered("what is in it is not what was signed")


def items(chunks: Iterable[bytes]) -> Iterator[Item]:
    """The items that unpacked bytes say, or raise CollectionFailed."""
    try:
        for line in lines.split(iter(chunks)):
            yield lines.item_of(lines.read(line))
    except lines.MALFORMED as error:
        raise lines.malformed(_reason(error)) from None


def _reason(error: Exception) -> str:
    return str(error) if type(error) in {ValueError, EOFError} else "it is damaged"


def _line(file: BinaryIO) -> bytes:
    line = file.readline(LONGEST_HEADER)
    return line.removesuffix(b"\n") if line.endswith(b"\n") else line


class CarriedConnector:
    """Yields what somebody else collected: they read from `true_at` to `true_until`."""

    def __init__(self, file: BinaryIO, seal: Seal) -> None:
        """`file` stands where `verified` left it."""
        self._file = file
        self._begins = file.tell()
        self.seal = seal
        self.platform = seal.platform
        self.true_at = seal.collected_at
        self.true_until = max(seal.finished_at, seal.collected_at)
        self.warnings = tuple(
            lines.storable(warning)[:LONGEST_WARNING] for warning in seal.warnings[:MOST_WARNINGS]
        )

    def probe(self) -> Identity:
        return Identity(
            instance_uuid=self.seal.instance_uuid,
            product=self.seal.product,
            version=self.seal.version,
            build=self.seal.build,
            account="carried",
        )

    def collect(self) -> Iterator[Item]:
        """Yield what was collected, in order; or raise CollectionFailed."""
        self._file.seek(self._begins)
        yield from items(lines.unpacked(self._file, most=MOST_UNPACKED))


def _no_bundle() -> CollectionFailed:
    return CollectionFailed(
        "This is no bundle that manage.py collect has written.",
        code="bad-file",
        advice="An RVTools workbook belongs to a source for workbooks.",
    )


def _unsigned() -> CollectionFailed:
    return CollectionFailed(
        "The bundle is not signed, so nothing says where it comes from.",
        code="unsigned",
        advice="Make it with manage.py collect and a signing key.",
    )


def _altered(reason: str) -> CollectionFailed:
    return CollectionFailed(
        f"The bundle was changed or cut short on its way: {reason}.",
        code="altered",
        advice="Copy it again from where it was collected.",
    )


def _newer() -> CollectionFailed:
    return CollectionFailed(
        "The bundle was made by a version of vmgov that this one does not understand.",
        code="other-version",
        advice="Bring both to the same version.",
    )
