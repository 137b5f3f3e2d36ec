"""PDF: text from outside stays text, whatever it is, and the same data gives the same file."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typst
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.factories import NOW
from ui import glyphs, pdf

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "pdf"
MARKUP = '#$\\@<>*_`[](){}"=/-+~^&:;. eval'
# Each would stop the compilation, load something or change the page if it were read as markup.
HOSTILE = (
    '#panic("evaluated")',
    "#assert(false)",
    '#eval("panic()")',
    '#import "@preview/cetz:0.3.0"',
    '#include "/etc/passwd"',
    '#read("/etc/passwd")',
    '#image("http://127.0.0.1/x.png")',
    "$x",
    "$ sum_(k=0)^n k $",
    "\\",
    "\\u{48}",
    "@ref",
    "<label>",
    "= heading",
    "- list\n+ list\n/ term: x",
    "*bold",
    "`raw",
    "```typ #panic()",
    "// comment",
    "/* comment",
    "[#panic()]",
    '"quoted\\',
    "",
    " ",
    "\u200d",
    "\u3000\u2003",
    "x" * 10_000,
    "漢" * 10_000,
    "שלום-עולם-01",
    "مرحبا-بالعالم-" * 20,
    "漢字-サーバー-01",
    "👩\u200d💻 🇳🇴 ☠\ufe0f",
    "a\u0301\u0302\u0303\u0363" * 90,
    "\u0301",
    "خ\u0301\u20dd",
    "\u202egnp.exe\u2066\u2069\u200f",
    "nul\x00bell\x07escape\x1b[31mdelete\x7f",
    "\ud800 half",
    "\u2028\u2029\ufeff\u200b\u00ad\ufffe\uffff",
    "\U0010ffff\U000e0041",
    '{"data": 1}',
    "%s {} ${x}",
)


def a_sheet(text: str) -> dict[str, Any]:
    """Trends of one part, with the text wherever text can stand."""
    line = {"label": text, "before": "1", "after": "2", "passed": "1", "failed": "1"}
    return {
        "title": "Trends",
        "address": f"https://vmgov.example.org/trends/?value={text}",
        **dict.fromkeys(("moment", "day", "taken", "by", "scope"), text),
        **dict.fromkeys(("part", "dimension", "period", "sentence", "stale", "oldest"), text),
        "is_empty": False,
        "seen": {"share": text, "count": text},
        "charts": [
            {
                "kind": kind,
                "title": "Open findings",
                "description": text,
                "first_name": text,
                "second_name": text,
                "ticks": [1, 2],
                "points": [
                    {"label": text[:20], "first": 1, "second": 2},
                    {"label": "", "first": None if kind == "lines" else 0, "second": 0},
                ],
            }
            for kind in ("lines", "columns")
        ],
        "changes": [{**line, "unknown": "0", "bar": []}],
        "changes_left": text,
        "mended": [],
        "columns": [text[:9]],
        "points": [{"name": text[:30], "is_seen": False, "numbers": ["1,234"]}],
    }


def render(text: str, *, now: datetime = NOW) -> bytes:
    return pdf.render("trends.typ", a_sheet(text), now=now)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_text_from_outside_stays_text(text: str) -> None:
    assert render(text).startswith(b"%PDF-")


@given(text=st.text(max_size=60) | st.text(alphabet=MARKUP, max_size=60))
@hypothesis_settings(max_examples=60, deadline=None)
def test_any_text_at_all_gives_a_paper(text: str) -> None:
    assert render(text).startswith(b"%PDF-")


def test_a_name_is_on_the_paper_as_it_was_given() -> None:
    name = '#eval("1 + 1") $x$ *b* @ref <label> \\ `r`'

    [heading] = _headings(name)

    assert heading == {"func": "text", "text": name}


def _headings(text: str) -> list[Any]:
    data = {**a_sheet(text), "has_numbers": False, "fonts": glyphs.FONTS}
    found = typst.query(
        TEMPLATES / "trends.typ",
        "heading.where(level: 1)",
        field="body",
        root=TEMPLATES,
        sys_inputs={"data": json.dumps(data)},
        ignore_system_fonts=True,
    )
    answer: list[Any] = json.loads(found)
    return answer


def test_what_the_fonts_lack_is_written_as_its_number() -> None:
    assert glyphs.drawable("漢-01 \x00\u202e\ud800") == "⟨U+6F22⟩-01 ⟨U+0000⟩⟨U+202E⟩⟨U+D800⟩"
    assert glyphs.drawable("Grüße, Ødegård, Жанна, שלום, مرحبا, Ελλάδα") == (
        "Grüße, Ødegård, Жанна, שלום, مرحبا, Ελλάδα"
    )


def test_what_is_plain_is_letters_of_one_font() -> None:
    assert glyphs.plain("Größe “x”, ש\u0301") == "Größe “x”, ⟨U+05E9⟩⟨U+0301⟩"
    kept = [chr(n) for n in range(0x3000) if glyphs.plain(chr(n)) == chr(n)]
    assert all(glyphs.DRAWABLE.match(each) for each in kept)


def test_every_character_that_is_drawn_is_in_the_fonts() -> None:
    drawable = [chr(n) for n in range(sys.maxunicode + 1) if glyphs.DRAWABLE.match(chr(n))]
    source = (
        f'#set document(title: [x], date: auto)\n#set text(fallback: false, lang: "en", font: '
        f"{json.dumps(list(glyphs.FONTS)).replace('[', '(').replace(']', ')')})\n"
        "#for weight in (400, 600) { text(weight: weight, sys.inputs.data) }\n"
    )

    made = typst.compile(
        source.encode(),
        font_paths=pdf.fonts(),
        sys_inputs={"data": " ".join(drawable)},
        pdf_standards=pdf.STANDARDS,
        timestamp=0,
    )

    assert len(drawable) > 3_000
    assert made.startswith(b"%PDF-")


def test_the_same_data_and_moment_give_the_same_bytes() -> None:
    assert render("web-1") == render("web-1")
    assert render("web-1") != render("web-2")
    assert render("web-1") != render("web-1", now=NOW + timedelta(seconds=1))


def test_it_is_made_for_archives_and_screen_readers() -> None:
    made = render("web-1")

    assert b"pdfaid:part" in made
    assert b"pdfuaid:part" in made
    assert b"/StructTreeRoot" in made
    assert b"/JavaScript" not in made
    assert b"/EmbeddedFile" not in made


def test_the_templates_read_nothing_but_each_other() -> None:
    for path in TEMPLATES.iterdir():
        text = path.read_text(encoding="utf-8")
        assert path.suffix == ".typ"
        assert set(re.findall(r"#?(?:import|include)\s+(\S+?):?\s", text)) <= {'"parts.typ"'}
        assert not re.search(r"\b(read|image|plugin|eval|csv|yaml|toml|xml|cbor)\(", text), path


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)

    assert not pdf.is_available()
    with pytest.raises(pdf.ExtraMissing, match="extra `pdf`"):
        render("web-1")


def test_a_download_has_a_safe_name_and_no_cache() -> None:
    response = pdf.response("vmgov-x", b"%PDF-", now=datetime(2026, 3, 10, 12, 0, tzinfo=UTC))

    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == 'attachment; filename="vmgov-x-20260310T1200Z.pdf"'
    assert response["X-Content-Type-Options"] == "nosniff"
