"""The overview as of a moment: every number is the length of the list of that moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client

from accounts.models import Team, User
from findings.models import PostureDay
from tests.factories import UserFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.trends import weeks

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LINK = re.compile(
    r'href="(/findings/(?:answers/)?\?[^"]+)"[^>]*>\s*(?:<span[^>]*>)?([\d,]+)(?![\d,\s]*%)'
)


@pytest.fixture
def now(db: None) -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def numbers(client: Client, address: str) -> dict[str, int]:
    html = client.get(address).content.decode()
    return {
        unescape(where): int(count.replace(",", ""))
        for where, count in LINK.findall(html.split('id="main"')[1])
    }


def total(client: Client, address: str) -> int:
    context = client.get(address).context
    return int(context["counts"]["total"] if "counts" in context else context["total"])


@pytest.mark.parametrize("ago", [0, 1, 8, 30])
def test_every_number_of_a_past_day_is_the_length_of_its_list(now: datetime, ago: int) -> None:
    weeks.build(now=now)
    client = signed_in(UserFactory(roles=["analyst"]))

    found = numbers(client, f"/?as_of={(now - ago * DAY):%Y-%m-%dT%H:%MZ}" if ago else "/")

    assert len(found) > 25
    assert any(found.values())
    assert {at: n for at, n in found.items() if total(client, at) != n} == {}


def test_a_past_day_shows_what_was_open_then_and_not_what_is_now(now: datetime) -> None:
    weeks.build(now=now)
    client = signed_in(UserFactory(roles=["analyst"]))

    pages = {
        ago: client.get("/", {"as_of": f"{(now - ago * DAY):%Y-%m-%dT%H:%M}"}).context
        for ago in (3, 15, 60)
    }

    assert pages[60]["counts"].open == 0
    assert not pages[60]["sources"]
    assert pages[15]["counts"].open > 0
    assert pages[15]["as_of"] == now - 15 * DAY
    assert pages[3]["counts"] != pages[15]["counts"]


def test_a_bar_of_the_past_leads_to_a_machine_in_two_clicks(now: datetime) -> None:
    weeks.build(now=now)
    client = signed_in(UserFactory(roles=["analyst"]))
    html = client.get("/", {"as_of": f"{(now - 10 * DAY):%Y-%m-%d}"}).content.decode()
    bars = [unescape(at) for at in re.findall(r'href="(/findings/answers/[^"]+)"', html)]

    first = client.get(next(at for at in bars if "area=change" in at and "fail" in at))

    assert first.context["as_of"] is not None
    [machine, *_] = re.findall(r"/inventory/assets/\d+/", first.content.decode())
    assert client.get(machine).status_code == 200


def test_a_member_of_a_team_sees_the_past_of_their_team_alone(now: datetime) -> None:
    weeks.build(now=now)
    team = Team.objects.get(name="Alices")
    alice = signed_in(
        UserFactory(roles=["analyst"], scope=User.Scope.TEAMS, teams=[team], username="alice")
    )
    whole = signed_in(UserFactory(roles=["analyst"]))
    address = f"/?as_of={(now - 10 * DAY):%Y-%m-%dT%H:%MZ}"

    own, all_of_it = alice.get(address), whole.get(address)

    assert 0 < own.context["counts"].open < all_of_it.context["counts"].open
    assert 0 < own.context["answers"].total < all_of_it.context["answers"].total
    body = own.content.decode()
    assert "esx-1" not in body
    assert not re.search(r"machine-[135]", body)
    found = numbers(alice, address)
    assert {at: n for at, n in found.items() if total(alice, at) != n} == {}


@pytest.mark.parametrize("text", ["2999-01-01", "yesterday", "2026-02-31T00:00", "\x00"])
def test_what_is_no_past_moment_shows_now_and_says_so(now: datetime, text: str) -> None:
    weeks.build(now=now, days=(1,))

    page = signed_in(UserFactory(roles=["analyst"])).get("/", {"as_of": text})

    assert page.context["as_of"] is None
    assert "This is how it stands now." in page.content.decode()


def test_each_day_with_an_evaluation_is_kept_under_the_clock_of_then(now: datetime) -> None:
    source = weeks.build(now=now, days=(9, 4))

    days = PostureDay.objects.filter(source=source).order_by("day")

    assert [day.day for day in days] == [(now - n * DAY).date() for n in (9, 4)]
    assert all(day.is_collected for day in days)
