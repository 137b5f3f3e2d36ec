"""The overview as PDF: the numbers of the page, for those who may take them, in their scope."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from accounts.access import SignedInRequest
from accounts.models import User
from audit.models import Entry
from findings import paper
from findings.views import overview, overview_paper
from inventory.models import Asset, Source
from tests.factories import AssetFactory, FindingFactory, SourceFactory, TeamFactory, UserFactory
from tests.findings.pages.test_overview import count_days
from tests.findings.pages.visitors import signed_in

ADDRESS = "/overview.pdf"
QUERIES = 17


def on_paper(user: User, address: str = "/") -> dict[str, Any]:
    """What the template gets."""
    request: Any = RequestFactory().get(address)
    request.user = user
    asked: SignedInRequest = request
    now = datetime.now(UTC)
    return overview_paper.contents(overview.look(asked, now=now), now=now)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def number(text: str) -> str:
    return re.sub(r"\D", "", text)


@pytest.mark.parametrize("as_of", [0, 6], ids=["now", "six days ago"])
def test_the_numbers_are_those_of_the_page(
    analyst: Client, halden: list[Source], as_of: int
) -> None:
    count_days(halden, days=30)
    Source.objects.update(created_at=datetime.now(UTC) - timedelta(days=40))
    moment = datetime.now(UTC) - timedelta(days=as_of)
    address = f"/?as_of={moment:%Y-%m-%dT%H:%MZ}" if as_of else "/"

    html = analyst.get(address).content.decode()
    data = on_paper(User.objects.get(), address)

    sentence = words(html.split('class="v-sentence">')[1].split("</p>")[0])
    assert data["sentence"].replace(" ", "") == sentence.replace(" ", "")
    stats = re.findall(r'class="v-stat-number[^>]*>([\d,]+)<', html)
    assert [each["count"] for each in data["severities"]] == stats
    numbers = re.findall(r'class="v-area-numbers">(.*?)</dl>', html, re.DOTALL)
    assert [[area["failed"], area["unknown"], area["passed"]] for area in data["areas"]] == [
        re.findall(r"<a [^>]*>([\d,]+)</a>", each) for each in numbers
    ]
    ageing = html.split('id="ageing-title"')[1].split("</table>")[0]
    assert [each["count"] for each in (*data["due"], *data["ages"])] == re.findall(
        r"<a [^>]*>([\d,]+)</a>", ageing
    )
    worst = html.split('id="assets-title"')[1].split("</section>")[0]
    assert [each["count"] for each in data["assets"]] == re.findall(
        r'v-num v-fit"><a [^>]*>([\d,]+)<', worst
    )
    checks = html.split('id="checks-title"')[1].split("</section>")[0]
    bars = re.findall(r'aria-label="([\d,]+) pass, ([\d,]+) fail, ([\d,]+) unknown"', checks)
    assert [(row["passed"], row["failed"], row["unknown"]) for row in data["checks"]] == bars
    chart = html.split('id="chart-title"')[1].split("</section>")[0]
    cells = re.findall(r'<td class="v-num">([\d,]+)</td>', chart)
    drawn = [f"{n:,}" for p in data["chart"]["points"] for n in (p["first"], p["second"])]
    assert drawn == cells


def test_it_is_a_download_that_nobody_caches(analyst: Client, halden: list[Source]) -> None:
    response = analyst.get(ADDRESS)

    assert response.content.startswith(b"%PDF-")
    assert response["Content-Type"] == "application/pdf"
    assert re.fullmatch(
        r'attachment; filename="vmgov-overview-\d{8}T\d{4}Z\.pdf"', response["Content-Disposition"]
    )
    assert response["Cache-Control"] == "no-store"
    assert _pages(response.content) == 2


def _pages(content: bytes) -> int:
    """Page objects that stand outside compressed streams, else what the tree counts."""
    return len(re.findall(rb"/Type\s*/Page\b", content))


def test_the_same_facts_and_moment_are_the_same_bytes(
    analyst: Client, halden: list[Source]
) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False):
        first, second = analyst.get(ADDRESS).content, analyst.get(ADDRESS).content

    assert first == second


def test_somebody_of_a_team_gets_only_what_is_theirs(halden: list[Source]) -> None:
    team = TeamFactory(name="Radiology")
    bob = UserFactory(roles=["analyst"], scope=User.Scope.TEAMS, teams=[team])
    asset = AssetFactory(team=team, source=halden[0])
    FindingFactory(asset=asset)

    data = on_paper(bob)

    assert [row["name"] for row in data["assets"]] == [asset.name]
    assert [row["name"] for row in data["sources"]] == [halden[0].name]
    assert sum(int(number(each["count"])) for each in data["severities"]) == 1
    assert paper.scope(bob) == "Machines of Radiology"
    assert signed_in(bob).get(ADDRESS).content.startswith(b"%PDF-")


def test_it_says_whose_machines_are_counted(db: None) -> None:
    teams = [TeamFactory(name=name) for name in ("Web", "Labs", "Finance")]
    some = UserFactory(scope=User.Scope.TEAMS, teams=teams)

    assert paper.scope(UserFactory()) == "The whole estate"
    assert paper.scope(some) == "Machines of Finance, Labs and Web"
    assert paper.scope(UserFactory(scope=User.Scope.TEAMS)) == "Machines of no team"


def test_stale_facts_are_said_on_it(analyst: Client) -> None:
    SourceFactory(
        name="vc-old", published_at=datetime.now(UTC) - timedelta(days=3), interval_minutes=60
    )
    SourceFactory(name="vc-new", published_at=None)

    data = on_paper(User.objects.get())

    assert data["stale"] == (
        "vc-new was never read and vc-old was last read 3 days ago: "
        "what is below may no longer be true."
    )
    assert data["oldest"] == "3 days ago, some never read"


def test_facts_of_this_very_minute_are_not_of_the_future(analyst: Client) -> None:
    moment = datetime.now(UTC).replace(second=50, microsecond=0)
    SourceFactory(published_at=moment - timedelta(seconds=20), interval_minutes=60)

    with time_machine.travel(moment, tick=False):
        data = on_paper(User.objects.get())

    assert data["oldest"] == "20 s ago"


def test_a_moment_that_is_none_is_said_on_it(analyst: Client, halden: list[Source]) -> None:
    data = on_paper(User.objects.get(), "/?as_of=yesterday-ish")

    assert "This is how it stands now." in data["problem"]
    assert not data["is_past"]


def test_that_it_was_taken_is_in_the_audit_log(analyst: Client, halden: list[Source]) -> None:
    analyst.get(f"{ADDRESS}?as_of=2026-01-05T12:00Z")

    entry = Entry.objects.get(action="findings:finding:export")
    assert entry.after == {"overview": "2026-01-05 12:00 UTC", "as": "pdf"}


def test_who_may_not_export_finds_neither_file_nor_button(halden: list[Source]) -> None:
    viewer = signed_in(UserFactory(roles=["viewer"]))

    assert viewer.get(ADDRESS).status_code == 404
    assert "overview.pdf" not in viewer.get("/").content.decode()


def test_the_button_keeps_the_moment(analyst: Client, halden: list[Source]) -> None:
    Source.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert 'href="/overview.pdf"' in analyst.get("/").content.decode()

    past = analyst.get("/?as_of=2026-01-05T12:00Z").content.decode()

    assert 'href="/overview.pdf?as_of=2026-01-05T12:00Z"' in past


def test_without_the_extra_there_is_no_button_and_the_address_says_why(
    analyst: Client, halden: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)

    response = analyst.get(ADDRESS)

    assert response.status_code == 501
    assert "needs the extra `pdf`" in response.content.decode()
    assert "overview.pdf" not in analyst.get("/").content.decode()
    assert not Entry.objects.filter(action="findings:finding:export").exists()


def test_names_from_outside_do_not_break_it(analyst: Client, halden: list[Source]) -> None:
    Asset.objects.update(name='#panic("x") $x @ref <label> \\ \u202e漢字😀' + "x" * 10_000)
    Source.objects.filter(pk=halden[0].pk).update(name='#import "@preview/cetz:0.3.0" \u2066')

    assert analyst.get(ADDRESS).content.startswith(b"%PDF-")


def test_an_estate_without_sources_has_a_paper_that_says_so(analyst: Client) -> None:
    assert analyst.get(ADDRESS).content.startswith(b"%PDF-")
    assert on_paper(User.objects.get())["is_empty"]
    assert "overview.pdf" not in analyst.get("/").content.decode()


def test_it_takes_few_queries_whatever_the_size(
    analyst: Client, halden: list[Source], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    count_days(halden, days=2)
    analyst.get(ADDRESS)

    with django_assert_max_num_queries(QUERIES):
        analyst.get(ADDRESS)


def test_a_paper_is_short_however_many_sources_there_are(analyst: Client) -> None:
    SourceFactory.create_batch(paper.ROWS + 3)

    data = on_paper(User.objects.get())

    assert len(data["sources"]) == paper.ROWS
    assert data["sources_left"] == "3 more are on the page itself."
