"""The first page: one sentence, and the numbers that prove it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from accounts.access import SignedInRequest, signed_in
from accounts.models import User
from accounts.permissions import Permission
from findings import charts, posture
from findings.posture import Counts, Moments, Number, address
from policies import coverage
from policies.models import SeverityChoices


@signed_in
def overview(request: SignedInRequest) -> HttpResponse:
    """How the estate stands. Who may not read findings goes where their own work is."""
    if not request.user.may(Permission.FINDING_READ):
        home = "/settings/users/" if request.user.may(Permission.USER_READ) else "/accounts/2fa/"
        return HttpResponseRedirect(home)
    now = timezone.now().replace(second=0, microsecond=0)
    return render(request, "findings/overview.html", _context(request.user, now=now))


def _context(user: User, *, now: datetime) -> dict[str, Any]:
    lines = coverage.check_lines(user)
    counts = posture.counts_by_check(user, now=now)
    whole, sources = posture.total(counts.values()), posture.source_lines(user, now=now)
    answers = coverage.add(line.tally for line in lines.values())
    not_known = answers.unknown + answers.error
    return {
        "counts": whole,
        "at": Moments(now),
        "opened_address": address(state="any", opened_since=now - posture.DAY),
        "resolved_address": address(state="any", resolved_since=now - posture.DAY),
        "areas": [
            {
                "line": line,
                "opened": address(state="any", area=line.area, opened_since=now - posture.DAY),
                "resolved": address(state="any", area=line.area, resolved_since=now - posture.DAY),
            }
            for line in posture.area_lines(lines, counts)
        ],
        "answers": answers,
        "not_known": not_known,
        "unknown_share": 100 * not_known / answers.total if answers.total else 0,
        "severities": [(severity, getattr(whole, severity)) for severity in SeverityChoices.values],
        "chart": charts.movement(user, now=now),
        "due": _due(whole),
        "ages": _ages(whole, Moments(now)),
        "assets": posture.worst_assets(user),
        "checks": posture.worst_checks(lines, counts),
        "sources": sources,
        "stale": [line for line in sources if line.is_stale],
        "may_add_source": user.may(Permission.SOURCE_MANAGE),
    }


def _due(counts: Counts) -> list[Number]:
    return [
        Number("Overdue", counts.overdue, address(state="open", due="overdue"), "late"),
        Number("Due within a week", counts.week, address(state="open", due="week"), "soon"),
        Number("Due later", counts.later, address(state="open", due="later")),
        Number("No due date", counts.undue, address(state="open", due="none")),
    ]


def _ages(counts: Counts, at: Moments) -> list[Number]:
    """Open findings by how long they have been open."""
    return [
        Number("Under a week", counts.fresh, address(state="open", opened_since=at.week_ago)),
        Number(
            "1 to 4 weeks",
            counts.weeks,
            address(state="open", opened_since=at.month_ago, opened_before=at.week_ago),
        ),
        Number(
            "1 to 3 months",
            counts.months,
            address(state="open", opened_since=at.quarter_ago, opened_before=at.month_ago),
        ),
        Number("Over 3 months", counts.old, address(state="open", opened_before=at.quarter_ago)),
    ]
