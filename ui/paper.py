"""Charts and bars as plain data, for templates of paper: the same numbers as the page draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ui import charts


def bar(passed: int, failed: int, not_known: int) -> list[dict[str, Any]]:
    """The parts of a bar, in percent of its width, in the order of the page."""
    counts = (("fail", failed), ("unknown", not_known), ("pass", passed))
    return [
        {"kind": part.kind, "start": part.start, "width": part.width}
        for part in charts.segments(counts)
    ]


def chart(drawn: charts.Lines | charts.Columns) -> dict[str, Any]:
    """Its values, and where its axis has marks; None stays what is not known."""
    is_line = isinstance(drawn, charts.Lines)
    points: Sequence[charts.Point | charts.Column] = (
        drawn.points if isinstance(drawn, charts.Lines) else drawn.columns
    )
    every = max(1, round(len(points) / 6))
    return {
        "kind": "lines" if is_line else "columns",
        "title": drawn.title,
        "description": drawn.description,
        "first_name": drawn.first_name,
        "second_name": drawn.second_name,
        "ticks": [value for _, value in drawn.ticks],
        "points": [
            {
                "label": point.label if (len(points) - 1 - n) % every == 0 else "",
                "first": point.first,
                "second": point.second,
            }
            for n, point in enumerate(points)
        ],
    }
