"""The pages of plans: what they say, to whom, in how many queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from findings.models import Plan
from findings.remediation import tasks
from tests.findings.pages.visitors import signed_in
from tests.findings.remediation.cast import (
    Cast,
    a_campaign,
    a_cast,
    a_finding,
    a_plan,
    collected,
    failing,
)
from ui import waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return a_cast()


@pytest.fixture
def dora(cast: Cast) -> Client:
    return signed_in(cast.dora)


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return str(response.content.decode())


def test_the_list_says_what_a_plan_is_until_there_is_one(dora: Client):
    assert "No plans yet" in page(dora, "/remediation/")


def test_the_list_counts_and_links_what_is_in_a_plan(cast: Cast, dora: Client):
    plan = a_plan(cast.dora, a_finding(cast.my_vm), a_finding(cast.their_vm))

    said = page(dora, "/remediation/")

    assert f'href="/findings/?state=any&amp;plan={plan.pk}&amp;proof=open">2 open' in said


def test_the_list_behind_a_number_has_the_same_number(cast: Cast, dora: Client):
    plan = a_plan(cast.dora, a_finding(cast.my_vm), a_finding(cast.their_vm))
    a_finding(cast.their_vm)
    tasks.claim(
        task_id=plan.tasks.get().pk,
        by=cast.alice,
        now=timezone.now(),
    )

    for proof, count in (("proven", 0), ("waiting", 1), ("open", 1), ("refuted", 0)):
        listed = dora.get(f"/findings/?state=any&plan={plan.pk}&proof={proof}")
        assert listed.context["counts"]["total"] == count, proof


def test_a_plan_is_made_from_what_a_filter_finds(cast: Cast, dora: Client):
    a_finding(cast.my_vm)
    assert "1 finding" in page(dora, "/remediation/new/?query=check%3Dvm-snapshot-age")

    response = dora.post(
        "/remediation/new/",
        {
            "query": "check=vm-snapshot-age",
            "title": "Old snapshots",
            "grouping": "check",
            "follow": "on",
            "owner": "dora",
            "due_on": "2031-06-30",
        },
    )

    plan = Plan.objects.get()
    assert response["Location"] == f"/remediation/{plan.pk}/"
    assert (plan.kind, plan.query, plan.owner) == ("campaign", "check=vm-snapshot-age", cast.dora)
    assert plan.memberships.count() == 1


def test_without_a_choice_there_is_no_plan_to_make(cast: Cast, dora: Client):
    a_finding(cast.my_vm)

    assert "What is to be mended?" in page(dora, "/remediation/new/")


def test_a_plan_shows_steps_and_a_script_with_the_real_names(cast: Cast, dora: Client):
    plan = a_plan(cast.dora, a_finding(cast.my_vm), owner=cast.alice, goal="Free space.")

    said = page(dora, f"/remediation/{plan.pk}/")
    script = dora.get(f"/remediation/{plan.pk}/script.ps1")

    assert cast.my_vm.name in said
    assert "I have done this" in said
    assert script["Content-Disposition"].startswith("attachment")
    assert script["Content-Type"].startswith("text/plain")
    assert f"VirtualMachine-{cast.my_vm.ref}" in script.content.decode()
    assert "never runs" in script.content.decode()


def test_a_claim_can_be_undone_from_its_message(cast: Cast, dora: Client):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))
    task = plan.tasks.get()

    said = dora.post(f"/remediation/tasks/{task.pk}/claim/", follow=True)
    [undo] = [m.extra_tags.removeprefix("undo:") for m in said.context["messages"]]
    dora.post(undo)

    assert plan.memberships.get().finding.triage == "in_progress"


def test_an_edit_of_an_older_version_is_refused_and_loses_nothing(cast: Cast, dora: Client):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))
    dora.post(f"/remediation/{plan.pk}/edit/", {"title": "First", "version": "0"})

    late = dora.post(f"/remediation/{plan.pk}/edit/", {"title": "Second", "version": "0"})

    assert late.status_code == 409
    assert "meanwhile" in late.content.decode()
    assert Plan.objects.get().title == "First"


def test_a_plan_is_closed_for_a_reason(cast: Cast, dora: Client):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))

    without = dora.post(f"/remediation/{plan.pk}/close/", {"why": " ", "version": "0"})
    dora.post(f"/remediation/{plan.pk}/close/", {"why": "Rebuilt instead.", "version": "0"})

    assert without.status_code == 200
    plan.refresh_from_db()
    assert (plan.status, plan.close_reason) == ("closed", "Rebuilt instead.")
    assert "Rebuilt instead." in page(dora, f"/remediation/{plan.pk}/")


def test_the_page_of_a_finding_leads_into_plans(cast: Cast, dora: Client):
    finding, other = a_finding(cast.my_vm), a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)

    inside = page(dora, f"/findings/{finding.pk}/")
    outside = page(dora, f"/findings/{other.pk}/")
    dora.post("/remediation/add/", {"plan": plan.pk, "finding": other.pk})

    assert f'href="/remediation/{plan.pk}/"' in inside
    assert "Add to this plan" in outside
    assert plan.memberships.count() == 2


def test_a_reader_without_the_right_sees_no_buttons(cast: Cast):
    from tests.factories import UserFactory

    plan = a_plan(cast.dora, a_finding(cast.my_vm))

    said = page(signed_in(UserFactory(roles=["viewer"])), f"/remediation/{plan.pk}/")

    assert "I have done this" not in said
    assert f"/remediation/{plan.pk}/edit/" not in said


@pytest.mark.parametrize("address", ["/remediation/", "/remediation/{plan}/"])
@pytest.mark.parametrize("who", ["alice", "dora"])
def test_pages_take_at_most_a_dozen_queries(
    cast: Cast, who: str, django_assert_max_num_queries: DjangoAssertNumQueries, address: str
):
    findings = [a_finding(cast.my_vm) for _ in range(12)]
    plan = a_plan(cast.dora, *findings, due_at=timezone.now() + timedelta(days=9), grouping="asset")
    a_campaign(cast.dora)
    client = signed_in(getattr(cast, who))
    client.get("/remediation/")

    with django_assert_max_num_queries(12):
        client.get(address.format(plan=plan.pk))


def test_what_was_sent_back_is_counted_beside_the_place_of_plans(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding, owner=cast.alice)
    now = timezone.now()
    tasks.claim(task_id=plan.tasks.get().pk, by=cast.alice, now=now - timedelta(hours=2))
    before = waiting.counts(cast.alice, now=now)

    collected(cast.source, *failing(finding), now=now)

    assert "plans" not in before
    assert waiting.counts(cast.alice, now=now)["plans"] == 1
    assert "plans" not in waiting.counts(cast.bob, now=now)
