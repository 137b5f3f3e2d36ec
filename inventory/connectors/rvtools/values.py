"""What a cell means. What is empty or cannot be understood is None: unknown, never "no"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from inventory.connectors.rvtools.tabs import Cells
from inventory.records import SecurityPolicy

MEBIBYTE: Final = 1024 * 1024
_WHOLE: Final = re.compile(r"(\d{1,15})(?:\.0{1,9})?|(\d{1,3}(?:,\d{3}){1,4})", re.ASCII)
_WRITTEN: Final = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?)?Z?",
    re.ASCII,
)
_SERIAL: Final = re.compile(r"\d{4,6}(?:\.\d{1,20})?", re.ASCII)
_MAC: Final = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}")
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_DAY_0, _DAY_0_OF_1904 = datetime(1899, 12, 30, tzinfo=UTC), datetime(1904, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def text(cells: Cells, name: str) -> str | None:
    return cells.get(name) or None


def flag(cells: Cells, name: str) -> bool | None:
    return _FLAGS.get(cells.get(name, "").lower())


def number(cells: Cells, name: str) -> int | None:
    """A whole number, perhaps with commas between thousands; of a fraction nothing is guessed."""
    found = _WHOLE.fullmatch(cells.get(name, ""))
    if found is None:
        return None
    return int(found[1] or found[2].replace(",", ""))


def size_in_bytes(cells: Cells, name: str) -> int | None:
    mebibytes = number(cells, name)
    return None if mebibytes is None else mebibytes * MEBIBYTE


def moment(written: str, *, is_1904: bool = False) -> datetime | None:
    """A date as RVTools or Excel writes it. Without a zone it is taken as UTC; where day and month
    could be mistaken for each other nothing is guessed.
    """
    made: datetime | None = None
    try:
        if found := _WRITTEN.fullmatch(written):
            made = datetime(*(int(part or 0) for part in found.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]
        elif _SERIAL.fullmatch(written):
            made = (_DAY_0_OF_1904 if is_1904 else _DAY_0) + timedelta(
                seconds=round(float(written) * 86_400)
            )
    except (ValueError, OverflowError):
        return None
    return made if made is not None and _EARLIEST < made < _LATEST else None


def mac(cells: Cells, name: str) -> str | None:
    written = cells.get(name, "").lower()
    return written.replace("-", ":") if _MAC.fullmatch(written) else None


def listed(cells: Cells, name: str) -> tuple[str, ...]:
    """What stands between commas or semicolons."""
    return tuple(part.strip() for part in re.split("[,;]", cells.get(name, "")) if part.strip())


def security(cells: Cells) -> SecurityPolicy | None:
    said = SecurityPolicy(
        promiscuous=flag(cells, "promiscuous"),
        mac_changes=flag(cells, "mac_changes"),
        forged_transmits=flag(cells, "forged"),
    )
    return None if said == SecurityPolicy() else said
