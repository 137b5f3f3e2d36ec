"""Files that spreadsheets open: every cell is text, nothing is a formula, nothing is lost."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ui.exports import cell, csv_lines

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\x00", "＝", "＋", "－", "＠")


@pytest.mark.parametrize("start", DANGEROUS)
@pytest.mark.parametrize("blanks", ["", " ", "   ", "\u00a0", "\u3000"])
def test_what_begins_like_a_formula_is_quoted(start: str, blanks: str) -> None:
    assert cell(f"{blanks}{start}1+1").startswith("'")


@pytest.mark.parametrize("text", ["web-1", "a=b", "'quoted", "", "10.0.0.1", "1 - 2"])
def test_other_text_is_left_alone(text: str) -> None:
    assert cell(text) == text


def test_values_are_written_plainly() -> None:
    assert cell(None) == ""
    assert cell(True) == "yes"
    assert cell(12345) == "12345"
    assert cell(datetime(2026, 3, 10, 12, 0, tzinfo=UTC)) == "2026-03-10T12:00:00+00:00"


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2), max_size=5)
)
@example([["=1", '"\r\n=1']])
def test_a_reader_gets_every_cell_back_and_none_is_a_formula(rows: list[list[str]]) -> None:
    text = "".join(csv_lines(["a", "b"], rows)).removeprefix("\ufeff")

    read = list(csv.reader(io.StringIO(text, newline="")))

    assert len(read) == len(rows) + 1
    for row, got in zip(rows, read[1:], strict=True):
        for value, shown in zip(row, got, strict=True):
            assert shown.removeprefix("'") == value.removeprefix("'").replace("\x00", "␀")
            assert not shown.lstrip(" \u00a0\u3000").startswith(DANGEROUS)
