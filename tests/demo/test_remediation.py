"""The demo tells how findings are mended: what is proven was proven by a collection."""

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from findings.models import Plan
from findings.remediation import progress
from findings.remediation.burndown import burn_down
from vmgov.demo_remediation import CLOSED_HOSTS, SNAPSHOTS, TOOLS, log_host_title

pytestmark = pytest.mark.django_db


def far(plan: Plan, now: datetime) -> progress.Progress:
    viewer = User.objects.get(username="viewer")
    return progress.of_plans([plan], user=viewer, now=now)[plan.pk]


def test_a_campaign_burns_down(estate: datetime) -> None:
    plan = Plan.objects.get(title=TOOLS)
    days = [day.open for day in burn_down(plan, plan.created_by, estate).days]
    known = [count for count in days if count is not None]

    assert known[0] > 2 * known[-1] > 0
    assert plan.due_at is not None
    assert plan.due_at > estate


def test_the_campaign_for_one_log_host_takes_in_hosts_that_stray(estate: datetime) -> None:
    plan = Plan.objects.get(title=log_host_title(estate + timedelta(days=20)))

    assert plan.is_campaign
    assert far(plan, estate).open >= 2
    assert plan.memberships.filter(joined_at__gt=plan.created_at).exists()


def test_a_fix_that_did_not_hold_shows(estate: datetime) -> None:
    plan = Plan.objects.get(title=SNAPSHOTS)
    so_far = far(plan, estate)

    assert so_far.proven >= 4
    assert so_far.refuted >= 1
    assert so_far.waiting == 1
    assert plan.events.filter(kind="refuted").exists()


def test_one_plan_is_done_by_itself(estate: datetime) -> None:
    plan = Plan.objects.get(title=CLOSED_HOSTS)

    assert plan.status == Plan.Status.DONE
    assert plan.events.filter(kind="proven", by=None).exists()
    assert far(plan, estate).proven == far(plan, estate).total == 2
