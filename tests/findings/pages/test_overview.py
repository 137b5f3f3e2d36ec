"""The overview: the sentence, and every number the same as the list it leads to."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from findings import charts, posture
from findings.models import PostureDay
from findings.trends import rollup
from inventory.models import Source
from policies.configuration import configured_checks, fingerprint
from policies.loading import load_shipped
from tests.factories import (
    AssetFactory,
    FindingFactory,
    SourceFactory,
    TeamFactory,
    UserFactory,
    VerdictFactory,
)
from tests.findings.pages.visitors import signed_in

QUERIES = 13


def _links(html: str) -> list[tuple[str, int]]:
    """Every link to a list of findings or answers whose text begins with a number."""
    found = re.findall(
        r'href="(/findings/(?:answers/)?\?[^"]+)"[^>]*>\s*(?:<span[^>]*>)?([\d,]+)(?![\d,\s]*%)',
        html,
    )
    return [(unescape(address), int(count.replace(",", ""))) for address, count in found]


def _total(client: Client, address: str) -> int:
    context = client.get(address).context
    return int(context["counts"]["total"] if "counts" in context else context["total"])


@pytest.mark.parametrize("days", [0, 1], ids=["counted live", "counted before"])
def test_every_number_is_the_count_of_the_list_it_links_to(
    analyst: Client, halden: list[Source], days: int
) -> None:
    count_days(halden, days=days)

    html = analyst.get("/").content.decode()

    links = _links(html)
    assert len(links) > 30
    wrong = [(address, count) for address, count in links if _total(analyst, address) != count]
    assert wrong == []


def count_days(sources: list[Source], *, days: int) -> None:
    """As if each source had been evaluated every day, the last time now."""
    configured = configured_checks()
    Source.objects.update(judged_as=fingerprint(configured))
    now = datetime.now(UTC)
    for source in sources:
        for ago in reversed(range(days)):
            checks = [one.check for one in configured]
            rollup.keep(source.pk, checks=checks, now=now - timedelta(days=ago))


def test_the_chart_counts_what_its_columns_link_to(analyst: Client, halden: list[Source]) -> None:
    count_days(halden, days=30)
    chart = charts.movement(User.objects.get(), now=datetime.now(UTC))

    days = [column for column in chart.columns if column.first or column.second]
    assert len(days) > 5
    for column in days:
        assert _total(analyst, column.first_address) == column.first
        assert _total(analyst, column.second_address) == column.second


def test_what_was_counted_before_and_what_is_counted_live_are_the_same_page(
    analyst: Client, halden: list[Source]
) -> None:
    live = analyst.get("/").context
    count_days(halden, days=1)

    kept = analyst.get("/").context

    assert PostureDay.objects.count() == len(halden)
    assert kept["counts"] == live["counts"]
    assert kept["answers"] == live["answers"]
    assert kept["assets"] == live["assets"]
    assert [(line.check.id, each) for line, each in kept["checks"]] == [
        (line.check.id, each) for line, each in live["checks"]
    ]


def test_newer_facts_are_not_hidden_behind_what_was_counted(
    analyst: Client, halden: list[Source]
) -> None:
    count_days(halden, days=1)
    before = analyst.get("/").context["answers"]
    Source.objects.filter(pk=halden[0].pk).update(published_at=datetime.now(UTC))
    halden[0].assets.update(evaluated_at=None)

    after = analyst.get("/").context["answers"]

    assert after.unknown > before.unknown
    assert after.passed < before.passed


def test_the_sentence_says_what_opened_and_what_is_overdue(analyst: Client) -> None:
    now = datetime.now(UTC)
    asset = AssetFactory()
    FindingFactory(asset=asset, opened_at=now - timedelta(hours=2), due_at=now + timedelta(days=9))
    FindingFactory(asset=asset, opened_at=now - timedelta(days=9), due_at=now - timedelta(days=2))

    FindingFactory(
        asset=asset,
        opened_at=now - timedelta(days=9),
        due_at=now - timedelta(days=2),
        state="resolved",
        resolved_at=now - timedelta(hours=1),
    )

    html = analyst.get("/").content.decode()

    sentence = re.sub(r"<[^>]+>|\s+", " ", html.split('class="v-sentence">')[1].split("</p>")[0])
    words = re.sub(r"\s+", " ", sentence).strip()
    assert words.startswith("1 finding opened since yesterday, 1 resolved; 1 of 2 open is overdue.")


def test_without_a_source_it_says_what_to_do(analyst: Client) -> None:
    assert "Nothing is watched yet" in analyst.get("/").content.decode()

    operator = signed_in(UserFactory(roles=["operator"]))
    assert 'href="/sources/add/"' in operator.get("/").content.decode()


def test_stale_facts_are_said_before_anything_else(analyst: Client) -> None:
    SourceFactory(
        name="vc-old", published_at=datetime.now(UTC) - timedelta(days=3), interval_minutes=60
    )

    html = analyst.get("/").content.decode()

    assert "what is below may no longer be true" in html
    assert "v-grid-4 is-stale" in html


def test_what_has_not_been_evaluated_is_unknown_and_not_a_pass(analyst: Client) -> None:
    load_shipped()
    AssetFactory(evaluated_at=None)

    context = analyst.get("/").context

    assert context["answers"].passed == 0
    assert context["not_known"] > 0


def test_what_could_not_be_computed_is_hatched_in_the_bar_of_its_check(analyst: Client) -> None:
    load_shipped()
    check = posture.checks_asked("", "")[0]
    FindingFactory(asset=AssetFactory(), check_id=check.id)
    VerdictFactory(asset=AssetFactory(), check_id=check.id, outcome="error")

    html = analyst.get("/").content.decode()

    bars = html.split('id="checks-title"')[1].split("</section>")[0]
    assert re.findall(r"([\d,]+) unknown", bars)[0] == "1"


def test_a_user_administrator_is_sent_to_the_users(db: None) -> None:
    administrator = signed_in(UserFactory(roles=["user-admin"]))

    response = administrator.get("/")

    assert (response.status_code, response["Location"]) == (302, "/settings/users/")


def test_somebody_of_a_team_sees_only_what_is_theirs(halden: list[Source]) -> None:
    team = TeamFactory(name="Radiology")
    bob = UserFactory(roles=["viewer"], scope=User.Scope.TEAMS, teams=[team])
    asset = AssetFactory(team=team, source=halden[0])
    FindingFactory(asset=asset)

    context = signed_in(bob).get("/").context

    assert context["counts"].open == 1
    assert [row["asset"].pk for row in context["assets"]] == [asset.pk]
    assert [line.source.pk for line in context["sources"]] == [halden[0].pk]
    assert context["answers"].total <= context["answers"].passed + len(posture.checks_asked("", ""))


def test_it_takes_few_queries_whatever_the_size(
    analyst: Client, halden: list[Source], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    count_days(halden, days=2)
    analyst.get("/")  # the first request of a session writes it

    with django_assert_max_num_queries(QUERIES):
        analyst.get("/")


@pytest.mark.parametrize("area", ["segregation", "securing", "monitoring", "change"])
def test_the_checks_of_an_area_add_up_to_its_bar(
    analyst: Client, halden: list[Source], area: str
) -> None:
    lines = {entry["line"].area.value: entry["line"] for entry in analyst.get("/").context["areas"]}

    listed = analyst.get(f"/findings/checks/?area={area}").context["tally"]

    assert listed == lines[area].tally


def test_each_check_leads_to_the_assets_that_pass_it(analyst: Client, halden: list[Source]) -> None:
    AssetFactory(source=halden[0], evaluated_at=None)
    lines = analyst.get("/findings/checks/").context["lines"]
    passing = [line for line in lines if line.tally.passed]

    assert len(passing) > 10
    for line in passing:
        address = f"/findings/answers/?check={line.check.id}&outcome=pass"
        assert _total(analyst, address) == line.tally.passed
