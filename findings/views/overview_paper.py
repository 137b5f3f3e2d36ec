"""The overview on paper: the numbers of the page, for somebody who will not open it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from findings import paper
from findings.posture import AreaLine, Counts, Number, SourceLine
from findings.views import overview
from inventory.models import SyncRun
from policies.coverage import CheckLine
from ui.clock import exactly, relative
from ui.paper import chart


@require_safe
@requires(Permission.FINDING_EXPORT)
def overview_pdf(request: SignedInRequest) -> HttpResponse:
    """The overview as a PDF, as of the same moment. That it was taken is in the audit log."""
    now = timezone.now()
    context = overview.look(request, now=now)
    links = context["links"]
    origin = request.build_absolute_uri("/")
    data = contents(context, now=now) | paper.head(
        request.user,
        title="Overview",
        at=links.at,
        now=now,
        address=f"{origin}?{links.pinned}",
    )
    taken = {"overview": exactly(links.at), "as": "pdf"}
    return paper.hand_out(request, "vmgov-overview", "overview.typ", data, taken=taken, now=now)


def contents(context: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """The page's context in the words of the paper."""
    past = context["as_of"] is not None
    at = context["as_of"] or now
    lines: list[SourceLine] = context["sources"]
    sources, sources_left = paper.cut(lines)
    late = [(line.source, line.published_at) for line in context["stale"]]
    return {
        "is_empty": not lines,
        "is_past": past,
        "sentence": paper.said("findings/_overview_sentence.html", context),
        "problem": f"{context['problem']} This is how it stands now." if context["problem"] else "",
        "stale": paper.stale(late, at=at, past=past),
        "uncounted": context["uncounted"],
        "seen": paper.seen(context["answers"], context["unknown_share"]),
        "oldest": paper.oldest([x.published_at for x in lines if x.source.is_enabled], at=at),
        "severities": [
            {"name": name, "count": f"{count:,}"} for name, count in context["severities"]
        ],
        "areas": [_area(entry["line"]) for entry in context["areas"]],
        "chart": chart(context["chart"]),
        "due": [_number(number) for number in context["due"]],
        "ages": [_number(number) for number in context["ages"]],
        "assets": [_asset(row) for row in context["assets"]],
        "checks": [_check(line, counts) for line, counts in context["checks"]],
        "sources": [_source(line, at) for line in sources],
        "sources_left": sources_left,
    }


def _area(line: AreaLine) -> dict[str, Any]:
    tally, counts = line.tally, line.counts
    return {
        "name": line.area.label,
        "is_asked": bool(line.checks),
        "is_judged": bool(tally.total),
        "open": f"{counts.open:,}",
        "opened": f"{counts.opened:,}",
        "resolved": f"{counts.resolved:,}",
        **paper.answers(tally.passed, tally.failed, line.not_known),
    }


def _number(number: Number) -> dict[str, Any]:
    is_late = number.tone == "late" and number.count > 0
    return {"label": number.label, "count": f"{number.count:,}", "is_late": is_late}


def _asset(row: Mapping[str, Any]) -> dict[str, str]:
    asset = row["asset"]
    return {
        "name": asset.name,
        "source": asset.source.name,
        "kind": asset.get_kind_display(),
        "severity": row["severity"],
        "count": f"{row['count']:,}",
    }


def _check(line: CheckLine, counts: Counts) -> dict[str, Any]:
    tally = line.tally
    return {
        "title": line.check.title,
        "open": f"{counts.open:,}",
        **paper.answers(tally.passed, tally.failed, line.not_known),
    }


def _source(line: SourceLine, at: datetime) -> dict[str, Any]:
    last = line.last
    whole = sum(run.state == SyncRun.State.COMPLETE for run in line.runs)
    return {
        "name": line.source.name,
        "is_paused": not line.source.is_enabled,
        "is_stale": line.is_stale,
        "facts": exactly(line.published_at) if line.published_at else "Never read",
        "age": relative(line.published_at, now=at) if line.published_at else "",
        "last": last.get_state_display() if last else "None",
        "runs": [str(run.state) for run in line.runs],
        "whole": f"{whole} of {len(line.runs)} complete" if line.runs else "",
    }
