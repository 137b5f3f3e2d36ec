"""Trends as PDF: the pictures and numbers of the page, in the scope of whoever takes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Team, User
from audit.models import Entry
from findings.trends import paper, views
from inventory.models import Source
from tests.factories import UserFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.trends import weeks

pytestmark = pytest.mark.django_db
ADDRESS = "/trends/export.pdf"


@pytest.fixture
def now(db: None) -> datetime:
    found = datetime.now(UTC).replace(second=0, microsecond=0)
    weeks.build(now=found, days=(20, 12, 5, 1, 0))
    return found


@pytest.fixture
def analyst(db: None) -> Client:
    return signed_in(UserFactory(username="ingrid", roles=["analyst"]))


def on_paper(user: User, now: datetime, **query: str) -> dict[str, Any]:
    """What the template gets."""
    wanted = views.asked(query, user, now=now)
    context = views.look(user, wanted, now=now)
    return paper.contents(context, views.time_to_fix(user, wanted), now=now)


def test_the_numbers_are_those_of_the_page(now: datetime, analyst: Client) -> None:
    html = analyst.get("/trends/?period=30d&mended=1").content.decode()

    data = on_paper(User.objects.get(), datetime.now(UTC), period="30d")

    table = html.split('aria-labelledby="numbers"')[1].split("</table>")[0]
    cells = re.findall(r'<td class="v-num">(?:<a [^>]*>)?([\d,]+)', table)
    assert [n for point in data["points"] for n in point["numbers"]] == cells
    assert data["columns"] == re.findall(r'class="v-num">([A-Z][^<]*)</th>', table)
    titles = re.findall(r'<h2 id="chart-\d+">([^<]+)</h2>', html)
    assert [chart["title"] for chart in data["charts"]] == titles
    mended = html.split('id="time-to-fix"')[1].split("</section>")[0]
    assert len(data["mended"]) == mended.count("<tr><td>")
    assert data["sentence"].split(" open now")[0] in html


def test_what_was_not_seen_stays_a_gap(now: datetime, analyst: Client) -> None:
    data = on_paper(User.objects.get(), now, period="30d")

    shares = [point["first"] for point in data["charts"][0]["points"]]
    assert None in shares
    assert any(shares)


@pytest.mark.parametrize("query", ["", "?period=1y&by=check", "?by=area&value=change", "?by=team"])
def test_each_way_to_look_has_a_paper(now: datetime, analyst: Client, query: str) -> None:
    response = analyst.get(f"{ADDRESS}{query}")

    assert response.content.startswith(b"%PDF-")
    assert response["Content-Disposition"].startswith('attachment; filename="vmgov-trends-')


def test_there_is_a_paper_before_anything_was_counted(analyst: Client) -> None:
    assert analyst.get(ADDRESS).content.startswith(b"%PDF-")
    assert "export.pdf" not in analyst.get("/trends/").content.decode()


def test_the_same_facts_and_moment_are_the_same_bytes(now: datetime, analyst: Client) -> None:
    with time_machine.travel(now, tick=False):
        first, second = analyst.get(ADDRESS).content, analyst.get(ADDRESS).content

    assert first == second


def test_alice_gets_only_what_her_team_has(now: datetime) -> None:
    alice = UserFactory(
        roles=["analyst"], scope=User.Scope.TEAMS, teams=[Team.objects.get(name="Alices")]
    )

    own = on_paper(alice, now, by="team")
    everything = on_paper(UserFactory(roles=["analyst"]), now, by="team")

    assert [change["label"] for change in own["changes"]] == ["Alices"]
    assert len(everything["changes"]) > 1
    assert own["points"][-1]["numbers"] != everything["points"][-1]["numbers"]


def test_that_it_was_taken_is_in_the_audit_log(now: datetime, analyst: Client) -> None:
    analyst.get(f"{ADDRESS}?period=1y&by=area&value=change")

    entry = Entry.objects.get(action="findings:finding:export")
    assert entry.after == {"trends": "1y", "of": "change", "as": "pdf"}


def test_the_button_keeps_what_is_looked_at(now: datetime, analyst: Client) -> None:
    html = analyst.get("/trends/?period=30d&by=area&value=change").content.decode()

    assert 'href="/trends/export.pdf?period=30d&amp;by=area&amp;value=change"' in html


def test_who_may_not_export_finds_neither_file_nor_button(now: datetime) -> None:
    viewer = signed_in(UserFactory(roles=["viewer"]))

    assert viewer.get(ADDRESS).status_code == 404
    assert "export.pdf" not in viewer.get("/trends/").content.decode()


def test_what_is_not_there_has_no_paper(now: datetime, analyst: Client) -> None:
    assert Source.objects.exists()
    assert analyst.get(f"{ADDRESS}?by=area&value=nowhere").status_code == 404
