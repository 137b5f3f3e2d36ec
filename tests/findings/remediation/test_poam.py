"""Plans of action as files: the customary columns, and nothing in them that runs."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from datetime import timedelta

import openpyxl
import pytest

from audit.models import Entry
from findings.models import Finding
from findings.remediation import poam, tasks
from tests.factories import NOW
from tests.findings.pages.visitors import signed_in
from tests.findings.remediation.cast import (
    HOUR,
    a_cast,
    a_finding,
    a_plan,
    collected,
    failing,
)

BEGINNINGS = (
    "=",
    "+",
    "-",
    "@",
    "\t=",
    "\r=",
    "\n=",
    "\x00=",
    "＝",
    "＋",
    "－",
    "＠",
    "  =",
    "{=",
    "http://",
)


def a_hostile_text(rng: random.Random) -> str:
    tails = ("cmd|' /C calc'!A0", "1+1", 'HYPERLINK("https://x.example","y")', "\ud800x", "\u202ex")
    return rng.choice(BEGINNINGS) + rng.choice(tails) + str(rng.random())


@pytest.mark.django_db
def test_a_row_tells_the_way_of_a_finding():
    cast = a_cast()
    finding = a_finding(cast.my_vm)
    due = NOW + timedelta(days=30)
    plan = a_plan(cast.dora, finding, owner=cast.alice, due_at=due)
    tasks.claim(task_id=plan.tasks.get().pk, by=cast.dora, now=NOW + HOUR)
    collected(cast.source, *failing(finding), now=NOW + 2 * HOUR)

    [line] = poam.rows(
        [plan.pk], cast.dora, now=NOW + 3 * HOUR, origin="https://v.example/findings/"
    )
    row = dict(zip(poam.HEADER, line, strict=True))

    assert row["ID"] == f"VMGOV-{plan.pk}-{finding.pk}"
    assert (row["Asset"], row["Point of contact"]) == (cast.my_vm.name, "alice")
    assert row["Scheduled completion"] == due
    assert row["Status"] == "To do, failed proof"
    assert row["Status date"] == NOW + 2 * HOUR
    assert "failed proof" in str(row["Milestones"])
    assert row["Original detection date"] == NOW
    assert row["Address"] == f"https://v.example/findings/{finding.pk}/"


def test_no_cell_of_ten_thousand_hostile_ones_is_a_formula_or_a_link():
    rng = random.Random(3)  # noqa: S311
    lines = [[a_hostile_text(rng) for _ in poam.HEADER] for _ in range(10_000 // len(poam.HEADER))]

    made = poam.as_xlsx(lines)

    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert not [name for name in parts.namelist() if "rels" in name and "sheet1" in name]
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    book = openpyxl.load_workbook(io.BytesIO(made))
    for row in book.active.iter_rows(min_row=2):
        for cell in row:
            assert cell.data_type in ("s", "inlineStr", "n")
            assert cell.hyperlink is None
            assert cell.quotePrefix


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_both_files_hold_what_the_reader_sees_and_are_in_the_log(ending: str):
    cast = a_cast()
    mine, theirs = a_finding(cast.my_vm), a_finding(cast.their_vm)
    Finding.objects.filter(pk=mine.pk).update(message="=1+1")
    plan = a_plan(cast.dora, mine, theirs)

    response = signed_in(cast.alice).get(f"/remediation/{plan.pk}/poam.{ending}")
    body = (
        b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    )

    if ending == "csv":
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(body)).active
        lines = [[str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert len(lines) == 2
    assert lines[1][poam.HEADER.index("Weakness description")] == "'=1+1"
    assert Entry.objects.filter(action="findings:finding:export", target_id=str(plan.pk)).exists()
