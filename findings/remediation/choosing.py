"""Which findings a plan is made of: those that were picked, or those that a query finds."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.core.exceptions import TooManyFieldsSent
from django.db.models import Count, QuerySet
from django.http import QueryDict

from accounts.errors import NotPossible
from accounts.models import User
from findings.filters import FindingFilter
from findings.models import Finding, Plan, TaskFinding

MOST = 10_000  # findings in one plan, when it is made
LONGEST_QUERY = 2_000
# What a list of findings also understands, and a campaign does not follow: where a finding stands
# now, what it is to whoever asks, the past, and other plans.
_NOT_FOLLOWED = frozenset(
    {"state", "status", "proof", "plan", "task", "mine", "new", "refuted_at", "open_at"}
)


def normal(query: str) -> str:
    """The part of a query string that a campaign follows, in one form; or raise NotPossible."""
    asked = _read(query)
    kept = QueryDict(mutable=True)
    for name in sorted(set(asked) & set(FindingFilter.base_filters)):
        if name.removesuffix("__not") in _NOT_FOLLOWED:
            continue
        if values := [value for value in asked.getlist(name) if value.strip()]:
            kept.setlist(name, values)
    return kept.urlencode()


def found_by(query: str, *, user: User, now: datetime) -> QuerySet[Finding]:
    """What is to do of what the query finds for this person, or raise NotPossible."""
    visible = Finding.objects.visible_to(user).to_do(now=now)
    filters = FindingFilter(_read(query), visible, now=now, user=user)
    if not filters.is_valid():
        raise NotPossible("This filter is not understood.")
    found: QuerySet[Finding] = filters.qs
    return found


def picked(ids: list[int], *, user: User) -> QuerySet[Finding]:
    """Those of the findings that are open and that this person may see."""
    return Finding.objects.visible_to(user).open().filter(pk__in=ids)


class Choice(msgspec.Struct, frozen=True):
    """What a plan would be made of."""

    findings: int
    checks: int
    assets: int
    teams: int


NOTHING = Choice(0, 0, 0, 0)


def counted(found: QuerySet[Finding]) -> Choice:
    """How many findings those are, and of how many checks, assets and teams."""
    counts = Finding.objects.filter(pk__in=found.order_by().values("pk")).aggregate(
        findings=Count("*"),
        checks=Count("check_id", distinct=True),
        assets=Count("asset_id", distinct=True),
        teams=Count("team_id", distinct=True),
    )
    return Choice(**counts)


def inside(plan: Plan, ids: list[int], *, user: User) -> QuerySet[Finding]:
    """Those of the findings that are in a plan and that this person may see."""
    memberships = TaskFinding.objects.present().visible_to(user).filter(plan=plan, finding__in=ids)
    return Finding.objects.filter(pk__in=memberships.values("finding")).select_related(
        "asset__source"
    )


def _read(query: str) -> QueryDict:
    if len(query) > LONGEST_QUERY or "\x00" in query:
        raise NotPossible("This filter is too long to be kept.")
    try:
        return QueryDict(query.removeprefix("?"))
    except (TooManyFieldsSent, UnicodeError) as error:
        raise NotPossible("This filter is not understood.") from error
