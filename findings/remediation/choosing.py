"""Which findings a plan is made of: those that were picked, or those that a query finds."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import QueryDict

from accounts.errors import NotPossible
from accounts.models import User
from findings.filters import FindingFilter
from findings.models import Finding

MOST = 10_000  # findings in one plan, when it is made
LONGEST_QUERY = 2_000
# What a list of findings also understands, and a plan does not follow: its state and its order.
_NOT_FOLLOWED = frozenset({"state", "state__not", "after", "sort", "proof", "proof__not"})


def normal(query: str) -> str:
    """The part of a query string that narrows findings, in one form; or raise NotPossible."""
    if len(query) > LONGEST_QUERY:
        raise NotPossible("This filter is too long to be kept.")
    asked = QueryDict(query.removeprefix("?"))
    kept = QueryDict(mutable=True)
    for name in sorted(set(asked) & set(FindingFilter.base_filters) - _NOT_FOLLOWED):
        if values := [value for value in asked.getlist(name) if value.strip()]:
            kept.setlist(name, values)
    return kept.urlencode()


def found_by(query: str, *, user: User, now: datetime) -> QuerySet[Finding]:
    """The open findings that the query finds for this person, or raise NotPossible."""
    visible = Finding.objects.visible_to(user).open()
    filters = FindingFilter(QueryDict(normal(query)), visible, now=now, user=user)
    if not filters.is_valid():
        raise NotPossible("This filter is not understood.")
    found: QuerySet[Finding] = filters.qs
    return found


def picked(ids: list[int], *, user: User) -> QuerySet[Finding]:
    """Those of the findings that are open and that this person may see."""
    return Finding.objects.visible_to(user).open().filter(pk__in=ids)
