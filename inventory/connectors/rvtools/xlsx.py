"""Reads the values of a workbook, row by row: no formula, no style, no link, no entity, no macro.

A reader of its own for the little that is needed: it counts what it unpacks, and whatever it meets
that a workbook of RVTools does not have, it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from posixpath import join, normpath
from typing import IO, Any, BinaryIO, Final
from zipfile import BadZipFile
from zlib import error as ZlibError

from lxml import etree

from inventory.connectors.lines import malformed, storable
from inventory.connectors.rvtools.limits import MOST_UNPACKED, opened, too_large

MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 1_000
MOST_SHARED: Final = 2_000_000
LONGEST_CELL: Final = 32_767  # Excel's own limit
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DECLARED: Final = re.compile(rb"""^<\?xml[^>]*encoding\s*=\s*["']([\w.-]+)["']""")
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_INDEX: Final = re.compile(r"[0-9]{1,8}")
_RELATION: Final = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",
)

Row = list[str]  # by column; "" where a cell is empty


class Workbook:
    """The tabs of a workbook. Every method may raise CollectionFailed."""

    def __init__(self, file: BinaryIO) -> None:
        self._archive = opened(file)
        self._unpacked = 0
        self._shared: list[str] | None = None
        self.is_1904 = False  # whether days are counted from 1904
        self._parts = self._sheets()

    @property
    def tabs(self) -> list[str]:
        return list(self._parts)

    def rows(self, tab: str, *, wanted: set[int]) -> Iterator[Row]:
        """The rows of a tab; what the file leaves out is left out.

        Whoever has read the first row puts the columns to go on with into `wanted`.
        """
        shared = self._strings()
        for count, element in enumerate(self._elements(self._parts[tab], "row")):
            if count == MOST_ROWS:
                raise too_large(f"the tab {tab} has more than {MOST_ROWS} rows")
            yield _row(element, shared, wanted)

    def created_at(self) -> str:
        """When the file says it was made, as it is written there; "" when it does not."""
        if "docProps/core.xml" not in self._archive.namelist():
            return ""
        for element in self._elements("docProps/core.xml", "created"):
            return (element.text or "").strip()
        return ""

    def _sheets(self) -> dict[str, str]:
        """{tab: where in the archive it is}"""
        targets: dict[str, str] = {}
        for element in self._elements("xl/_rels/workbook.xml.rels", "Relationship"):
            if element.get("TargetMode") != "External":
                target = element.get("Target") or ""
                inside = target[1:] if target.startswith("/") else join("xl", target)
                targets[element.get("Id") or ""] = normpath(inside)
        found: dict[str, str] = {}
        for element in self._elements("xl/workbook.xml", "sheet", "workbookPr"):
            if _local(element) == "workbookPr":
                self.is_1904 = element.get("date1904") in {"1", "true"}
                continue
            relation = next((element.get(name) for name in _RELATION if element.get(name)), "")
            part = targets.get(relation or "", "")
            if part.startswith("xl/worksheets/"):
                found.setdefault(storable(element.get("name") or "")[:100], part)
        return found

    def _strings(self) -> list[str]:
        if self._shared is None:
            self._shared = []
            if "xl/sharedStrings.xml" in self._archive.namelist():
                for element in self._elements("xl/sharedStrings.xml", "si"):
                    self._shared.append(_said(element))
                    if len(self._shared) > MOST_SHARED:
                        raise too_large("it holds too many texts")
        return self._shared

    def _elements(self, part: str, *names: str) -> Iterator[Any]:
        """Elements of these names as they end; what was looked at is forgotten."""
        try:
            with self._archive.open(part) as stream:
                guarded: Any = _Guarded(stream, self)
                for _, element in etree.iterparse(
                    guarded,
                    events=("end",),
                    tag=tuple(f"{{*}}{name}" for name in names),
                    resolve_entities=False,
                    no_network=True,
                    load_dtd=False,
                    huge_tree=False,
                ):
                    yield element
                    element.clear()
                    while element.getprevious() is not None:
                        del element.getparent()[0]
        except KeyError:
            raise malformed(f"it lacks {part}") from None
        except (etree.LxmlError, BadZipFile, ZlibError, EOFError, OSError, NotImplementedError):
            raise malformed(f"{part} in it is damaged") from None

    def count(self, size: int) -> None:
        self._unpacked += size
        if self._unpacked > MOST_UNPACKED:
            raise too_large(f"its tabs hold more than {MOST_UNPACKED // 1024**2} MiB")


class _Guarded:
    """A part on its way to the parser: counted, in UTF-8, and without a document type."""

    def __init__(self, stream: IO[bytes], workbook: Workbook) -> None:
        self._stream = stream
        self._workbook = workbook
        self._tail = b""
        self._begun = False

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(min(size, 65_536) if size > 0 else 65_536)
        self._workbook.count(len(chunk))
        if not self._begun:
            self._begun = True
            _check_encoding(chunk[:512])
        seen = self._tail + chunk
        if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
            raise malformed("it declares a document type, as no workbook does")
        self._tail = seen[-9:]
        return chunk


def _check_encoding(beginning: bytes) -> None:
    declared = _DECLARED.match(beginning.removeprefix(b"\xef\xbb\xbf").lstrip())
    if b"\0" in beginning or (declared and declared[1].lower() not in {b"utf-8", b"us-ascii"}):
        raise malformed("a part of it is not in UTF-8")


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _row(element: Any, shared: list[str], wanted: set[int]) -> Row:
    row: Row = []
    for cell in element:
        reference = cell.get("r")
        at = len(row) if reference is None else _column(reference.rstrip("0123456789"))
        if at >= MOST_COLUMNS:
            raise too_large(f"a tab has more than {MOST_COLUMNS} columns")
        if at >= len(row):
            row.extend([""] * (at + 1 - len(row)))
        if not wanted or at in wanted:
            row[at] = _value(cell, shared)
    return row


@lru_cache(maxsize=2 * MOST_COLUMNS)
def _column(letters: str) -> int:
    """The number of a column from 0; of what is no column, one that no tab has."""
    if not _LETTERS.fullmatch(letters):
        return MOST_COLUMNS
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _value(cell: Any, shared: list[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _said(cell)
    written = next((child.text or "" for child in cell if _local(child) == "v"), "")
    if kind == "s":
        number = int(written) if _INDEX.fullmatch(written) else -1
        if not 0 <= number < len(shared):
            raise malformed("a cell in it points to a text that is not there")
        return shared[number]
    if kind == "b":
        return "True" if written == "1" else "False"
    return "" if kind == "e" else _text(written)


def _said(element: Any) -> str:
    """The text of an element, without what is said about how to pronounce it."""
    parts = [
        each.text or ""
        for each in element.iter("{*}t")
        if _local(each.getparent()) != "rPh" and each.text
    ]
    return _text("".join(parts))


def _text(written: str) -> str:
    if len(written) > LONGEST_CELL:
        raise too_large(f"a cell in it holds more than {LONGEST_CELL} characters")
    if "_x" in written:
        written = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), written)
    return storable(written)
