"""What the bars of the overview count: every answer of every check, down to the machine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from findings import catalogue, posture
from findings.trends import asking, moment, replay
from findings.views.overview import Links
from policies import coverage
from policies.configuration import configured_checks
from policies.coverage import CheckLine
from policies.models import Area
from policies.spec import Check, Kind
from ui import pages

_STORED = ("fail", "unknown", "error", "not_applicable")
_WORDS = {
    "pass": "pass",
    "fail": "fail",
    "unknown": "are unknown",
    "error": "could not be computed",
    "not_applicable": "do not apply",
}


@require_safe
@requires(Permission.FINDING_READ)
def checks(request: SignedInRequest) -> HttpResponse:
    """The checks of an area with their bars: the numbers add up to the area's."""
    area = _area(request)
    then, _ = asking.moment_of(request.GET, now=timezone.now())
    lines = _lines_then(request.user, then) if then else coverage.check_lines(request.user)
    asked = posture.checks_asked(area, "", live=[one.configured for one in lines.values()])
    shown = [lines[check.id] for check in asked]
    shown.sort(key=lambda line: (-line.tally.failed, -line.tally.unknown, line.check.id))
    context = {
        "area": area,
        "area_label": Area(area).label if area else "",
        "areas": [(value.value, value.label) for value in catalogue.AREAS],
        "lines": shown,
        "tally": coverage.add(line.tally for line in shown),
        "as_of": then,
        "links": Links(then or timezone.now(), then is not None),
    }
    return render(request, "findings/answers_by_check.html", context)


@require_safe
@requires(Permission.FINDING_READ)
def answers(request: SignedInRequest) -> HttpResponse:
    """Answers of one kind, each with its asset and its reason."""
    area, check_id = _area(request), request.GET.get("check", "")
    outcomes = request.GET.getlist("outcome") or ["fail"]
    then, _ = asking.moment_of(request.GET, now=timezone.now())
    asked = posture.checks_asked(area, check_id)
    if not set(outcomes) <= set(_WORDS) or (check_id and not asked):
        raise Http404
    if "pass" in outcomes and len(asked) != 1:
        raise Http404  # an area's passes are listed per check
    if then:
        return _then(request, asked, outcomes, area, then)
    if "pass" in outcomes:
        return _passing(request, asked)
    rows = posture.answers(request.user, asked, [o for o in outcomes if o in _STORED])
    total = _total(request, asked, outcomes)
    waiting = _waiting(request, asked) if "unknown" in outcomes else 0
    page = pages.page(
        rows.select_related("asset__source").defer("asset__record"),
        order=("check_id", "asset__sort_name", "id"),
        query=request.GET,
        total=total - waiting,
        one="answer",
        many="answers",
    )
    context = {"page": page, "total": total, "waiting": waiting, "as_of": None}
    return render(request, "findings/answers.html", context | _words(asked, outcomes, area))


def _passing(request: SignedInRequest, asked: list[Check]) -> HttpResponse:
    rows = posture.passing(request.user, asked[0])
    total = _total(request, asked, ["pass"])
    page = pages.page(
        rows.select_related("source").defer("record"),
        order=("sort_name", "id"),
        query=request.GET,
        total=total,
        one="asset",
        many="assets",
    )
    context = {"page": page, "total": total, "are_assets": True, "as_of": None}
    return render(request, "findings/answers.html", context | _words(asked, ["pass"], ""))


def _lines_then(user: User, then: datetime) -> dict[str, CheckLine]:
    """Every check with what was counted then."""
    answered = moment.cells(user, moment.source_lines(user, at=then))
    counts = moment.counts_by_check(user, at=then)
    return moment.check_lines(configured_checks(), answered, counts)


def _then(
    request: SignedInRequest, asked: list[Check], outcomes: list[str], area: str, then: datetime
) -> HttpResponse:
    """The answers of a past moment, played again from the facts of then."""
    lines = moment.source_lines(request.user, at=then)
    chosen = request.GET.get("source", "")
    if chosen:
        lines = [line for line in lines if str(line.source.pk) == chosen]
    context: dict[str, Any] = {"as_of": then, "links": Links(then, is_past=True)}
    context["uncounted"] = [line.source for line in lines if line.day is None]
    if replay.is_too_much([line.source for line in lines]):
        query = request.GET.urlencode()
        context |= {"choose": [line.source for line in lines], "query": query, "total": None}
        return render(request, "findings/answers.html", context | _words(asked, outcomes, area))
    days = [line.day for line in lines if line.day]
    found = replay.answers(request.user, checks=asked, outcomes=outcomes, days=days)
    are_assets = "pass" in outcomes
    rows: list[Any] = list(found.passing if are_assets else found.rows)
    word = ("asset", "assets") if are_assets else ("answer", "answers")
    context["page"] = pages.Page(rows=rows, total=found.total, one=word[0], many=word[1])
    context |= {"total": found.total, "are_assets": are_assets, "facts_at": found.facts_at}
    context["cut"] = found.total > len(rows)
    return render(request, "findings/answers.html", context | _words(asked, outcomes, area))


def _words(asked: list[Check], outcomes: list[str], area: str) -> dict[str, Any]:
    return {
        "check": asked[0] if len(asked) == 1 else None,
        "area": area,
        "area_label": Area(area).label if area else "",
        "outcome": outcomes[0],
        "words": " or ".join(_WORDS[outcome] for outcome in outcomes),
        "titles": {name: c.title for c in asked for name in catalogue.names_of(c)},
    }


_COUNTED = {"pass": "passed", "fail": "failed"}


def _total(request: SignedInRequest, asked: list[Check], outcomes: list[str]) -> int:
    """How many answers there are, as the bars count them: read where they are kept."""
    lines = coverage.check_lines(request.user)
    whole = coverage.add(lines[check.id].tally for check in asked)
    return sum(getattr(whole, _COUNTED.get(outcome, outcome)) for outcome in set(outcomes))


def _waiting(request: SignedInRequest, asked: list[Check]) -> int:
    """Answers that are unknown because nothing has been evaluated yet: they have no row."""
    by_kind: dict[Kind, int] = {}
    for check in asked:
        if check.kind not in by_kind:
            by_kind[check.kind] = coverage.waiting(request.user, check.kind)
    return sum(by_kind[check.kind] for check in asked)


def _area(request: SignedInRequest) -> str:
    area = request.GET.get("area", "")
    if area and area not in set(Area.values):
        raise Http404
    return area


__all__ = ["answers", "checks"]
