"""Plans that are due soon: warned of once for each due date, and only while they are open."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.db import connection, transaction

from accounts.models import User
from findings import tasks
from findings.announcing import relay, words
from findings.models import Announcement, Notice, Plan, PlanEvent
from findings.remediation import deadlines, plans
from tests.factories import NOW
from tests.findings.remediation.cast import DAY, HOUR, Cast, a_cast, a_finding, a_plan, collected
from vmgov.celery import app

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return a_cast()


@pytest.fixture
def without_broker() -> Iterator[None]:
    """What a tick starts runs at once, in the process that ticks."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def warned() -> list[int]:
    """The plans of which it was announced, in the order of announcements."""
    topic = Announcement.objects.filter(topic="plan.due-soon").order_by("pk")
    return list(topic.values_list("subject_id", flat=True))


def due(cast: Cast, when: datetime | None) -> Plan:
    return a_plan(cast.dora, a_finding(cast.my_vm), owner=cast.alice, due_at=when)


def put_off(plan: Plan, by: User, *, to: datetime, now: datetime) -> None:
    plan.refresh_from_db()
    wish = plans.Wish(title=plan.title, owner=plan.owner, due_at=to)
    plans.change(plan_id=plan.pk, version=plan.version, wish=wish, by=by, now=now)


def test_an_open_plan_is_warned_of_once_in_its_last_days(cast: Cast):
    at_the_limit, _later = due(cast, NOW + 3 * DAY), due(cast, NOW + 3 * DAY + HOUR)
    _missed, _now, _never = due(cast, NOW - HOUR), due(cast, NOW), due(cast, None)

    assert (deadlines.look(now=NOW), deadlines.look(now=NOW)) == (1, 0)

    assert warned() == [at_the_limit.pk]
    [event] = PlanEvent.objects.filter(kind=PlanEvent.Kind.WARNED)
    assert (event.plan, event.at) == (at_the_limit, NOW)
    at_the_limit.refresh_from_db()
    assert (at_the_limit.warned_at, at_the_limit.version) == (NOW, 0)


def test_a_tick_looks_at_plans(cast: Cast, without_broker: None):
    plan = due(cast, NOW + DAY)

    tasks.tick(now=NOW)

    assert warned() == [plan.pk]


def test_its_people_read_that_it_is_due_soon(cast: Cast):
    plan = due(cast, NOW + DAY)
    deadlines.look(now=NOW)

    relay.relay(now=NOW)

    told = words.told(
        Notice.objects.filter(user=cast.alice, detail__topic="plan.due-soon"), user=cast.alice
    )
    assert [line.sentence for line in told] == [f"Plan {plan.pk} is due soon."]
    assert not Notice.objects.filter(user=cast.bob).exists()


def test_another_due_date_is_warned_of_anew(cast: Cast):
    plan = due(cast, NOW + DAY)
    deadlines.look(now=NOW)

    put_off(plan, cast.dora, to=NOW + 9 * DAY, now=NOW + HOUR)

    assert [deadlines.look(now=NOW + days * DAY) for days in (1, 7, 8)] == [0, 1, 0]
    assert warned() == [plan.pk, plan.pk]


def test_another_title_is_not_another_due_date(cast: Cast):
    plan = due(cast, NOW + DAY)
    deadlines.look(now=NOW)

    wish = plans.Wish(title="Otherwise", owner=cast.alice, due_at=NOW + DAY)
    plans.change(plan_id=plan.pk, version=0, wish=wish, by=cast.dora, now=NOW + HOUR)

    assert deadlines.look(now=NOW + 2 * HOUR) == 0


def test_what_is_done_or_closed_is_not_warned_of(cast: Cast):
    done, closed = due(cast, NOW + DAY), due(cast, NOW + DAY)
    plans.close(plan_id=closed.pk, version=0, why="Enough.", by=cast.dora, now=NOW)
    collected(cast.source, now=NOW + HOUR)

    assert deadlines.look(now=NOW + 2 * HOUR) == 0

    done.refresh_from_db()
    assert done.status == Plan.Status.DONE


def test_a_worker_that_dies_on_the_way_has_told_nobody(cast: Cast):
    plan = due(cast, NOW + DAY)
    with transaction.atomic():
        deadlines.look(now=NOW)
        transaction.set_rollback(True)

    assert warned() == []
    assert deadlines.look(now=NOW + HOUR) == 1
    assert warned() == [plan.pk]


@pytest.mark.django_db(transaction=True)
def test_of_two_looks_at_once_one_warns(cast: Cast):
    plan = due(cast, NOW + DAY)
    found: list[int] = []

    def another() -> None:
        try:
            found.append(deadlines.look(now=NOW))
        finally:
            connection.close()

    with transaction.atomic():
        deadlines.look(now=NOW)
        thread = threading.Thread(target=another)
        thread.start()
        thread.join(10)

    assert found == [0]
    assert warned() == [plan.pk]
