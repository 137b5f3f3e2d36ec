"""Fixes that did not hold: each of them is on the desk of whoever has to mend it again."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape

import pytest

from accounts.models import User
from findings.announcing import words
from findings.models import Finding, FindingEvent, Notice
from tests.factories import NOW, FindingFactory
from tests.findings.announcing.cast import Cast, moved, tell
from tests.findings.pages.visitors import signed_in
from tests.findings.waivers.cast import approved

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return Cast()


def refuted(cast: Cast, count: int, *, of: User, at: datetime = NOW) -> list[Finding]:
    """As many findings of a person, said to be fixed, that one collection still saw."""
    made: list[Finding] = FindingFactory.create_batch(count, asset=cast.of_web.asset, assignee=of)
    moved(cast, "refuted", *made, at=at)
    tell()
    return made


def desk(user: User) -> dict[str, int]:
    """The lists of fixes that did not hold, as the page gives them: address → number."""
    html = signed_in(user).get("/work/").content.decode()
    links = re.findall(r'href="(/findings/\?[^"]*refuted_at[^"]+)">([\d,]+)', html)
    return {unescape(address): int(number) for address, number in links}


def listed(user: User, address: str) -> set[int]:
    return {row.pk for row in signed_in(user).get(address).context["page"].rows}


def test_several_at_once_lead_to_the_list_of_exactly_these(cast: Cast):
    FindingFactory(asset=cast.of_web.asset, assignee=cast.alice)  # hers, and never said to be fixed
    theirs = refuted(cast, 3, of=cast.alice)

    [(address, number)] = desk(cast.alice).items()

    assert number == 3
    assert listed(cast.alice, address) == {finding.pk for finding in theirs}


def test_of_more_than_a_notice_names_none_is_missing(cast: Cast):
    refuted(cast, 60, of=cast.alice)

    [(address, number)] = desk(cast.alice).items()

    assert number == 60
    assert signed_in(cast.alice).get(address).context["counts"]["total"] == 60


def test_what_nobody_has_is_on_the_desk_of_whoever_said_it_was_fixed(cast: Cast):
    made = FindingFactory.create_batch(2, asset=cast.of_web.asset)
    for finding in made:
        for person in (cast.bob, cast.alice):
            FindingEvent.objects.create(finding=finding, kind="claimed", at=NOW, by=person)
    moved(cast, "refuted", *made)
    tell()

    [(address, number)] = desk(cast.alice).items()

    assert number == 2
    assert listed(cast.alice, address) == {finding.pk for finding in made}
    assert desk(cast.bob) == {}
    assert listed(cast.bob, address) == set()


def test_what_is_resolved_excepted_or_somebody_elses_by_now_is_not_counted(cast: Cast):
    kept, resolved, excepted, given = refuted(cast, 4, of=cast.alice)
    Finding.objects.filter(pk=resolved.pk).update(state="resolved", resolved_at=NOW)
    approved(excepted, now=datetime.now(NOW.tzinfo) - timedelta(hours=1))
    Finding.objects.filter(pk=given.pk).update(assignee=cast.bob)

    [(address, number)] = desk(cast.alice).items()

    assert number == 1
    assert listed(cast.alice, address) == {kept.pk}
    Finding.objects.filter(pk=kept.pk).update(state="resolved", resolved_at=NOW)
    assert desk(cast.alice) == {}


def test_those_of_another_collection_are_another_list(cast: Cast):
    earlier = refuted(cast, 2, of=cast.alice)
    later = refuted(cast, 3, of=cast.alice, at=NOW + timedelta(microseconds=1))

    found = desk(cast.alice)

    assert list(found.values()) == [3, 2]
    assert [listed(cast.alice, address) for address in found] == [
        {finding.pk for finding in later},
        {finding.pk for finding in earlier},
    ]


def test_it_is_there_until_it_was_looked_at(cast: Cast):
    refuted(cast, 2, of=cast.alice)

    signed_in(cast.alice).post("/notifications/read/")

    assert desk(cast.alice) == {}


def test_nothing_of_a_team_that_one_left_is_there(cast: Cast):
    refuted(cast, 2, of=cast.alice)

    cast.alice.teams.clear()

    assert desk(cast.alice) == {}


def test_the_notice_leads_to_the_same_findings_whatever_became_of_them(cast: Cast):
    theirs = refuted(cast, 2, of=cast.alice)
    Finding.objects.filter(pk=theirs[0].pk).update(state="resolved", resolved_at=NOW)

    [line] = words.told(Notice.objects.filter(user=cast.alice, kind="refuted"), user=cast.alice)

    assert line.sentence == "2 findings of yours in vc-oslo were seen again after the fix."
    assert listed(cast.alice, line.address) == {finding.pk for finding in theirs}
