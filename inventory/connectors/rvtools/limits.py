"""What a zip archive may be before anything in it is unpacked. A bomb dies here."""

from __future__ import annotations

import stat
import struct
from typing import BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from inventory.connectors.base import CollectionFailed
from inventory.connectors.lines import malformed

MOST_MEMBERS: Final = 1_000
MOST_DIRECTORY_BYTES: Final = 1024 * 1024
MOST_UNPACKED: Final = 100 * 1024 * 1024
MOST_RATIO: Final = 100
SMALL: Final = 1024 * 1024  # what is no larger unpacked may be packed as well as it likes
_END: Final = struct.Struct("<4s4H2LH")
_ENCRYPTED: Final = 0x1


def check(file: BinaryIO) -> None:
    """Return when the archive keeps all limits, or raise CollectionFailed."""
    opened(file).close()


def opened(file: BinaryIO) -> ZipFile:
    """The archive, once its directory keeps all limits; or raise CollectionFailed."""
    _check_end(file)
    file.seek(0)
    try:
        archive = ZipFile(file)
    except (BadZipFile, OSError, ValueError, struct.error, NotImplementedError):
        raise _no_workbook() from None
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise too_large(f"it holds more than {MOST_MEMBERS} files")
    if len({member.filename for member in members}) < len(members):
        raise malformed("two files in it have the same name")
    for member in members:
        _check_member(member)
    _check_overlap(members)
    return archive


def _check_end(file: BinaryIO) -> None:
    """The directory's own size first: reading a huge one is what a bomb is waiting for."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - 65_557))  # the record and the longest comment
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise _no_workbook()
    found = _END.unpack_from(tail, at)
    entries, directory = found[4], found[5]
    if b"PK\6\7" in tail[max(0, at - 20) : at]:  # zip64: more than any workbook of ours needs
        raise too_large("it is an archive for more than 4 GiB")
    if entries > MOST_MEMBERS or directory > MOST_DIRECTORY_BYTES:
        raise too_large(f"it holds more than {MOST_MEMBERS} files")


def _check_member(member: ZipInfo) -> None:
    name = member.filename
    if name.startswith(("/", "\\")) or "\\" in name or ":" in name or ".." in name.split("/"):
        raise malformed("a file in it has a name that leads outside")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise malformed("a file in it is a link")
    if member.flag_bits & _ENCRYPTED:
        raise malformed("it is protected by a password")
    if member.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise malformed("it is packed in a way that workbooks are not")
    if member.file_size > MOST_UNPACKED:
        raise too_large(f"a part of it is larger than {MOST_UNPACKED // 1024**2} MiB")
    if member.file_size > max(SMALL, MOST_RATIO * member.compress_size):
        raise too_large(f"a part of it grows more than {MOST_RATIO} times when unpacked")


def _check_overlap(members: list[ZipInfo]) -> None:
    """Files that share bytes are how a small archive becomes an endless one."""
    ends = 0
    for member in sorted(members, key=lambda each: each.header_offset):
        if member.header_offset < ends:
            raise malformed("files in it lie over each other")
        ends = member.header_offset + 30 + len(member.filename) + member.compress_size


def _no_workbook() -> CollectionFailed:
    return CollectionFailed(
        "This is no Excel workbook (.xlsx).",
        code="bad-file",
        advice="Export all to xlsx in RVTools and upload that file.",
    )


def too_large(reason: str) -> CollectionFailed:
    return CollectionFailed(
        f"The workbook is too large: {reason}.",
        code="too-large",
        advice="Collect this vCenter with manage.py collect instead.",
    )
