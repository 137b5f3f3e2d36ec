"""One page per person: what they have to act on, put together from what they may do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, signed_in
from accounts.models import User
from accounts.permissions import Permission
from findings import posture
from findings.work import desk
from ui.nav import address_of

_RESULTS = (
    (("fail",), "do not hold"),
    (("unknown", "error", "not_applicable"), "are not known"),
    (("uncovered",), "are covered by no check"),
    (("pass",), "hold"),
)


@require_safe
@signed_in
def my_work(request: SignedInRequest) -> HttpResponse:
    """What waits for this person, each role's part under its own heading."""
    now = timezone.now().replace(second=0, microsecond=0)
    context = _sections(request.user, now=now)
    return render(request, "findings/work/my_work.html", context)


def _sections(user: User, *, now: datetime) -> dict[str, Any]:
    """Only what the person may do is looked up."""
    found: dict[str, Any] = {
        "now": now,
        "waivers_address": address_of("findings:waivers"),
        "notices_address": address_of("findings:notices"),
        "plans_address": address_of("findings:plans"),
        "trends_address": address_of("findings:trends"),
    }
    found |= _of_findings(user, now=now)
    if user.may(Permission.RUN_START) or user.may(Permission.AUDIT_READ):
        found |= _of_sources(user, now=now)
    if user.may(Permission.WAIVER_APPROVE):
        found["requests"] = desk.to_decide(user, now=now)
    if user.may(Permission.WAIVER_REQUEST):
        found["asked"] = desk.asked(user, now=now)
    if user.may(Permission.USER_MANAGE):
        people = found["people"] = desk.people()
        found["people_count"] = len(people.without_factor) + len(people.conflicting)
    return found


def _of_findings(user: User, *, now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if user.may(Permission.FINDING_WORK):
        found["mine"] = desk.mine(user, now=now)
        found["told"] = desk.told(user, now=now)
        # Who sorts everybody's findings has no machines, unless a team's.
        if not user.may(Permission.FINDING_TRIAGE) or user.team_ids:
            found |= {"shows_machines": True, "machines": desk.machines(user, now=now)}
    if user.may(Permission.FINDING_TRIAGE):
        fresh = found["fresh"] = desk.fresh(user, now=now)
        found["fresh_address"] = posture.address(
            status="to_do", assignee="none", opened_since=fresh.since
        )
    return found


def _of_sources(user: User, *, now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not user.may(Permission.FINDING_READ):
        return found
    lines = posture.source_lines(user, now=now)
    if user.may(Permission.RUN_START):
        found["watch"] = desk.watch(user, lines=lines)
    if user.may(Permission.AUDIT_READ):
        sources = [line.source for line in lines]
        proof = found["proof"] = desk.proof(user, now=now, sources=sources)
        found["proof_failing"] = proof.count("fail")
        counts = [
            (results[0], label, sum(map(proof.count, results))) for results, label in _RESULTS
        ]
        found["proof_counts"] = [each for each in counts if each[2]]
        found["may_export"] = user.may(Permission.FINDING_EXPORT)
    return found
