"""What the bars of the overview count: every answer of every check, down to the machine."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from findings import catalogue, posture
from policies import coverage
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
    lines = coverage.check_lines(request.user)
    shown = [lines[check.id] for check in posture.checks_asked(area, "")]
    shown.sort(key=lambda line: (-line.tally.failed, -line.tally.unknown, line.check.id))
    context = {
        "area": area,
        "area_label": Area(area).label if area else "",
        "areas": [(value.value, value.label) for value in catalogue.AREAS],
        "lines": shown,
        "tally": coverage.add(line.tally for line in shown),
    }
    return render(request, "findings/answers_by_check.html", context)


@require_safe
@requires(Permission.FINDING_READ)
def answers(request: SignedInRequest) -> HttpResponse:
    """Answers of one kind, each with its asset and its reason."""
    area, check_id = _area(request), request.GET.get("check", "")
    outcomes = request.GET.getlist("outcome") or ["fail"]
    asked = posture.checks_asked(area, check_id)
    if not set(outcomes) <= set(_WORDS) or (check_id and not asked):
        raise Http404
    if "pass" in outcomes:
        return _passing(request, asked)
    rows = posture.answers(request.user, asked, [o for o in outcomes if o in _STORED])
    stored = rows.count()
    waiting = _waiting(request, asked) if "unknown" in outcomes else 0
    page = pages.page(
        rows.select_related("asset__source").defer("asset__record"),
        order=("check_id", "asset__sort_name", "id"),
        query=request.GET,
        total=stored,
        one="answer",
        many="answers",
    )
    context = {"page": page, "total": stored + waiting, "waiting": waiting}
    return render(request, "findings/answers.html", context | _words(asked, outcomes, area))


def _passing(request: SignedInRequest, asked: list[Check]) -> HttpResponse:
    if len(asked) != 1:
        raise Http404  # an area's passes are listed per check
    rows = posture.passing(request.user, asked[0])
    total = rows.count()
    page = pages.page(
        rows.select_related("source").defer("record"),
        order=("sort_name", "id"),
        query=request.GET,
        total=total,
        one="asset",
        many="assets",
    )
    context = {"page": page, "total": total, "are_assets": True}
    return render(request, "findings/answers.html", context | _words(asked, ["pass"], ""))


def _words(asked: list[Check], outcomes: list[str], area: str) -> dict[str, Any]:
    return {
        "check": asked[0] if len(asked) == 1 else None,
        "area": area,
        "area_label": Area(area).label if area else "",
        "outcome": outcomes[0],
        "words": " or ".join(_WORDS[outcome] for outcome in outcomes),
        "titles": {name: c.title for c in asked for name in catalogue.names_of(c)},
    }


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
