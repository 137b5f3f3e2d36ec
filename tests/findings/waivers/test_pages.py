"""Pages of exceptions: what they say, and what happens when two people act at once."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from findings.models import Finding, Waiver
from findings.waivers import scopes
from tests.factories import AssetFactory, FindingFactory, TeamFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.waivers.cast import analyst, approved, approver, asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding() -> Finding:
    return FindingFactory(severity="medium", check_id="vm-snapshot-age")


def fresh(user: User) -> Client:
    """A browser of somebody who has just proved who they are."""
    client = signed_in(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def day(days: int) -> str:
    return f"{timezone.now() + timedelta(days=days):%Y-%m-%d}"


FORM = {"ground": "accepted", "reason": "The vendor is late.", "ends_on": day(20)}


def test_an_exception_goes_from_a_finding_to_a_decision(finding: Finding):
    person, boss = analyst(), approver()
    client = signed_in(person)

    page = client.get("/exceptions/ask/", {"finding": finding.pk})
    assert "It would cover" in page.content.decode()
    sent = client.post("/exceptions/ask/", {"finding": finding.pk, **FORM}, follow=True)
    assert "asks to except" in sent.content.decode()
    waiver = Waiver.objects.get()

    deciding = fresh(boss)
    assert "Approve for 1 finding" in deciding.get(f"/exceptions/{waiver.pk}/").content.decode()
    done = deciding.post(
        f"/exceptions/{waiver.pk}/approve/",
        {"version": 0, "count": 1, "reason": "Fine.", "ends_on": day(20)},
        follow=True,
    )

    assert "Covers" in done.content.decode()
    assert Finding.objects.excepted(now=timezone.now()).exists()


def test_approving_asks_who_it_is_first(finding: Finding):
    waiver = asked(finding, now=timezone.now())
    client = signed_in(approver())
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - 999}]
    session.save()

    for act in ("approve", "revoke"):
        answer = client.post(f"/exceptions/{waiver.pk}/{act}/", {"version": 0, "reason": "Yes."})
        assert answer.status_code == 302
        assert "reauthenticate" in answer["Location"]

    waiver.refresh_from_db()
    assert waiver.status == Waiver.Status.REQUESTED


def test_who_was_slower_reads_who_did_what(finding: Finding):
    waiver, first = asked(finding, now=timezone.now()), approver(full_name="Per Næss")
    fresh(first).post(f"/exceptions/{waiver.pk}/reject/", {"version": 0, "reason": "Fix it."})

    answer = fresh(approver()).post(
        f"/exceptions/{waiver.pk}/approve/", {"version": 0, "reason": "Fine."}
    )

    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Per Næss" in text
    assert "Fix it." in text
    assert "Rejected" in text


def test_an_act_without_a_version_does_nothing(finding: Finding):
    waiver = asked(finding, now=timezone.now())

    answer = fresh(approver()).post(f"/exceptions/{waiver.pk}/reject/", {"reason": "No."})

    assert answer.status_code == 409
    waiver.refresh_from_db()
    assert waiver.status == Waiver.Status.REQUESTED


def test_the_list_counts_what_it_shows(finding: Finding):
    now = timezone.now()
    approved(finding, now=now)
    asked(scopes.of_asset(finding.asset_id, user=(person := analyst())), by=person, now=now)
    client = signed_in(analyst())

    whole = client.get("/exceptions/")
    assert whole.context["counts"]["total"] == 2
    for tab in whole.context["tabs"]:
        shown = client.get(f"/exceptions/{tab['address']}")
        assert shown.context["page"].total == tab["count"], tab


@pytest.mark.parametrize(
    "query", ["state=nothing", "scope=x", "check=%00", "ends_within=7", "finding=1e400", "asset=-1"]
)
def test_any_filter_gets_an_answer(finding: Finding, query: str):
    assert signed_in(analyst()).get(f"/exceptions/?{query}").status_code == 200


def test_the_export_is_the_list(finding: Finding):
    approved(finding, now=timezone.now())

    answer = signed_in(analyst()).get("/exceptions/export.csv")

    lines = b"".join(answer).decode().splitlines()
    assert len(lines) == 2
    assert "In effect" in lines[1]


def test_more_than_was_approved_is_said_with_its_number():
    now, person, asset = timezone.now(), analyst(), AssetFactory()
    FindingFactory(asset=asset)
    waiver = approved(scopes.of_asset(asset.pk, user=person), by=person, now=now)
    FindingFactory(asset=asset)
    FindingFactory(asset=asset)

    text = signed_in(person).get(f"/exceptions/{waiver.pk}/").content.decode()

    assert "1 finding" in text
    assert "2 more" in text


def test_a_filter_that_wanders_is_refused_in_words(finding: Finding):
    client = signed_in(analyst())

    answer = client.get("/exceptions/ask/", {"query": "severity=medium&assignee=me&q=web"})

    assert "cannot depend on “assignee”, “q”" in answer.content.decode()


@pytest.mark.parametrize("about", ["finding=999999", "asset=999999", "check=nothing", "x=1", ""])
def test_what_is_not_there_cannot_be_excepted(db: None, about: str):
    assert signed_in(analyst()).get(f"/exceptions/ask/?{about}").status_code == 200


def test_a_finding_says_what_covers_it_without_opening_what_is_not_ones_own():
    now, mine = timezone.now(), TeamFactory()
    own = FindingFactory(asset=AssetFactory(team=mine), check_id="vm-snapshot-age")
    FindingFactory(asset=AssetFactory(team=TeamFactory()), check_id="vm-snapshot-age")
    person = analyst()
    waiver = approved(scopes.of_check("vm-snapshot-age", user=person), by=person, now=now)
    owner = analyst(scope="teams", teams=[mine])
    client = signed_in(owner)

    text = client.get(f"/findings/{own.pk}/").content.decode()

    assert "Covered by an exception until" in text
    assert "fix comes in June" in text
    assert f"/exceptions/{waiver.pk}/" not in text
    assert client.get(f"/exceptions/{waiver.pk}/").status_code == 404
    assert client.get("/exceptions/").context["counts"]["total"] == 0


def test_who_asked_sees_no_numbers_of_what_they_no_longer_see():
    now, mine = timezone.now(), TeamFactory()
    FindingFactory(asset=AssetFactory(team=mine), check_id="vm-snapshot-age")
    FindingFactory(asset=AssetFactory(team=TeamFactory()), check_id="vm-snapshot-age")
    person = analyst()
    waiver = approved(scopes.of_check("vm-snapshot-age", user=person), by=person, now=now)
    User.objects.filter(pk=person.pk).update(scope="teams")
    person.teams.add(mine)

    answer = signed_in(User.objects.get(pk=person.pk)).get(f"/exceptions/{waiver.pk}/")

    assert answer.context["told"].covers == 1
    assert "2 findings" not in answer.content.decode()
