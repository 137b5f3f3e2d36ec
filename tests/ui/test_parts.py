"""The parts that every page is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template

from ui import charts, clock, prose
from ui.inert import inert, shortened

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def _render(source: str, **values: object) -> str:
    return Template("{% load ui %}" + source).render(Context(values))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-1", "web-1"),
        ("a\x00b", "a␀b"),
        ("a\r\nb", "a␍␊b"),
        ("\u202egnp", "⟨U+202E⟩gnp"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("\ud800", "⟨U+D800⟩"),
        ("Grünerløkka 病院", "Grünerløkka 病院"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_what_cannot_be_seen_is_drawn(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_a_long_name_is_cut_with_an_ellipsis() -> None:
    assert shortened("x" * 64_000, 20) == "x" * 19 + "…"
    assert shortened("x" * 20, 20) == "x" * 20


def test_text_from_outside_is_escaped_and_isolated() -> None:
    html = _render("{% outside text 20 %}", text='<img src=x onerror="alert(1)">' * 50)

    assert "<img" not in html
    assert html.startswith("<bdi")
    assert len(html) < 2_000


def test_our_prose_never_lets_a_tag_through() -> None:
    html = prose.to_html(
        "Run `<b>x</b>` and **<i>y</i>**:\n\n- <u>one</u>\n- two\n\n```\n<pre>\n```"
    )

    assert html == (
        "<p>Run <code>&lt;b&gt;x&lt;/b&gt;</code> and <strong>&lt;i&gt;y&lt;/i&gt;</strong>:</p>"
        "<ul><li>&lt;u&gt;one&lt;/u&gt;</li><li>two</li></ul>"
        "<pre><code>&lt;pre&gt;</code></pre>"
    )


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=40), "40 s"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=13), "13 days"),
        (timedelta(days=14), "2 weeks"),
        (timedelta(days=100), "3 months"),
        (timedelta(days=800), "2 years"),
    ],
)
def test_a_span_is_said_in_its_largest_useful_unit(length: timedelta, words: str) -> None:
    assert clock.span(length) == words


def test_relative_times_look_both_ways() -> None:
    assert clock.relative(NOW - timedelta(hours=3), now=NOW) == "3 h ago"
    assert clock.relative(NOW + timedelta(days=3), now=NOW) == "in 3 days"
    assert clock.relative(NOW, now=NOW) == "just now"


def test_facts_are_stale_after_two_intervals() -> None:
    assert not clock.is_stale(NOW - timedelta(minutes=120), 60, now=NOW)
    assert clock.is_stale(NOW - timedelta(minutes=121), 60, now=NOW)
    assert clock.is_stale(None, 60, now=NOW)


def test_unknown_and_not_set_are_different_things() -> None:
    assert "unknown" in _render("{% classification value %}", value=None)
    assert "not set" in _render("{% classification value %}", value="")


def test_a_verdict_has_a_shape_and_a_word() -> None:
    html = _render('{% verdict "not_applicable" %}')

    assert "#not_applicable" in html
    assert "Not applicable" in html


def test_a_bar_is_filled_exactly_and_hides_nothing() -> None:
    parts = charts.segments((("fail", 1), ("unknown", 0), ("pass", 99_999)))

    assert [part.kind for part in parts] == ["fail", "pass"]
    assert parts[0].width >= 1
    assert abs(sum(part.width for part in parts) - 100) < 0.01


def test_a_bar_of_nothing_is_empty() -> None:
    assert charts.segments((("fail", 0), ("pass", 0))) == []


@pytest.mark.parametrize(("value", "top"), [(1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (101, 200)])
def test_the_axis_ends_at_a_round_number(value: int, top: int) -> None:
    assert charts.ceiling(value) == top
    assert all(0 < tick <= top for tick in charts.tick_values(top))


def test_sizes_and_counts_are_written_as_people_say_them() -> None:
    assert _render("{{ n|size }}", n=1536) == "1.5 KiB"
    assert _render("{{ n|size }}", n=None) == "unknown"
    assert _render('{% counted n "finding" %}', n=1) == "1 finding"
    assert _render('{% counted n "finding" %}', n=12_345) == "12,345 findings"
