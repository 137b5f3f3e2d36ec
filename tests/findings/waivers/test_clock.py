"""Whether an exception counts is asked of the clock, and of nothing that might not run (P9)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from findings import rules
from findings.models import Announcement, Finding, Waiver, WaiverEvent
from findings.rules import RuleSet
from findings.waivers import deciding, ending, requesting, states
from tests.factories import NOW, FindingFactory
from tests.findings.waivers.cast import DAY, MONTH, analyst, approved, approver, asked, kinds

SECOND = timedelta(seconds=1)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def finding(db: None) -> Finding:
    return FindingFactory(severity="medium")


def hides(at: datetime) -> bool:
    return Finding.objects.excepted(now=at).exists()


def test_it_hides_until_the_moment_of_its_end_and_not_at_it(finding: Finding):
    end = NOW + MONTH
    waiver = approved(finding, expires_at=end)

    assert hides(NOW)
    assert hides(end - INSTANT)
    assert not hides(end)
    assert not waiver.is_effective(now=end)
    assert Finding.objects.to_do(now=end).exists()


def test_it_begins_at_its_start_and_not_before(finding: Finding):
    start = NOW + 5 * DAY
    approved(finding, starts_at=start, expires_at=start + DAY)

    assert not hides(NOW)
    assert not hides(start - INSTANT)
    assert hides(start)


@pytest.mark.parametrize("zone", ["Europe/Oslo", "America/New_York", "Pacific/Apia", "UTC"])
@pytest.mark.parametrize("day", [datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30)])  # noqa: DTZ001
def test_an_hour_that_is_skipped_or_comes_twice_changes_nothing(
    finding: Finding, zone: str, day: datetime
):
    end = day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    made = end - 20 * DAY
    approved(finding, now=made, expires_at=end)

    assert hides(end - INSTANT)
    for later in (timedelta(0), INSTANT, timedelta(hours=1), timedelta(hours=25)):
        assert not hides(end + later)


def test_the_clock_may_run_backwards(finding: Finding):
    end = NOW + DAY
    approved(finding, expires_at=end)

    ending.tick(now=end + SECOND)

    assert hides(end - SECOND)
    assert not hides(end + SECOND)


@pytest.mark.parametrize("at", [0, 1, 5, 29, 30, 31, 400])
def test_python_and_the_database_agree_about_every_state(finding: Finding, at: int):
    now = NOW + at * DAY
    approved(finding)
    other = FindingFactory()
    approved(other, starts_at=NOW + 5 * DAY, expires_at=NOW + 31 * DAY)
    lapsed = approved(FindingFactory())
    Waiver.objects.filter(pk=lapsed.pk).update(lapsed_since=NOW)
    asked(other)

    for waiver in Waiver.objects.all():
        said = states.state_of(waiver, now=now)
        found = [
            s for s in states.State if Waiver.objects.filter(states.is_in(s, now=now), pk=waiver.pk)
        ]
        assert found == [said]
        assert (said == "effective") == waiver.is_effective(now=now)


def test_people_are_warned_once_and_told_of_the_end_once(finding: Finding):
    end = NOW + 60 * DAY
    waiver = approved(finding, expires_at=end)

    for moment in (NOW, end - 15 * DAY, end - 14 * DAY, end - DAY, end, end + DAY):
        ending.tick(now=moment)
        ending.tick(now=moment)

    assert kinds(waiver.events) == ["requested", "approved", "warned", "expired"]
    assert kinds(finding.events) == ["excepted", "returned"]
    topics = list(Announcement.objects.order_by("id").values_list("topic", flat=True))
    assert topics[2:] == ["waiver.ending", "waiver.ended"]


def test_nobody_is_warned_of_what_goes_on(finding: Finding):
    person, boss = analyst(), approver()
    waiver = approved(finding, by=person)
    later = requesting.extend(
        waiver_id=waiver.pk,
        version=1,
        by=person,
        reason="More.",
        expires_at=NOW + 2 * MONTH,
        now=NOW,
    )
    deciding.approve(waiver_id=later.pk, version=0, by=boss, reason="Yes.", now=NOW)

    ending.tick(now=NOW + 20 * DAY)
    ending.tick(now=NOW + MONTH)

    assert "warned" not in kinds(waiver.events)
    assert kinds(finding.events) == ["excepted", "excepted"]


def test_one_bad_row_blocks_no_other(finding: Finding, monkeypatch: pytest.MonkeyPatch):
    first = approved(finding)
    second = approved(FindingFactory())
    tell = ending._tell_end

    def fails_for_one(waiver: Waiver, laid_down: RuleSet, now: datetime) -> None:
        if waiver.pk == first.pk:
            raise ZeroDivisionError
        tell(waiver, laid_down, now)

    monkeypatch.setattr(ending, "_tell_end", fails_for_one)
    ending.tick(now=NOW + MONTH)

    assert "expired" in kinds(second.events)
    assert "expired" not in kinds(first.events)
    assert not hides(NOW + MONTH)


def test_no_tick_is_needed_for_findings_to_return(finding: Finding):
    approved(finding)

    assert not hides(NOW + MONTH)
    assert not WaiverEvent.objects.filter(kind="expired").exists()


def test_the_end_is_told_even_if_the_rules_became_shorter(finding: Finding):
    waiver = approved(finding)
    short = RuleSet(exception_days=dict.fromkeys(RuleSet().exception_days, 1))
    rules.change(rules=short, version=0, by=approver())

    assert waiver.is_effective(now=NOW + 2 * DAY)


@pytest.mark.django_db(transaction=True)
def test_several_schedulers_tell_once():
    finding = FindingFactory()
    waiver = approved(finding, expires_at=NOW + 10 * DAY)
    start = threading.Barrier(6)

    def tick() -> None:
        connection.ensure_connection()
        start.wait()
        try:
            for moment in (NOW + 5 * DAY, NOW + 10 * DAY):
                ending.tick(now=moment)
        finally:
            connection.close()

    threads = [threading.Thread(target=tick) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert kinds(waiver.events)[:2] == ["requested", "approved"]
    assert sorted(kinds(waiver.events)[2:]) == ["expired", "warned"]
    assert kinds(finding.events) == ["excepted", "returned"]
