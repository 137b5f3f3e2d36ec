"""Who sees what of a plan: the findings of others are not there, whichever way one asks."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.errors import NotPossible
from findings.models import Finding, Plan, Task
from findings.remediation import plans, poam, progress, steps, tasks
from findings.remediation.burndown import burn_down
from tests.factories import NOW, UserFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.remediation.cast import (
    HOUR,
    OTHER_CHECK,
    Cast,
    a_cast,
    a_finding,
    a_plan,
    collected,
    failing,
)

pytestmark = pytest.mark.django_db
LATER = NOW + 9 * HOUR


@pytest.fixture
def cast() -> Cast:
    return a_cast()


def test_a_plan_is_seen_by_its_people_and_by_those_with_a_finding_in_it(cast: Cast):
    stranger = UserFactory(roles=["remediator"], scope="teams", teams=[])
    plan = a_plan(cast.dora, a_finding(cast.my_vm))
    owned = a_plan(cast.dora, a_finding(cast.my_vm), owner=stranger)

    assert set(Plan.objects.visible_to(cast.alice)) == {plan, owned}
    assert set(Plan.objects.visible_to(cast.bob)) == set()
    assert set(Plan.objects.visible_to(stranger)) == {owned}


def test_counts_scripts_exports_and_pictures_are_of_ones_own_findings(cast: Cast):
    mine, theirs = a_finding(cast.my_vm), a_finding(cast.their_vm)
    plan = a_plan(cast.dora, mine, theirs)
    visible = Task.objects.visible_to(cast.alice)

    so_far = progress.of_plans([plan], user=cast.alice, now=LATER)[plan.pk]
    rows = list(poam.rows([plan.pk], cast.alice, now=LATER, origin="/"))
    script = steps.script_of(plan, visible, cast.alice, now=LATER)

    assert so_far.total == len(rows) == burn_down(plan, cast.alice, LATER).open == 1
    assert f"VirtualMachine-{cast.my_vm.ref}" in script
    assert cast.their_vm.ref not in script
    assert cast.their_vm.name not in repr(rows)


def test_a_task_of_others_is_not_there(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm), a_finding(cast.their_vm, check_id=OTHER_CHECK))

    assert [task.check_id for task in plan.tasks.visible_to(cast.bob)] == [OTHER_CHECK]


def test_the_page_of_a_shared_plan_is_the_same_without_the_others_findings(cast: Cast):
    """Plans of one maker, one of them with another team's finding: read alike, but for numbers."""
    alone = a_plan(cast.dora, a_finding(cast.my_vm), title="Snapshots")
    shared = a_plan(cast.dora, Finding.objects.get(), a_finding(cast.their_vm), title="Snapshots")
    theirs = shared.tasks.get()
    tasks.claim(task_id=theirs.pk, by=cast.bob, now=NOW + HOUR)
    client = signed_in(cast.alice)

    assert _told(client, alone) == _told(client, shared)


def _told(client: Client, plan: Plan) -> str:
    said = client.get(f"/remediation/{plan.pk}/").content.decode()
    said = said[said.index("<main") :]
    return re.sub(
        rf"\b(plan[=/-]|remediation/){plan.pk}\b|task=\d+|tasks/\d+|csrf\w+\" value=\"\w+", "", said
    )


def test_whether_a_plan_is_done_is_said_of_what_one_sees(cast: Cast):
    mine, theirs = a_finding(cast.my_vm), a_finding(cast.their_vm)
    plan = a_plan(cast.dora, mine, theirs)
    collected(cast.source, *failing(theirs), now=NOW + HOUR)

    def standing(user: object) -> str:
        found = progress.with_standing(Plan.objects.all(), user).get(pk=plan.pk)  # type: ignore[arg-type]
        return str(found.standing)  # type: ignore[attr-defined]

    assert (standing(cast.alice), standing(cast.bob), standing(cast.dora)) == (
        "done",
        "open",
        "open",
    )


def test_a_claim_moves_only_what_one_sees(cast: Cast):
    mine, theirs = a_finding(cast.my_vm), a_finding(cast.their_vm)
    plan = a_plan(cast.dora, mine, theirs)

    tasks.claim(task_id=plan.tasks.get().pk, by=cast.alice, now=NOW + HOUR)

    assert list(Finding.objects.filter(triage="awaiting_proof")) == [mine]


def test_a_plan_holds_only_what_its_maker_sees(cast: Cast):
    with pytest.raises(NotPossible, match="open"):
        a_plan(cast.alice, a_finding(cast.their_vm))


def test_whoever_has_a_finding_in_a_plan_does_not_change_it(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))

    with pytest.raises(Plan.DoesNotExist):
        plans.close(plan_id=plan.pk, version=0, why="Mine.", by=cast.alice, now=LATER)


def test_work_is_given_to_nobody_whom_one_does_not_know(cast: Cast):
    with pytest.raises(NotPossible, match="somebody who may"):
        a_plan(cast.alice, a_finding(cast.my_vm), owner=cast.bob)


def test_a_filter_on_a_plan_out_of_sight_finds_nothing(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.their_vm))
    a_finding(cast.my_vm)

    listed = signed_in(cast.alice).get(f"/findings/?state=any&plan={plan.pk}")

    assert listed.context["counts"]["total"] == 0
    assert plan.title not in listed.content.decode()
