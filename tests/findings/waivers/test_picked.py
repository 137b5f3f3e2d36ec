"""One exception for findings that were picked one by one: these, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from accounts.errors import NotPossible
from accounts.models import User
from findings.models import Finding, Waiver
from findings.waivers import deciding, scopes
from tests.factories import AssetFactory, FindingFactory, TeamFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.waivers.cast import analyst, approved, approver, asked

pytestmark = pytest.mark.django_db
END = timedelta(days=20)


@pytest.fixture
def picked() -> list[Finding]:
    """Three of different checks on different machines."""
    return [
        FindingFactory(severity=severity, check_id=check)
        for severity, check in (
            ("medium", "vm-snapshot-age"),
            ("medium", "vm-owner"),
            ("low", "vm-logging"),
        )
    ]


@pytest.fixture(autouse=True)
def beside() -> Finding:
    """One that nobody picked, like the first in everything else."""
    finding: Finding = FindingFactory(severity="medium", check_id="vm-snapshot-age")
    return finding


def query(findings: list[Finding]) -> str:
    return urlencode([("finding", finding.pk) for finding in findings])


def said(**more: Any) -> dict[str, Any]:
    end = timezone.now() + END
    return {"ground": "accepted", "reason": "Late.", "ends_on": f"{end:%Y-%m-%d}", **more}


def covered(waiver: Waiver) -> set[int]:
    return set(waiver.covers.values_list("finding_id", flat=True))


def test_what_is_selected_in_the_list_is_asked_for_as_one(picked: list[Finding]) -> None:
    client = signed_in(analyst())

    page = client.get(f"/findings/bulk/?act=except&{query(picked)}", follow=True)
    assert "3 open findings" in page.content.decode()
    sent = client.post("/exceptions/ask/", {**dict(page.context["asked"]), **said()}, follow=True)

    assert sent.status_code == 200
    waiver = Waiver.objects.get()
    assert waiver.asked_count == 3
    assert "3 picked findings" in sent.content.decode()


def test_it_covers_exactly_what_was_picked(picked: list[Finding], beside: Finding) -> None:
    now = datetime.now(UTC)
    by = analyst()

    waiver = approved(
        scopes.of_query(query(picked), user=by, now=now), by=by, now=now, expires_at=now + END
    )

    assert covered(waiver) == {finding.pk for finding in picked}


def test_the_gravest_that_was_picked_says_how_long_it_may_last(picked: list[Finding]) -> None:
    now = datetime.now(UTC)
    by = analyst()
    picked.append(FindingFactory(severity="critical"))
    scope = scopes.of_query(query(picked), user=by, now=now)

    with pytest.raises(NotPossible, match="The gravest finding it would cover is critical"):
        asked(scope, by=by, now=now, expires_at=now + timedelta(days=60))


def test_who_asked_does_not_decide(picked: list[Finding]) -> None:
    now = datetime.now(UTC)
    by = analyst(email="a@halden.example")
    twin = approver(email="a@halden.example")
    scope = scopes.of_query(query(picked), user=by, now=now)
    waiver = asked(scope, by=by, now=now, expires_at=now + END)

    with pytest.raises(NotPossible, match="count as one person"):
        deciding.approve(waiver_id=waiver.pk, version=0, by=twin, reason="Yes.", now=now)


@pytest.mark.parametrize("how", ["page", "form", "API"])
def test_one_that_is_another_teams_spoils_it_and_is_not_named(
    picked: list[Finding], how: str
) -> None:
    team = TeamFactory()
    alice = analyst(scope=User.Scope.TEAMS, teams=[team])
    mine: list[Finding] = [FindingFactory(asset=AssetFactory(team=team)) for _ in range(2)]
    client = signed_in(alice)

    answer = _ask(client, how, [*mine, picked[0]])

    assert "1 of the 3 picked findings" in answer.content.decode()
    assert not Waiver.objects.exists()
    _ask(client, how, mine)
    assert Waiver.objects.exists() == (how != "page")


@pytest.mark.parametrize("how", ["page", "form", "API"])
def test_one_that_is_resolved_by_now_spoils_it(picked: list[Finding], how: str) -> None:
    Finding.objects.filter(pk=picked[1].pk).update(
        state="resolved", resolved_at=timezone.now(), resolution="fixed"
    )

    answer = _ask(signed_in(analyst()), how, picked)

    assert "1 of the 3 picked findings" in answer.content.decode()
    assert not Waiver.objects.exists()


def _ask(client: Client, how: str, findings: list[Finding]) -> Any:
    if how == "page":
        return client.get(f"/exceptions/ask/?{query(findings)}")
    if how == "form":
        return client.post("/exceptions/ask/", said(query=query(findings)))
    end = (timezone.now() + END).isoformat()
    body = {
        "findings": [finding.pk for finding in findings],
        "ground": "accepted",
        "reason": "Late.",
        "expires_at": end,
    }
    return client.post("/api/v1/waivers/", body, content_type="application/json")


def test_scripts_name_the_findings(picked: list[Finding]) -> None:
    made = _ask(signed_in(analyst()), "API", [*picked, picked[0]])

    assert made.status_code == 201, made.content
    assert made.json()["scope"] == "query"
    assert made.json()["asked_count"] == 3


def test_one_that_was_picked_alone_is_an_exception_of_one_finding(picked: list[Finding]) -> None:
    made = _ask(signed_in(analyst()), "API", picked[:1])

    assert made.json()["scope"] == "finding"
    assert made.json()["finding"] == picked[0].pk


def test_more_than_can_be_looked_at_are_refused(picked: list[Finding]) -> None:
    address = "/exceptions/ask/?" + urlencode([("finding", n) for n in range(1, 102)])

    assert "At most 100 findings" in signed_in(analyst()).get(address).content.decode()


@pytest.mark.parametrize("ids", ["finding=x&finding=2", "finding=-1&finding=0", f"finding={9**30}"])
def test_what_is_no_finding_is_refused(picked: list[Finding], ids: str) -> None:
    with pytest.raises(NotPossible, match="picked"):
        scopes.of_query(ids, user=analyst(), now=datetime.now(UTC))


def test_the_list_says_how_many_were_picked(picked: list[Finding]) -> None:
    page = signed_in(analyst()).get(f"/findings/?state=open&{query(picked)}&severity=medium")

    assert page.context["counts"]["total"] == 2
    chips = {chip.label: chip for chip in page.context["chips"]}
    assert chips["Finding"].value == "3 picked"
    assert "finding=" not in chips["Finding"].without


def test_a_finding_knows_of_the_request_that_it_was_picked_for(
    picked: list[Finding], beside: Finding
) -> None:
    now = datetime.now(UTC)
    by = analyst()
    scope = scopes.of_query(query(picked), user=by, now=now)
    waiver = asked(scope, by=by, now=now, expires_at=now + END)
    client = signed_in(by)

    link = f"/exceptions/{waiver.pk}/"
    assert link in client.get(f"/findings/{picked[0].pk}/").content.decode()
    assert link not in client.get(f"/findings/{beside.pk}/").content.decode()
