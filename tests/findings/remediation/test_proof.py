"""A plan moves by evaluation alone: claims wait, proofs close, what fails goes back."""

from __future__ import annotations

import pytest

from accounts.errors import NotPossible
from audit.models import Entry
from findings.models import Announcement, Finding, Plan, PlanEvent, Task
from findings.remediation import progress, tasks
from inventory.models import Asset
from tests.factories import NOW
from tests.findings.remediation.cast import (
    CHECK,
    HOUR,
    OTHER_CHECK,
    Cast,
    a_campaign,
    a_cast,
    a_finding,
    a_plan,
    collected,
    failing,
    unknown,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return a_cast()


def far(plan: Plan, cast: Cast) -> progress.Progress:
    return progress.of_plans([plan], user=cast.dora, now=NOW + 9 * HOUR)[plan.pk]


def kinds(plan: Plan) -> list[str]:
    return list(plan.events.order_by("pk").values_list("kind", flat=True))


def claim(plan: Plan, cast: Cast, at: int = 1) -> Task:
    task = plan.tasks.get()
    tasks.claim(task_id=task.pk, by=cast.dora, now=NOW + at * HOUR)
    return task


def test_a_claim_proves_nothing(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)

    claim(plan, cast)

    finding.refresh_from_db()
    assert (finding.triage, finding.claimed_at) == ("awaiting_proof", NOW + HOUR)
    assert finding.version == 1
    assert finding.events.first().kind == "claimed"
    assert (far(plan, cast).proven, far(plan, cast).waiting) == (0, 1)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.OPEN


def test_the_next_collection_that_sees_it_gone_proves_it_and_the_plan_is_done(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm), owner=cast.alice)
    claim(plan, cast)

    collected(cast.source, now=NOW + 2 * HOUR)

    plan.refresh_from_db()
    assert (plan.status, plan.done_at) == (Plan.Status.DONE, NOW + 2 * HOUR)
    assert far(plan, cast).proven == far(plan, cast).fixed == 1
    assert kinds(plan)[-1] == PlanEvent.Kind.PROVEN
    told = Announcement.objects.get(topic="plan.proven")
    assert (told.subject_id, set(told.detail["to"])) == (plan.pk, {cast.alice.pk, cast.dora.pk})
    assert Entry.objects.filter(actor_id=None, target_id=str(plan.pk)).exists()


def test_a_plan_needs_no_claim_to_be_done(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))

    collected(cast.source, now=NOW + HOUR)

    plan.refresh_from_db()
    assert plan.status == Plan.Status.DONE


def test_a_later_collection_that_still_sees_it_sends_it_back(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)
    claim(plan, cast)

    collected(cast.source, *failing(finding), now=NOW + 2 * HOUR)

    finding.refresh_from_db()
    assert finding.triage == "in_progress"
    done = far(plan, cast)
    assert (done.waiting, done.open, done.refuted) == (0, 1, 1)
    assert kinds(plan)[-1] == PlanEvent.Kind.REFUTED
    told = Announcement.objects.get(topic="plan.refuted")
    assert told.detail["count"] == 1


def test_a_collection_that_began_before_the_claim_says_nothing_about_it(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)
    claim(plan, cast, at=2)

    collected(cast.source, *failing(finding), now=NOW + 3 * HOUR, began=NOW + HOUR)

    done = far(plan, cast)
    assert (done.waiting, done.refuted) == (1, 0)
    assert PlanEvent.Kind.REFUTED not in kinds(plan)


def test_what_cannot_be_seen_stays_waiting(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)
    claim(plan, cast)

    collected(cast.source, unknown(finding), now=NOW + 2 * HOUR)

    done = far(plan, cast)
    assert (done.waiting, done.blind, done.proven) == (1, 1, 0)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.OPEN


def test_what_cannot_be_seen_and_nobody_claims_is_shown_apart(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)

    collected(cast.source, unknown(finding), now=NOW + 2 * HOUR)

    assert (far(plan, cast).open, far(plan, cast).unverifiable) == (0, 1)


def test_a_failed_proof_that_is_claimed_again_and_proven_is_no_longer_one(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)
    claim(plan, cast)
    collected(cast.source, *failing(finding), now=NOW + 2 * HOUR)
    claim(plan, cast, at=3)
    again = far(plan, cast)

    collected(cast.source, now=NOW + 4 * HOUR)

    assert (again.waiting, again.refuted) == (1, 0)
    assert (far(plan, cast).proven, far(plan, cast).refuted) == (1, 0)


def test_a_finding_that_returns_opens_the_plan_again(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)
    collected(cast.source, now=NOW + HOUR)

    collected(cast.source, *failing(finding), now=NOW + 2 * HOUR)

    plan.refresh_from_db()
    assert (plan.status, plan.done_at) == (Plan.Status.OPEN, None)
    assert kinds(plan)[-2:] == [PlanEvent.Kind.PROVEN, PlanEvent.Kind.REOPENED]


def test_an_asset_that_is_gone_is_counted_apart(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)
    Asset.objects.filter(pk=cast.my_vm.pk).update(gone_at=NOW + HOUR)

    collected(cast.source, now=NOW + HOUR)

    done = far(plan, cast)
    assert (done.proven, done.fixed, done.gone) == (1, 0, 1)


def test_a_check_that_is_switched_off_proves_nothing(cast: Cast):
    finding = a_finding(cast.my_vm, check_id="vm-old-snapshot")  # nothing here is configured so
    plan = a_plan(cast.dora, finding)

    collected(cast.source, now=NOW + HOUR)

    finding.refresh_from_db()
    assert finding.resolution == "check_disabled"
    assert (far(plan, cast).proven, far(plan, cast).unverifiable) == (0, 1)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.OPEN


def test_a_campaign_takes_in_what_comes_to_match(cast: Cast):
    first = a_finding(cast.my_vm)
    plan = a_campaign(cast.dora)

    second = a_finding(cast.their_vm)
    other = a_finding(cast.their_vm, check_id=OTHER_CHECK)
    collected(cast.source, *failing(first, second, other), now=NOW + HOUR)

    inside = plan.memberships.order_by("pk").values_list("finding_id", "joined_at")
    assert list(inside) == [(first.pk, NOW), (second.pk, NOW + HOUR)]
    assert second.events.filter(kind="planned", by=None).exists()


def test_a_campaign_takes_in_no_more_than_its_maker_sees(cast: Cast):
    first = a_finding(cast.my_vm)
    plan = a_campaign(cast.alice)

    second = a_finding(cast.their_vm)
    collected(cast.source, *failing(first, second), now=NOW + HOUR)

    assert list(plan.memberships.values_list("finding_id", flat=True)) == [first.pk]


def test_a_campaign_that_is_done_goes_on_when_something_new_matches(cast: Cast):
    a_finding(cast.my_vm)
    plan = a_campaign(cast.dora)
    collected(cast.source, now=NOW + HOUR)
    done = Plan.objects.get(pk=plan.pk).status

    new = a_finding(cast.their_vm)
    collected(cast.source, *failing(new), now=NOW + 2 * HOUR)

    plan.refresh_from_db()
    assert (done, plan.status) == (Plan.Status.DONE, Plan.Status.OPEN)


def test_a_campaign_may_begin_with_nothing(cast: Cast):
    plan = a_campaign(cast.dora)
    finding = a_finding(cast.my_vm)

    collected(cast.source, *failing(finding), now=NOW + HOUR)

    assert plan.memberships.get().finding == finding
    assert plan.tasks.get().check_id == CHECK


def test_nothing_of_a_resolved_finding_can_be_claimed(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))
    collected(cast.source, now=NOW + HOUR)

    with pytest.raises(NotPossible, match="left"):
        claim(plan, cast, at=2)


def test_a_claim_can_be_taken_back(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)
    task = claim(plan, cast)

    tasks.take_back(task_id=task.pk, by=cast.dora, now=NOW + 2 * HOUR)

    finding.refresh_from_db()
    assert (finding.triage, finding.claimed_at, finding.version) == ("in_progress", None, 2)
    assert kinds(plan)[-1] == PlanEvent.Kind.TAKEN_BACK


def test_a_finding_of_another_source_leaves_the_plan_open(cast: Cast):
    elsewhere = a_finding(a_cast_elsewhere())
    plan = a_plan(cast.dora, a_finding(cast.my_vm), elsewhere)

    collected(cast.source, now=NOW + HOUR)

    plan.refresh_from_db()
    assert plan.status == Plan.Status.OPEN
    assert Finding.objects.open().get() == elsewhere


def a_cast_elsewhere() -> Asset:
    from tests.factories import AssetFactory, SourceFactory

    return AssetFactory(source=SourceFactory(name="vc-elsewhere"))
