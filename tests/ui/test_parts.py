"""The parts that every page is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ui import charts, clock, parts, prose
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


@pytest.mark.parametrize(
    ("value", "top"), [(1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 25), (101, 200), (201, 250)]
)
def test_the_axis_ends_at_a_round_number(value: int, top: int) -> None:
    assert charts.ceiling(value) == top
    assert all(0 < tick <= top for tick in charts.tick_values(top))


def test_sizes_and_counts_are_written_as_people_say_them() -> None:
    assert _render("{{ n|size }}", n=1536) == "1.5 KiB"
    assert _render("{{ n|size }}", n=None) == "unknown"
    assert _render('{% counted n "finding" %}', n=1) == "1 finding"
    assert _render('{% counted n "finding" %}', n=12_345) == "12,345 findings"


@pytest.mark.parametrize(
    ("value", "word", "sign"),
    [
        ("new", "New", "new"),
        ("waiting_for_proof", "Waiting for proof", "waiting"),
        ("in_progress", "In progress", "in_progress"),
        ("frozen", "Frozen", "new"),
    ],
)
def test_where_a_finding_stands_has_a_sign_and_a_word(value: str, word: str, sign: str) -> None:
    html = _render("{% status value %}", value=value)

    assert f"#status-{sign}" in html
    assert word in html


@pytest.mark.parametrize("value", [2, "2", "P2", "p2"])
def test_a_priority_says_its_number(value: object) -> None:
    html = _render("{% priority value %}", value=value)

    assert "P2</span>" in html
    assert "2 of 5" in html


def test_no_priority_is_not_the_lowest() -> None:
    assert "none" in _render("{% priority value %}", value=None)


def test_what_somebody_typed_keeps_its_lines_and_no_tags() -> None:
    html = _render("{{ text|said }}", text="Ask @ingrid.\nNow <b>\n\n\u202eme@example.org")

    assert html == (
        '<p>Ask <strong class="v-mention">@ingrid</strong>.<br>Now &lt;b&gt;</p>'
        "<p>⟨U+202E⟩me@example.org</p>"
    )


def test_a_script_is_copied_exactly_and_runs_nowhere() -> None:
    html = _render("{% code text %}", text="</code><script>x</script>\n  two")

    assert "<script" not in html
    assert "&lt;/code&gt;&lt;script&gt;x&lt;/script&gt;\n  two</code>" in html


def test_few_people_are_a_menu_and_many_are_completed() -> None:
    class Person:
        def __init__(self, username: str) -> None:
            self.username = username

        def __str__(self) -> str:
            return f"{self.username.title()} <b>"

    few = _render('{% people_picker "to" people label="To" chosen="b" %}', people=[Person("b")])
    many = _render(
        '{% people_picker "to" people label="To" %}', people=[Person(f"p{n}") for n in range(16)]
    )

    assert '<option value="b" selected>B &lt;b&gt;</option>' in few
    assert "<datalist" in many
    assert many.count("<option") == 16


def test_progress_links_its_numbers() -> None:
    html = _render('{% progress 3 2 1 address="/remediation/7/?proof=" %}')

    assert 'href="/remediation/7/?proof=waiting">2 waiting for proof</a>' in html
    assert "3 proven, 2 waiting for proof, 1 open" in html


def test_a_line_breaks_where_nothing_is_known() -> None:
    points = [
        charts.Point(label=str(day), title=f"Day {day}", first=value)
        for day, value in enumerate([4, 3, None, 2])
    ]

    chart = charts.lines(points, title="Open", description="d", first_name="Open")

    first = next(line for line in chart.lines if line.kind == "is-first")
    assert first.path.count("M") == 2
    assert [gap.title for gap in chart.gaps] == ["Day 2: not known"]
    assert len(chart.hits) == 3


def test_what_is_still_to_come_is_neither_drawn_nor_hatched() -> None:
    points = [
        charts.Point(label="a", title="a", first=4),
        charts.Point(label="b", title="b", first=None, is_ahead=True),
    ]

    chart = charts.lines(points, title="t", description="d", first_name="Open", guide=(4, 0))

    assert chart.gaps == []
    assert [line.kind for line in chart.lines] == ["is-area", "is-guide", "is-first"]


def test_a_chart_of_nothing_can_be_drawn() -> None:
    chart = charts.lines([], title="t", description="d", first_name="Open", second_name="Closed")

    assert "<svg" in _render("{% lines chart %}", chart=chart)


def test_the_bar_for_what_is_selected_belongs_to_its_form() -> None:
    html = _render(
        '{% bulk_bar "bulk" total=62 all_value="state=open" %}<button form="bulk">Assign</button>'
        "{% endbulk_bar %}"
    )

    assert '<button form="bulk">Assign</button>' in html
    assert 'form="bulk" name="all" value="state=open"' in html
    assert "All 62 that match" in html


@pytest.mark.parametrize("first", [0, 1])
def test_text_is_never_remembered_as_markup_of_ours(first: int) -> None:
    word = f"<b>{first}</b>"
    said = [{"word": word, "tone": "calm", "icon": ""}]
    said.insert(first, {"word": SafeString(word), "tone": "calm", "icon": ""})

    drawn = {type(one["word"]): parts.draw("ui/chip.html", one) for one in said}

    assert word in drawn[SafeString]
    assert "&lt;b&gt;" in drawn[str]


def test_a_remembered_part_is_what_its_template_draws() -> None:
    context = {"value": "high", "word": "High"}

    parts.draw("ui/severity.html", context)

    assert parts.draw("ui/severity.html", context) == render_to_string("ui/severity.html", context)


@pytest.mark.parametrize(
    ("minutes", "word"),
    [(1, "minute"), (60, "hour"), (90, "90 minutes"), (360, "6 hours"), (1440, "day")],
)
def test_an_interval_is_said_by_its_largest_whole_unit(minutes: int, word: str):
    assert clock.often(minutes) == word
