"""How Halden Clinics mend what was found: two campaigns, a plan whose fix did not hold, one done.

Every chapter is told through the verbs that pages use; proofs come of the collections in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from accounts.models import Team, User
from accounts.roles import Role
from findings.models import Finding, Plan
from findings.remediation import plans, tasks
from vmgov.demo_triage import Chapter

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SNAPSHOTS = "Old snapshots gone for good"
CLOSED_HOSTS = "Hosts open to their administrators only"
TOOLS = "VMware Tools current on every machine"


def chapters(*, now: datetime) -> Iterator[Chapter]:
    """The story, in no particular order. What happens at `now` follows the last collection."""
    yield Chapter(now - 34 * DAY, lambda at: _tools(at, due=now + 26 * DAY))
    yield Chapter(now - 27 * DAY, lambda at: _close_hosts(at, due=now - 14 * DAY))
    yield Chapter(now - 25 * DAY, lambda at: _claim(CLOSED_HOSTS, at))
    yield Chapter(now - 23 * DAY, lambda at: _log_host(at, due=now + 20 * DAY))
    yield Chapter(now - 16 * DAY, lambda at: _snapshots(at, due=now + 9 * DAY))
    yield Chapter(now - 15 * DAY, lambda at: _claim(SNAPSHOTS, at))
    yield Chapter(now, lambda at: _claim(SNAPSHOTS, at, most=1))


def log_host_title(due: datetime) -> str:
    return f"All hosts log to one log host by {due:%B}"


def _tools(at: datetime, *, due: datetime) -> None:
    """A burn-down: each maintenance window mends some."""
    _made(
        at,
        plans.Wish(
            title=TOOLS,
            goal="Each maintenance window takes a share, the clinics' machines last.",
            owner=_person(Role.REMEDIATOR),
            due_at=due,
        ),
        query="check=vm-tools-current",
        follow=True,
    )


def _log_host(at: datetime, *, due: datetime) -> None:
    """Hosts that stop logging join by themselves."""
    _made(
        at,
        plans.Wish(
            title=log_host_title(due),
            goal="Whoever investigates looks in one place. Hosts that stray join by themselves.",
            owner=_person(Role.ANALYST),
            team=Team.objects.filter(name="Platform").first(),
            due_at=due,
        ),
        query="check=host-log-host",
        follow=True,
    )


def _close_hosts(at: datetime, *, due: datetime) -> None:
    """Proven within days, and done by itself."""
    _made(
        at,
        plans.Wish(title=CLOSED_HOSTS, owner=_person(Role.REMEDIATOR), due_at=due),
        query="check=host-lockdown-mode&check=host-firewall-management",
    )


def _snapshots(at: datetime, *, due: datetime) -> None:
    """Said to be done a day later; the next collection still sees them."""
    _made(
        at,
        plans.Wish(
            title=SNAPSHOTS,
            goal="Nobody keeps a snapshot as a backup. Ask its owner before deleting one.",
            owner=_person(Role.REMEDIATOR),
            due_at=due,
        ),
        query="check=vm-snapshot-age",
    )


def _made(at: datetime, wish: plans.Wish, *, query: str, follow: bool = False) -> None:
    plans.make(wish=wish, query=query, follow=follow, by=_person(Role.ANALYST), now=at)


def _claim(title: str, at: datetime, *, most: int | None = None) -> None:
    """The remediator says that each task is done, or only the first findings of it."""
    for task in Plan.objects.get(title=title).tasks.all():
        left = Finding.objects.to_do(now=at).filter(memberships__task=task).order_by("pk")
        ids = list(left.values_list("pk", flat=True)[:most])
        tasks.claim(task_id=task.pk, by=_person(Role.REMEDIATOR), now=at, finding_ids=ids)


def _person(role: Role) -> User:
    return User.objects.get(username=role.value)
