"""The pictures of posture over time: small, all of one shape, each point a link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from findings import posture
from findings.models import Waiver
from findings.trends import exceptions
from findings.trends.dimensions import Part
from findings.trends.series import Point
from ui import charts

AHEAD = timedelta(days=91)
AHEAD_STEP = timedelta(days=7)
Number = Callable[[Point], int | None]


def all_of(
    points: Sequence[Point], part: Part | None, waivers: Sequence[Waiver] | None, now: datetime
) -> list[charts.Lines | charts.Columns]:
    """Every picture of one part, or of everything; exceptions only of everything."""
    drawn: list[charts.Lines | charts.Columns] = [
        _lines(
            points,
            "Share that passes",
            ("Pass, %", lambda p: p.share(p.cell.passed, p.cell.answers)),
            ("Unknown, %", lambda p: p.share(p.cell.not_known, p.cell.answers)),
            lambda p: _overview(p, now),
        ),
        _lines(
            points,
            "Open findings",
            ("Open", lambda p: _seen(p, p.cell.open)),
            ("Critical and high", lambda p: _seen(p, p.cell.critical + p.cell.high)),
            lambda p: open_at(p, part, now),
        ),
        _moves(points, part),
        _lines(
            points,
            "Age of what is open",
            ("Over 4 weeks", lambda p: _seen(p, p.cell.months + p.cell.old)),
            ("Over 3 months", lambda p: _seen(p, p.cell.old)),
            lambda p: open_at(p, part, now),
        ),
        _lines(
            points,
            "Overdue and excepted",
            ("Overdue", lambda p: _seen(p, p.cell.overdue)),
            ("Excepted", lambda p: _seen(p, p.cell.excepted)),
            lambda p: open_at(p, part, now),
        ),
        _lines(
            points,
            "Fixed in time",
            ("Fixed in time, %", lambda p: p.share(p.cell.fixed_in_time, p.cell.fixed)),
            None,
            lambda p: ended_in(p, part, resolution="fixed"),
        ),
    ]
    if waivers is not None and part is None:
        drawn += [_effective(points, waivers, now), _running_out(waivers, now)]
    return drawn


def _seen(point: Point, count: int) -> int | None:
    return count if point.is_seen else None


def _lines(
    points: Sequence[Point],
    title: str,
    first: tuple[str, Number],
    second: tuple[str, Number] | None,
    address: Callable[[Point], str],
) -> charts.Lines:
    drawn = [
        charts.Point(
            label=f"{p.stretch.last.day} {p.stretch.last:%b}",
            title=named(p),
            first=first[1](p),
            second=second[1](p) if second else None,
            address=address(p),
        )
        for p in points
    ]
    newest = next((p.first for p in reversed(drawn) if p.first is not None), None)
    last = "nothing is known" if newest is None else f"last {newest:,}"
    return charts.lines(
        drawn,
        title=title,
        description=f"{first[0]}: {last}.",
        first_name=first[0],
        second_name=second[0] if second else "",
    )


def _moves(points: Sequence[Point], part: Part | None) -> charts.Columns:
    rows = [
        charts.Column(
            label=f"{p.stretch.last.day} {p.stretch.last:%b}",
            title=named(p),
            first=p.cell.opened,
            second=p.cell.resolved,
            first_address=began_in(p, part),
            second_address=ended_in(p, part),
        )
        for p in points
    ]
    opened, resolved = sum(row.first for row in rows), sum(row.second for row in rows)
    return charts.columns(
        rows,
        title="Opened and resolved",
        description=f"{opened:,} opened, {resolved:,} resolved; one that comes back counts again.",
        first_name="Opened",
        second_name="Resolved",
    )


def _effective(points: Sequence[Point], waivers: Sequence[Waiver], now: datetime) -> charts.Lines:
    moments = [min(p.stretch.end, now) for p in points]
    counts = exceptions.over(waivers, moments)
    drawn = [
        charts.Point(label=f"{p.stretch.last.day} {p.stretch.last:%b}", title=named(p), first=count)
        for p, count in zip(points, counts, strict=True)
    ]
    return charts.lines(
        drawn,
        title="Exceptions that counted",
        description=f"{counts[-1]:,} count now.",
        first_name="Exceptions",
    )


def _running_out(waivers: Sequence[Waiver], now: datetime) -> charts.Lines:
    moments = [now + n * AHEAD_STEP for n in range(AHEAD // AHEAD_STEP + 1)]
    counts = exceptions.left(waivers, moments, now=now)
    drawn = [
        charts.Point(label=f"{at.day} {at:%b}", title=f"{at.day} {at:%B %Y}", first=count)
        for at, count in zip(moments, counts, strict=True)
    ]
    return charts.lines(
        drawn,
        title="Exceptions that will be left",
        description=f"Of {counts[0]:,} that count now, {counts[-1]:,} are left in three months.",
        first_name="Still counting",
    )


# --- words and addresses -----------------------------------------------------------------------


def named(point: Point) -> str:
    first, last = point.stretch.first, point.stretch.last
    if first == last:
        return f"{last.day} {last:%B %Y}"
    return f"{first.day} {first:%b} to {last.day} {last:%b %Y}"


def open_at(point: Point, part: Part | None, now: datetime) -> str:
    """What was open at the end of the stretch."""
    if point.stretch.end > now:
        return posture.address(("state", "open"), *(part.filters if part else ()))
    moment = point.stretch.end - timedelta(minutes=1)
    return posture.address(("state", "open"), ("as_of", moment), *(part.filters if part else ()))


def began_in(point: Point, part: Part | None) -> str:
    return posture.address(
        ("state", "any"),
        ("began_since", point.stretch.start),
        ("began_before", point.stretch.end),
        *(part.filters if part else ()),
    )


def ended_in(point: Point, part: Part | None, **more: str) -> str:
    return posture.address(
        ("state", "any"),
        ("ended_since", point.stretch.start),
        ("ended_before", point.stretch.end),
        *(part.filters if part else ()),
        **more,
    )


def _overview(point: Point, now: datetime) -> str:
    return "/" if point.stretch.end > now else f"/?as_of={point.stretch.last:%Y-%m-%d}"
