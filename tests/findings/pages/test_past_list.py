"""The list of findings as of a moment: what was open then, under the filters that it has now."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from findings.models import Finding, FindingSpell
from tests.factories import FindingFactory

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
DAY = timedelta(days=1)
THEN = f"{NOW - 10 * DAY:%Y-%m-%dT%H:%M}"


def _finding(opened: int, closed: int | None = None, **more: Any) -> Finding:
    """Open from some days ago until some days ago, or until now."""
    end = None if closed is None else NOW - closed * DAY
    state = {"state": "resolved", "resolution": "fixed"} if end else {}
    finding: Finding = FindingFactory(
        opened_at=NOW - opened * DAY, resolved_at=end, **state, **more
    )
    FindingSpell.objects.create(finding=finding, opened_at=finding.opened_at, closed_at=end)
    return finding


@pytest.fixture
def lasting(db: None) -> Finding:
    return _finding(20, severity="high", due_at=NOW - 12 * DAY)


@pytest.fixture
def mended(db: None) -> Finding:
    return _finding(20, 5, severity="low", due_at=NOW - 8 * DAY)


@pytest.fixture(autouse=True)
def others(db: None) -> None:
    """One that opened later, and one that was over before."""
    _finding(3, due_at=NOW - DAY)
    _finding(40, 30)


def _listed(client: Client, query: str) -> set[int]:
    return {row.pk for row in client.get(f"/findings/?{query}").context["page"].rows}


def _addresses(html: str, words: str) -> Iterable[str]:
    """Where links with these words lead."""
    return [
        unescape(address)
        for address, text in re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL)
        if words in re.sub(r"<[^>]+>", "", text)
    ]


@pytest.mark.parametrize("standing", ["", "&status=to_do", "&state=open", "&status__not=resolved"])
def test_it_lists_what_was_open_then_whatever_became_of_it(
    analyst: Client, lasting: Finding, mended: Finding, standing: str
) -> None:
    page = analyst.get(f"/findings/?as_of={THEN}{standing}")

    assert {row.pk for row in page.context["page"].rows} == {lasting.pk, mended.pk}
    assert page.context["counts"]["total"] == 2
    assert page.context["as_of"] == NOW - 10 * DAY
    assert "It is not now." in page.content.decode()


def test_the_other_filters_stay(analyst: Client, lasting: Finding, mended: Finding) -> None:
    assert _listed(analyst, f"as_of={THEN}&severity=low") == {mended.pk}
    assert _listed(analyst, f"as_of={THEN}&due=overdue") == {lasting.pk}
    assert _listed(analyst, f"as_of={THEN}&asset__not={mended.asset_id}") == {lasting.pk}


def test_what_was_overdue_is_counted_by_the_clock_of_then(
    analyst: Client, lasting: Finding, mended: Finding
) -> None:
    page = analyst.get(f"/findings/?as_of={THEN}&group=check")

    assert page.context["counts"]["overdue"] == 1
    [group] = page.context["groups"]
    assert (group.total, group.overdue) == (2, 1)
    assert _listed(analyst, f"{group.address[1:]}&due=overdue") == {lasting.pk}


def test_back_to_now_keeps_the_filters(analyst: Client, lasting: Finding) -> None:
    html = analyst.get(
        f"/findings/?as_of={THEN}&severity=high&status=to_do&after=x"
    ).content.decode()

    for address in _addresses(html, "Back to now"):
        assert QueryDict(address[1:]).dict() == {"severity": "high", "status": "to_do"}
    assert _listed(analyst, "severity=high&status=to_do") == {lasting.pk}


def test_what_is_chosen_in_the_past_stays_in_the_past(
    analyst: Client, lasting: Finding, mended: Finding
) -> None:
    page = analyst.get(f"/findings/?as_of={THEN}&severity=low&kind=vm")

    chips = page.context["chips"]
    assert [chip.label for chip in chips] == ["Severity", "Kind"]
    assert _listed(analyst, chips[0].without[1:]) == {lasting.pk, mended.pk}
    [hidden] = re.findall(
        r'id="filters".*?<input type="hidden" name="as_of" value="([^"]+)"',
        page.content.decode(),
        re.DOTALL,
    )
    assert hidden == THEN
    [clear] = _addresses(page.content.decode(), "Clear all")
    assert _listed(analyst, clear.partition("?")[2]) == {lasting.pk, mended.pk}


def test_a_fragment_brings_the_picker_for_its_own_filters(
    analyst: Client, lasting: Finding
) -> None:
    part = analyst.get(
        f"/findings/?as_of={THEN}&severity=high", headers={"HX-Request": "true"}
    ).content.decode()

    assert 'id="as-of-menu" hx-swap-oob="true"' in part
    assert 'id="as-of-banner" hx-swap-oob="true"' in part
    assert set(_addresses(part, "Back to now")) == {"?severity=high"}


def test_nothing_is_selected_in_the_past(analyst: Client, lasting: Finding) -> None:
    assert 'id="bulk"' in analyst.get("/findings/").content.decode()
    assert 'id="bulk"' not in analyst.get(f"/findings/?as_of={THEN}").content.decode()


def test_the_file_holds_what_was_open_then(
    analyst: Client, lasting: Finding, mended: Finding
) -> None:
    response: Any = analyst.get(f"/findings/export.csv?as_of={THEN}")

    text = b"".join(response).decode().removeprefix("\ufeff")
    assert len(list(csv.reader(io.StringIO(text)))) == 3


@pytest.mark.parametrize("text", ["2999-01-01", "yesterday", "2026-02-31T00:00"])
def test_what_is_no_past_moment_lists_what_is_to_do_now(
    analyst: Client, lasting: Finding, mended: Finding, text: str
) -> None:
    page = analyst.get("/findings/", {"as_of": text})

    assert page.context["as_of"] is None
    assert "not understood, or still to come" in page.content.decode()
    assert mended.pk not in {row.pk for row in page.context["page"].rows}


def test_before_anything_was_known_nothing_was_open(analyst: Client, lasting: Finding) -> None:
    html = analyst.get("/findings/?as_of=2001-01-01").content.decode()

    assert "Nothing was open then" in html
    assert "It is not now." in html


@pytest.mark.parametrize("address", ["checks/?area=change", "answers/?outcome=unknown&area=change"])
def test_answers_of_then_lead_back_to_now_with_their_filters(analyst: Client, address: str) -> None:
    page = analyst.get(f"/findings/{address}&as_of={THEN}")

    assert page.context["as_of"] == NOW - 10 * DAY
    back = list(_addresses(page.content.decode(), "Back to now"))
    assert back
    for each in back:
        assert QueryDict(each[1:]) == QueryDict(address.partition("?")[2])


def test_it_takes_few_queries(
    analyst: Client, lasting: Finding, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    analyst.get("/findings/")  # the first request begins the session

    with django_assert_max_num_queries(12):
        analyst.get(f"/findings/?as_of={THEN}&severity=high")
