"""Has a workbook read by a process of its own, and says what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final

import msgspec

from inventory.connectors import lines
from inventory.connectors.base import CollectionFailed, Item
from inventory.connectors.rvtools import limits
from inventory.connectors.rvtools.convert import Told, Wish
from inventory.connectors.sealed import CarriedConnector, Seal, items

CONVERT: Final = "inventory.connectors.rvtools.convert"
ROOT: Final = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS: Final = 180  # more than the processor time it may take: the machine may be busy


class WorkbookConnector(CarriedConnector):
    """Yields what a workbook holds."""

    def __init__(
        self,
        file: BinaryIO,
        seal: Seal,
        *,
        is_local_time: bool,
        not_read: dict[str, list[str]],
    ) -> None:
        super().__init__(file, seal)
        self.is_local_time = is_local_time
        self.not_read = not_read

    def collect(self) -> Iterator[Item]:
        """Yield what the workbook said; or raise CollectionFailed."""
        self._file.seek(self._begins)
        yield from items(lines.chunks_of(self._file))


def read(
    file: BinaryIO, *, attributes: Mapping[str, str], collected_at: datetime | None
) -> WorkbookConnector:
    """What the workbook holds, or raise CollectionFailed. `file` is a file of the system."""
    limits.check(file)
    wish = Wish(attributes=dict(attributes), collected_at=collected_at)
    out: BinaryIO = TemporaryFile()  # noqa: SIM115  # the connector outlives this function
    file.seek(0)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", CONVERT, msgspec.json.encode(wish).decode()],
            stdin=file,
            stdout=out,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise limits.too_large("reading it takes too long") from None
    if ended.returncode != 0:
        raise limits.too_large("reading it takes too much time or memory, or it is damaged")
    out.seek(0)
    told = msgspec.json.decode(out.readline(), type=Told)
    if told.seal is None:
        why = told.failed
        raise CollectionFailed(
            why.message if why else "The workbook cannot be read.",
            code=why.code if why else "bad-file",
            advice=why.advice if why else "",
        )
    return WorkbookConnector(
        out, told.seal, is_local_time=told.is_local_time, not_read=told.not_read
    )
