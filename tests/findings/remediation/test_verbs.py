"""What people do with plans and tasks: each act once, told, logged, and never over one another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.errors import NotPossible
from audit.models import Entry
from findings.models import Announcement, Plan, TaskFinding
from findings.remediation import plans, tasks
from findings.remediation.burndown import burn_down
from findings.remediation.errors import Outdated
from findings.remediation.reading import reading_of
from tests.factories import NOW
from tests.findings.remediation.cast import (
    CHECK,
    DAY,
    HOUR,
    OTHER_CHECK,
    Cast,
    a_campaign,
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


def test_tasks_are_one_per_check_or_one_per_asset(cast: Cast):
    findings = [a_finding(cast.my_vm), a_finding(cast.their_vm, check_id=OTHER_CHECK)]

    by_check = a_plan(cast.dora, *findings)
    by_asset = a_plan(cast.dora, *findings, grouping="asset")

    assert {task.check_id for task in by_check.tasks.all()} == {CHECK, OTHER_CHECK}
    assert {task.asset for task in by_asset.tasks.all()} == {cast.my_vm, cast.their_vm}


def test_whoever_gets_a_plan_is_told(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm), owner=cast.alice)

    told = Announcement.objects.get(topic="plan.assigned")
    assert (told.subject_id, told.detail["to"]) == (plan.pk, [cast.alice.pk])


def test_an_act_on_an_older_version_is_refused(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))
    plans.close(plan_id=plan.pk, version=0, why="Enough.", by=cast.dora, now=LATER)

    with pytest.raises(Outdated):
        plans.close(plan_id=plan.pk, version=0, why="Enough.", by=cast.dora, now=LATER)


def test_a_finding_is_in_a_plan_once_whoever_writes_it(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_plan(cast.dora, finding)

    with pytest.raises(IntegrityError, match="finding_once_in_a_plan"), transaction.atomic():
        TaskFinding.objects.create(task=plan.tasks.get(), finding=finding, joined_at=NOW)


def test_what_was_taken_out_of_a_campaign_stays_out(cast: Cast):
    finding = a_finding(cast.my_vm)
    plan = a_campaign(cast.dora)
    plans.take_out(
        plan_id=plan.pk, finding_ids=[finding.pk], why="Lab.", by=cast.dora, now=NOW + HOUR
    )

    collected(cast.source, *failing(finding), now=NOW + 2 * HOUR)

    assert not plan.memberships.filter(left_at=None).exists()


def test_taking_out_the_last_unproven_finding_makes_a_plan_done(cast: Cast):
    kept, taken = a_finding(cast.my_vm), a_finding(cast.my_vm)
    plan = a_plan(cast.dora, kept, taken)
    collected(cast.source, *failing(taken), now=NOW + HOUR)

    plans.take_out(plan_id=plan.pk, finding_ids=[taken.pk], why="Lab.", by=cast.dora, now=LATER)

    plan.refresh_from_db()
    assert plan.status == Plan.Status.DONE


def test_a_closed_plan_takes_nothing_and_can_be_opened_again(cast: Cast):
    plan, other = a_plan(cast.dora, a_finding(cast.my_vm)), a_finding(cast.my_vm)
    plans.close(plan_id=plan.pk, version=0, why="Enough.", by=cast.dora, now=LATER)

    with pytest.raises(NotPossible, match="closed"):
        plans.add(plan_id=plan.pk, finding_ids=[other.pk], by=cast.dora, now=LATER)
    with pytest.raises(NotPossible, match="closed"):
        tasks.claim(task_id=plan.tasks.get().pk, by=cast.dora, now=LATER)
    plans.open_again(plan_id=plan.pk, by=cast.dora, now=LATER)

    assert plans.add(plan_id=plan.pk, finding_ids=[other.pk], by=cast.dora, now=LATER) == 1


def test_each_act_is_in_the_log(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))
    wish = plans.Wish(title="Otherwise", due_at=NOW + DAY)
    plans.change(plan_id=plan.pk, version=0, wish=wish, by=cast.dora, now=LATER)
    task = plan.tasks.get()
    tasks.change(
        task_id=task.pk, version=0, wish=tasks.Wish(note="By night."), by=cast.dora, now=LATER
    )
    tasks.claim(task_id=task.pk, by=cast.dora, now=LATER)

    logged = Entry.objects.filter(actor_id=cast.dora.pk).order_by("pk")
    assert list(logged.values_list("action", flat=True)) == [
        "findings:plan:manage",
        "findings:plan:manage",
        "findings:plan:manage",
        "findings:finding:work",
    ]
    changed = logged[1]
    assert changed.before
    assert changed.after
    assert (changed.before["title"], changed.after["title"]) == ("Old snapshots", "Otherwise")


def test_the_history_counts_for_each_task_its_own_findings(cast: Cast):
    plan = a_plan(
        cast.dora,
        a_finding(cast.my_vm),
        a_finding(cast.my_vm),
        a_finding(cast.my_vm, check_id=OTHER_CHECK),
    )
    for task in plan.tasks.all():
        tasks.claim(task_id=task.pk, by=cast.dora, now=LATER)

    told = reading_of(plan, cast.dora, now=LATER).history

    assert sorted(row.count for row in told if row.kind == "claimed") == [1, 2]


def test_the_burn_down_counts_what_was_open_in_the_plan_each_day(cast: Cast):
    first, second, third = (a_finding(cast.my_vm, opened_at=NOW - DAY) for _ in range(3))
    plan = a_plan(cast.dora, first, second, due_at=NOW + 8 * DAY)
    collected(cast.source, *failing(second, third), now=NOW + DAY)
    plans.add(plan_id=plan.pk, finding_ids=[third.pk], by=cast.dora, now=NOW + 2 * DAY)
    collected(cast.source, *failing(first), now=NOW + 4 * DAY)

    drawn = burn_down(plan, cast.dora, NOW + 5 * DAY)

    assert [day.open for day in drawn.days] == [2, 1, 2, 2, 1, 1, None, None, None]
    assert (drawn.start, drawn.days[0].target, drawn.days[-1].target) == (2, 2.0, 0.0)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_claim_at_once_one_does(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))
    task = plan.tasks.get()

    won = at_once(4, lambda n: tasks.claim(task_id=task.pk, by=cast.dora, now=LATER))

    assert won == [1]
    assert plan.events.filter(kind="claimed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_close_at_once_one_does(cast: Cast):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))

    won = at_once(
        4,
        lambda n: (
            plans.close(plan_id=plan.pk, version=0, why=f"{n}", by=cast.dora, now=LATER).version
        ),
    )

    assert won == [1]


@pytest.mark.django_db(transaction=True)
def test_what_joins_while_it_is_resolved_leaves_no_plan_open_that_is_done(cast: Cast):
    findings = [a_finding(cast.my_vm) for _ in range(6)]
    plan = a_plan(cast.dora, findings[0])

    def act(n: int) -> int:
        if n == 0:
            with transaction.atomic():
                collected(cast.source, now=NOW + HOUR)
            return 0
        return plans.add(plan_id=plan.pk, finding_ids=[findings[n].pk], by=cast.dora, now=NOW)

    at_once(4, act)

    plan.refresh_from_db()
    assert plan.status == Plan.Status.DONE


def at_once(count: int, act: Callable[[int], int]) -> list[int]:
    """What came of those that did not raise NotPossible, each in a thread of its own."""
    start, won, broken = threading.Barrier(count), [], []

    def run(n: int) -> None:
        start.wait(timedelta(seconds=20).total_seconds())
        try:
            won.append(act(n))
        except NotPossible:
            pass
        except Exception as error:
            broken.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    return won
