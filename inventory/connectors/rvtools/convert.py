"""Reads a workbook from standard input and writes what it holds to standard output.

It is a process of its own, so that whatever a file makes the reading do ends with it: memory and
time are limited by the system. Started by `child`; the first line it writes is a `Told`.
"""

from __future__ import annotations

import resource
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec

from inventory.connectors import lines
from inventory.connectors.base import CollectionFailed
from inventory.connectors.rvtools.limits import too_large
from inventory.connectors.rvtools.reading import Collected, Reading
from inventory.connectors.sealed import FORMAT, Seal

MOST_MEMORY: Final = 512 * 1024 * 1024
MOST_SECONDS: Final = 30
MOST_WRITTEN: Final = 1024**3


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is said beside the file: which attribute carries what, and when it was exported."""

    attributes: dict[str, str] = {}
    collected_at: datetime | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    code: str
    advice: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: a collection, whose items follow line by line, or why there is none."""

    seal: Seal | None = None
    is_local_time: bool = False
    not_read: dict[str, list[str]] = {}
    failed: Failed | None = None


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    wish = msgspec.json.decode(sys.argv[1], type=Wish)
    try:
        read = Reading(
            sys.stdin.buffer, attributes=wish.attributes, collected_at=wish.collected_at
        ).read()
    except CollectionFailed as error:
        _say(_failed(error))
    except MemoryError:
        _say(_failed(too_large("reading it takes too much memory")))
    else:
        _say(_told(read))
        for item in read.items:
            sys.stdout.buffer.write(lines.written(item))


def _say(told: Told) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")


def _failed(error: CollectionFailed) -> Told:
    return Told(failed=Failed(message=str(error), code=error.code, advice=error.advice))


def _told(read: Collected) -> Told:
    seal = Seal(
        format=FORMAT,
        platform=read.platform.platform,
        collected_at=read.collected_at.astimezone(UTC),
        finished_at=read.collected_at.astimezone(UTC),
        instance_uuid=read.platform.uid,
        product=read.platform.product or "",
        version="",
        build="",
        collector=f"RVTools {read.version}".strip(),
        complete=False,
        counts={},
        warnings=tuple(_warnings(read)),
        packed_bytes=0,
        packed_sha256="",
    )
    return Told(seal=seal, is_local_time=read.is_local_time, not_read=read.columns_not_read)


def _warnings(read: Collected) -> list[str]:
    if not read.tabs_not_read:
        return []
    names = ", ".join(read.tabs_not_read[:10])
    return [f"The workbook has tabs that are not known here and were not read: {names}."]


if __name__ == "__main__":
    main()
