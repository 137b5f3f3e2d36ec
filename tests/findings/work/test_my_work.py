"""My work: each role finds what waits for it, and nothing that is somebody else's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Team, User
from findings.models import Announcement, Finding, Notice, Waiver
from findings.trends import rollup
from inventory.models import Source, SyncRun
from tests.factories import (
    AssetFactory,
    FindingFactory,
    SourceFactory,
    SyncRunFactory,
    TeamFactory,
    UserFactory,
)
from tests.findings.pages.visitors import signed_in

pytestmark = pytest.mark.django_db
QUERIES = 12  # with those of the frame
DAY = timedelta(days=1)


def desk(user: User) -> tuple[str, Any]:
    response = signed_in(user).get("/work/")
    assert response.status_code == 200
    return response.content.decode(), response.context


def sentence(html: str) -> str:
    text = html.split('class="v-sentence">')[1].split("</p>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).strip()


def a_request(by: User, finding: Finding, *, now: datetime) -> Waiver:
    return Waiver.objects.create(
        scope="finding",
        finding=finding,
        ground="accepted",
        reason="The vendor is slow.",
        due_after="keep",
        requested_by=by,
        requested_at=now,
        starts_at=now,
        expires_at=now + 20 * DAY,
    )


def test_an_analyst_reads_what_is_theirs_and_how_much_is_late() -> None:
    now = datetime.now(UTC)
    ingrid = UserFactory(roles=["analyst"])
    asset = AssetFactory()
    for days in (-2, 3, 30):
        FindingFactory(asset=asset, assignee=ingrid, due_at=now + days * DAY)
    FindingFactory(asset=asset, opened_at=now - timedelta(hours=1), severity="critical")

    html, context = desk(ingrid)

    assert sentence(html).startswith("3 findings are yours, 1 overdue, 1 due within a week.")
    assert [row.due_at for row in context["mine"].rows] == sorted(
        row.due_at for row in context["mine"].rows
    )
    assert context["fresh"].unassigned == 1


def test_every_number_is_the_length_of_its_list(halden: list[Source]) -> None:
    now = datetime.now(UTC)
    ingrid = UserFactory(roles=["analyst", "remediator"])
    chosen = list(Finding.objects.filter(state="open")[:9])
    Finding.objects.filter(pk__in=[one.pk for one in chosen]).update(assignee=ingrid)
    Finding.objects.filter(pk=chosen[0].pk).update(triage="awaiting_proof", claimed_at=now)

    html, _ = desk(ingrid)

    links = re.findall(r'href="(/findings/\?[^"]+)"[^>]*>(?:All )?\s*([\d,]+)', html)
    assert len(links) >= 6
    client = signed_in(ingrid)
    for address, number in links:
        total = client.get(unescape(address)).context["counts"]["total"]
        assert total == int(number.replace(",", "")), address


def test_who_is_mentioned_finds_it_until_they_looked() -> None:
    now = datetime.now(UTC)
    ingrid, other = UserFactory(roles=["analyst"]), UserFactory(full_name="Ada Berg")
    finding = FindingFactory(message="A snapshot is old.")
    told = Announcement.objects.create(
        topic="x", subject_type="finding", subject_id=finding.pk, by=other, at=now
    )
    notice = Notice.objects.create(
        user=ingrid, announcement=told, kind="mentioned", finding=finding, at=now
    )

    assert "Ada Berg" in desk(ingrid)[0]

    Notice.objects.filter(pk=notice.pk).update(read_at=now)
    assert "Ada Berg" not in desk(ingrid)[0]


def test_an_approver_never_finds_their_own_request() -> None:
    now = datetime.now(UTC)
    per, asker = UserFactory(roles=["approver", "remediator"]), UserFactory(roles=["analyst"])
    theirs = a_request(asker, FindingFactory(), now=now)
    own = a_request(per, FindingFactory(), now=now)

    html, context = desk(per)

    assert [waiver.pk for waiver in context["requests"].waiting] == [theirs.pk]
    assert [waiver.pk for waiver in context["asked"]] == [own.pk]
    assert "1 request waits for your decision." in sentence(html)


def test_an_owner_finds_the_machines_of_their_team_alone(halden: list[Source]) -> None:
    now = datetime.now(UTC)
    team = Team.objects.get(name="Finance")
    owner = UserFactory(roles=["remediator"], scope=User.Scope.TEAMS, teams=[team])
    for source in halden:
        rollup.keep(source.pk, checks=[], now=now)

    _, context = desk(owner)

    shown = [machine.asset for machine in context["machines"]]
    assert shown
    assert {asset.team_id for asset in shown} == {team.pk}
    for machine in context["machines"]:
        open_now = Finding.objects.filter(asset=machine.asset, state="open")
        assert machine.count == open_now.count()
        assert {finding.asset_id for finding in machine.findings} <= {machine.asset.pk}


def test_an_operator_finds_sources_that_need_a_hand() -> None:
    now = datetime.now(UTC)
    SourceFactory(name="vc-fine", published_at=now)
    SourceFactory(name="vc-old", published_at=now - 9 * DAY)
    failed = SourceFactory(name="vc-failed", published_at=now)
    SyncRunFactory(source=failed, state=SyncRun.State.FAILED)
    SyncRunFactory(state=SyncRun.State.HELD, source=SourceFactory(name="vc-h", published_at=now))

    html, _ = desk(UserFactory(roles=["operator"]))

    assert sentence(html) == "3 sources need a hand."
    assert "vc-fine" not in html


def test_an_auditor_finds_what_does_not_hold_and_what_nothing_covers(halden: list[Source]) -> None:
    html, context = desk(UserFactory(roles=["auditor"]))

    proof = context["proof"]
    assert proof.count("uncovered") > 0
    assert f"{proof.count('fail')} of {len(proof.lines)} statements do not hold." in sentence(html)


def test_who_manages_people_finds_accounts_without_a_second_factor() -> None:
    UserFactory(username="with", roles=["operator"], second_factor=True)
    UserFactory(username="without", roles=["approver"])
    UserFactory(username="reader", roles=["viewer"])

    html, context = desk(UserFactory(username="ulla", roles=["user-admin"], second_factor=True))

    assert [user.username for user in context["people"].without_factor] == ["without"]
    assert "vc-" not in html


def test_nothing_of_another_team_lies_on_a_desk(halden: list[Source]) -> None:
    team = TeamFactory(name="Radiology")
    bob = UserFactory(
        roles=["analyst", "remediator", "approver"], scope=User.Scope.TEAMS, teams=[team]
    )
    Finding.objects.update(assignee=bob)  # even what was once assigned
    asker = UserFactory(roles=["analyst"])
    a_request(asker, Finding.objects.filter(state="open")[0], now=datetime.now(UTC))

    html, context = desk(bob)

    assert context["mine"].total == 0
    assert context["fresh"].unassigned == 0
    assert context["machines"] == []
    assert context["requests"].waiting == []
    assert "/findings/" not in re.sub(r"/findings/\?", "", html.split('id="main"')[1])


@pytest.mark.parametrize(
    "roles",
    [["viewer"], ["analyst"], ["remediator"], ["approver"], ["operator"], ["auditor"]],
    ids=lambda roles: roles[0],
)
def test_a_desk_takes_few_queries(
    halden: list[Source], roles: list[str], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    user = UserFactory(roles=roles)
    Finding.objects.filter(state="open").update(assignee=user)
    client: Client = signed_in(user)
    client.get("/work/")  # the first request of a session writes it

    with django_assert_max_num_queries(QUERIES):
        client.get("/work/")
