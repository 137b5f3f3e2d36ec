"""Trends on paper: the pictures and numbers of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from findings import paper
from findings.trends.mending import Mended
from findings.trends.reading import Cell
from findings.trends.series import PERIODS, Change, Point
from inventory.models import Source
from ui.clock import is_stale
from ui.paper import chart

# Column → what stands above it; a cell knows each by this name.
COLUMNS = {
    "passed": "Pass",
    "failed": "Fail",
    "not_known": "Unknown",
    "open": "Open",
    "critical": "Critical",
    "high": "High",
    "medium": "Medium",
    "low": "Low",
    "info": "Info",
    "overdue": "Overdue",
    "excepted": "Excepted",
    "opened": "Opened",
    "resolved": "Resolved",
    "fixed": "Fixed",
    "fixed_in_time": "In time",
}


def contents(
    context: Mapping[str, Any], mended: Sequence[Mended], *, now: datetime
) -> dict[str, Any]:
    """The page's context in the words of the paper."""
    asked, last = context["asked"], context["last"].cell
    sources: list[Source] = [each for each in asked.sources if each.is_enabled]
    late = [(x, x.published_at) for x in sources if _is_late(x, now)]
    changes, changes_left = paper.cut(context["changes"])
    return {
        "is_empty": not context["is_counted"],
        "part": asked.part.label if asked.part else "",
        "dimension": asked.dimension.label if asked.dimension else "",
        "period": PERIODS[asked.period][0],
        "sentence": paper.said("findings/trends/_sentence.html", context),
        "stale": paper.stale(late, at=now, past=False),
        "seen": paper.seen(last.tally, 100 * last.not_known / last.answers if last.answers else 0),
        "oldest": paper.oldest([x.published_at for x in sources], at=now),
        "charts": [chart(drawn) for drawn, _ in context["charts"]],
        "changes": [_change(change) for change in changes],
        "changes_left": changes_left,
        "mended": [_mended(row) for row in mended],
        "columns": list(COLUMNS.values()),
        "points": [_point(point, name) for point, name, _ in context["points"] if point.is_counted],
    }


def _is_late(source: Source, now: datetime) -> bool:
    return is_stale(source.published_at, source.interval_minutes, now=now)


def _change(change: Change) -> dict[str, Any]:
    after: Cell = change.after
    return {
        "label": change.part.label,
        "before": f"{change.before.open:,}",
        "after": f"{after.open:,}",
        **paper.answers(after.passed, after.failed, after.not_known),
    }


def _mended(row: Mended) -> dict[str, Any]:
    return {
        "severity": row.severity,
        "count": f"{row.count:,}",
        "median": row.median_words,
        "slow": row.slow_words,
        "share": f"{row.share} %",
    }


def _point(point: Point, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "is_seen": point.is_seen,
        "numbers": [f"{getattr(point.cell, column):,}" for column in COLUMNS],
    }
