"""Lists as files: streamed, and inert in whatever spreadsheet opens them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from django.http import StreamingHttpResponse

# A spreadsheet takes a cell for a formula when it begins so, blanks before it or not.
_FORMULA = re.compile(r"^[\s\u200b\ufeff]*[=+\-@\t\r\n\x00＝＋－＠]|^[\t\r\n\x00]")
_BATCH = 500


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def cell(value: object) -> str:
    """The value as text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    text = str(value).replace("\x00", "␀")
    return f"'{text}" if _FORMULA.match(str(value)) else text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """CSV by RFC 4180, some hundred rows at a time. Begins with a byte order mark for Excel."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    buffer = ["\ufeff", writer.writerow([cell(value) for value in header])]
    for row in rows:
        buffer.append(writer.writerow([cell(value) for value in row]))
        if len(buffer) >= _BATCH:
            yield "".join(buffer)
            buffer.clear()
    yield "".join(buffer)


def as_csv(
    name: str, header: Sequence[str], rows: Iterable[Sequence[object]], *, now: datetime
) -> StreamingHttpResponse:
    """A download called `name-20260310T1200Z.csv`."""
    response = StreamingHttpResponse(
        csv_lines(header, rows), content_type="text/csv; charset=utf-8"
    )
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%MZ")
    response["Content-Disposition"] = f'attachment; filename="{name}-{stamp}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
