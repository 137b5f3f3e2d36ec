"""Trends: each point says what was true then, leads to its list, and hides no gap."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Team, User
from findings.models import Finding, FindingSpell, Waiver
from findings.trends import counting, exceptions
from inventory.models import Source
from tests.factories import UserFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.trends import estates, weeks

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
QUERIES = 18
BY = ("area", "statement", "framework", "source", "team", "classification", "check")


@pytest.fixture
def now(db: None) -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture
def analyst(db: None) -> Client:
    return signed_in(UserFactory(roles=["analyst"]))


def alice() -> User:
    user: User = UserFactory(
        username="alice",
        roles=["analyst"],
        scope=User.Scope.TEAMS,
        teams=[Team.objects.get(name="Alices")],
    )
    return user


def total(client: Client, address: str) -> int:
    return int(client.get(address).context["counts"]["total"])


def test_every_linked_number_is_the_length_of_its_list(now: datetime, analyst: Client) -> None:
    weeks.build(now=now, days=(20, 12, 5, 1, 0))

    points = analyst.get("/trends/?period=30d").context["points"]

    compared = 0
    for point, name, links in points:
        for key in ("open", "opened", "resolved"):
            number = getattr(point.cell, key)
            if point.is_counted:
                compared += number > 0
                assert total(analyst, links[key]) == number, (name, key)
    assert compared > 10


@pytest.mark.parametrize("by", BY)
def test_the_parts_of_each_dimension_lead_to_their_lists(
    now: datetime, analyst: Client, by: str
) -> None:
    weeks.build(now=now, days=(9, 4, 0))
    changes = analyst.get(f"/trends/?period=30d&by={by}").context["changes"]
    assert any(change.after.open for change in changes)

    for change in changes[:4]:
        page = analyst.get("/trends/", {"period": "30d", "by": by, "value": change.part.value})
        point, _, links = page.context["points"][-1]
        assert point.cell.open == change.after.open
        assert total(analyst, links["open"]) == change.after.open


def test_what_parts_divide_adds_up_to_everything(now: datetime, analyst: Client) -> None:
    weeks.build(now=now, days=(9, 0))
    whole = analyst.get("/trends/?period=30d").context["last"].cell

    for by in ("source", "team", "classification", "check"):
        changes = analyst.get(f"/trends/?period=30d&by={by}").context["changes"]
        assert sum(change.after.open for change in changes) == whole.open, by
        assert sum(change.after.answers for change in changes) == whole.answers, by


def test_a_day_without_a_collection_is_a_gap_and_not_a_flat_line(
    now: datetime, analyst: Client
) -> None:
    weeks.build(now=now, days=(6, 3, 0))

    context = analyst.get("/trends/?period=30d").context

    seen = [point.is_seen for point, _, _ in context["points"]][-7:]
    assert seen == [True, False, False, True, False, False, True]
    carried = context["points"][-2][0]
    assert carried.cell.open == context["points"][-4][0].cell.open
    for chart, is_line in context["charts"][:2]:
        assert is_line
        assert [point.first is None for point in chart.points][-7:] == [not each for each in seen]
        assert len(chart.gaps) >= 4


def test_a_source_that_falls_silent_makes_gaps_of_the_whole(now: datetime, analyst: Client) -> None:
    weeks.build(now=now, days=(3, 2, 1, 0))
    weeks.build(now=now, days=(3, 2), size=2)

    seen = [p.is_seen for p, _, _ in analyst.get("/trends/?period=30d").context["points"]][-4:]

    assert seen == [True, True, False, False]


def test_a_longer_period_has_the_same_end(now: datetime, analyst: Client) -> None:
    weeks.build(now=now)

    ends = {
        period: analyst.get(f"/trends/?period={period}").context["last"].cell
        for period in ("30d", "90d", "1y")
    }

    states = {tuple(getattr(cell, n) for n in counting.SEVERITIES) for cell in ends.values()}
    assert len(states) == 1
    assert ends["1y"].opened >= ends["30d"].opened


def test_a_member_of_a_team_sees_the_trends_of_that_team_alone(now: datetime) -> None:
    weeks.build(now=now)
    user = alice()
    client, bobs = signed_in(user), Team.objects.get(name="Bobs")

    own = client.get("/trends/?period=90d").context["last"].cell

    assert own.open == Finding.objects.visible_to(user).open().count()
    assert own.answers > 0
    parts = client.get("/trends/?by=team").context["changes"]
    assert [change.part.label for change in parts] == ["Alices"]
    assert client.get(f"/trends/?by=team&value={bobs.pk}").status_code == 404
    assert client.get("/trends/?by=team&value=none").status_code == 404
    page = client.get("/trends/?by=classification").content.decode()
    assert "Bobs" not in page


def test_no_trend_changes_with_what_another_team_has(now: datetime, settings: LazySettings) -> None:
    """Alice's answers are the same with Bob's machines and without them."""
    settings.RETIRE_AFTER_INTERVALS = 0
    weeks.build(now=now, days=(5, 0))
    user = alice()

    def told() -> list[Any]:
        client = signed_in(user)
        cells = [p.cell for p, _, _ in client.get("/trends/?period=30d").context["points"]]
        parts = client.get("/trends/?by=classification&period=30d").context["changes"]
        return [cells, [(each.part.value, each.after) for each in parts]]

    before = told()
    source = Source.objects.get()
    own = [each for each in weeks.records(1, 6) if getattr(each, "team", None) != "Bobs"]
    for _ in range(2):  # Bob's machines are retired
        weeks.collect(source, own, at=now)

    assert source.assets.present().filter(team__name="Bobs").count() == 0
    assert told() == before


def test_time_to_fix_is_that_of_what_a_collection_proved(now: datetime, analyst: Client) -> None:
    weeks.build(now=now, days=(9, 0))
    FindingSpell.objects.all().delete()
    findings = list(Finding.objects.all()[:3])
    for finding, days in zip(findings, (2, 4, 30), strict=True):
        closed = now - DAY
        FindingSpell.objects.create(
            finding=finding, opened_at=closed - days * DAY, closed_at=closed
        )
    ids = [finding.pk for finding in findings]
    Finding.objects.filter(pk__in=ids).update(
        state="resolved",
        resolution="fixed",
        resolved_at=now - DAY,
        severity="high",
        severity_rank=1,
        due_at=now - 20 * DAY,
    )
    Finding.objects.filter(pk=ids[0]).update(due_at=None)

    [row] = analyst.get("/trends/?period=90d&mended=1").context["mended"]

    assert (row.severity, row.count, row.median) == ("high", 3, 4 * DAY)
    assert row.slow == 4 * DAY + 0.8 * 26 * DAY
    assert row.in_time == 1


def test_exceptions_are_counted_from_the_clock(now: datetime) -> None:
    weeks.build(now=now, days=(1,))
    finding = Finding.objects.filter(state="open")[0]
    waiver = estates.cover(finding, now=now, days=10)

    moments = [now - 60 * DAY, now - 30 * DAY, now, now + 9 * DAY, now + 10 * DAY]

    assert exceptions.over([waiver], moments) == [0, 1, 1, 1, 0]
    assert exceptions.left([waiver], moments[2:], now=now) == [1, 1, 0]
    assert exceptions.ever_effective(UserFactory()) == list(Waiver.objects.all())


def test_the_file_has_the_numbers_of_the_page(now: datetime, analyst: Client) -> None:
    weeks.build(now=now)
    points = analyst.get("/trends/?period=90d").context["points"]

    body = analyst.get("/trends/export.csv?period=90d").getvalue().decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(body)))
    assert len(rows) == len(points)
    assert [int(row["high"]) for row in rows] == [point.cell.high for point, _, _ in points]


@pytest.mark.parametrize(
    "query", ["?period=2y", "?by=weather", "?by=team&value=0", "?by=area&value=x"]
)
def test_what_there_is_not_is_not_found(analyst: Client, query: str) -> None:
    assert analyst.get(f"/trends/{query}").status_code == 404


def test_it_says_what_to_wait_for_while_nothing_was_counted(analyst: Client) -> None:
    assert "Nothing has been counted yet" in analyst.get("/trends/").content.decode()


@pytest.mark.parametrize("query", ["", "?by=team", "?by=statement", "?period=1y&by=framework"])
def test_trends_take_few_queries(
    now: datetime,
    analyst: Client,
    query: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    weeks.build(now=now, days=(9, 4, 0))
    analyst.get("/trends/")

    with django_assert_max_num_queries(QUERIES):
        analyst.get(f"/trends/{query}")
