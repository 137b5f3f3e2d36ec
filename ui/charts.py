"""Charts as server-side SVG: what they show is computed here, how it is drawn is a template.

At most two colours, a hatch for unknown, the axis from zero, every mark a link to what it counts
and a table with the same numbers behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

WIDTH, HEIGHT = 720, 236
LEFT, RIGHT, TOP, BOTTOM = 34, 4, 8, 22
_ROUND = (1.0, 2.0, 2.5, 5.0)

Place = Callable[[int], float]  # from a moment's number to its x
Height = Callable[[int], float]  # from a value to its y


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a bar, in percent of its width."""

    kind: str
    count: int
    start: float
    width: float


def segments(counts: Sequence[tuple[str, int]]) -> list[Segment]:
    """Parts of a bar that fill it exactly. What is not zero stays visible: at least 1.5 percent."""
    total = sum(count for _, count in counts)
    if total == 0:
        return []
    shares = [max(100 * count / total, 1.5) if count else 0.0 for _, count in counts]
    scale = 100 / sum(shares)
    edges = [0.0]
    for share in shares:
        edges.append(edges[-1] + share * scale)
    return [
        Segment(kind=kind, count=count, start=round(start, 3), width=round(end - start, 3))
        for (kind, count), (start, end) in zip(counts, pairwise(edges), strict=True)
        if count
    ]


@dataclass(frozen=True, kw_only=True)
class Column:
    """Two numbers of one day, and where each is listed."""

    label: str  # the day as it is written below the axis
    title: str  # the day in full
    first: int
    second: int
    first_address: str = ""
    second_address: str = ""


@dataclass(frozen=True, kw_only=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    kind: str
    address: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Pairs of columns over days: the first grows up, the second stands beside it."""

    title: str
    description: str
    first_name: str
    second_name: str
    columns: Sequence[Column]
    width: int = WIDTH
    height: int = HEIGHT
    boxes: list[Box] = field(default_factory=list)
    ticks: list[tuple[float, int]] = field(default_factory=list)
    labels: list[tuple[float, str]] = field(default_factory=list)
    zero: float = HEIGHT - BOTTOM
    left: int = LEFT
    right: int = WIDTH - RIGHT


def columns(
    rows: Sequence[Column], *, title: str, description: str, first_name: str, second_name: str
) -> Columns:
    """Lay the columns out in a fixed frame; the page scales it."""
    top = ceiling(max([1, *(max(row.first, row.second) for row in rows)]))
    floor = HEIGHT - BOTTOM
    plot = floor - TOP
    step = (WIDTH - LEFT - RIGHT) / max(len(rows), 1)
    bar = min(step * 0.36, 14)
    boxes: list[Box] = []
    labels: list[tuple[float, str]] = []
    every = max(1, round(len(rows) / 6))
    for index, row in enumerate(rows):
        middle = LEFT + step * (index + 0.5)
        pairs = (
            ("is-first", row.first, row.first_address, first_name, middle - bar - 0.5),
            ("is-second", row.second, row.second_address, second_name, middle + 0.5),
        )
        for kind, count, address, name, x in pairs:
            if count:
                height = max(plot * count / top, 2)
                boxes.append(
                    Box(
                        x=round(x, 2),
                        y=round(floor - height, 2),
                        width=round(bar, 2),
                        height=round(height, 2),
                        kind=kind,
                        address=address,
                        title=f"{count:,} {name.lower()}, {row.title}",
                    )
                )
        if (len(rows) - 1 - index) % every == 0:
            labels.append((round(middle, 2), row.label))
    ticks = [(round(floor - plot * value / top, 2), value) for value in tick_values(top)]
    return Columns(
        title=title,
        description=description,
        first_name=first_name,
        second_name=second_name,
        columns=rows,
        boxes=boxes,
        ticks=ticks,
        labels=labels,
    )


def ceiling(value: int) -> int:
    """The next round number (1, 2, 2.5 or 5 times a power of ten) that is not below the value."""
    power = 1
    while True:
        for digit in _ROUND:
            step = digit * power
            if step >= value and step.is_integer():
                return int(step)
        power *= 10


def tick_values(top: int) -> list[int]:
    """Two or three whole numbers above zero, the last of them the top."""
    if top <= 2:
        return list(range(1, top + 1))
    return [top // 2, top] if top % 2 == 0 else [top * n // 5 for n in (1, 3, 5)]


# --- lines over time --------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Point:
    """One moment of a line. None is "not known": the line breaks and the gap is hatched."""

    label: str  # as it is written below the axis
    title: str  # in full
    first: int | None
    second: int | None = None
    address: str = ""
    is_ahead: bool = False  # still to come: neither drawn nor hatched


@dataclass(frozen=True, kw_only=True)
class Line:
    kind: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Lines:
    """One or two lines over time, the first with the area below it."""

    title: str
    description: str
    first_name: str
    second_name: str
    guide_name: str
    points: Sequence[Point]
    lines: list[Line]
    gaps: list[Box]
    hits: list[Box]
    ticks: list[tuple[float, int]]
    labels: list[tuple[float, str]]
    width: int = WIDTH
    height: int = HEIGHT
    zero: float = HEIGHT - BOTTOM
    left: int = LEFT
    right: int = WIDTH - RIGHT


def lines(
    points: Sequence[Point],
    *,
    title: str,
    description: str,
    first_name: str,
    second_name: str = "",
    guide: tuple[int, int] | None = None,
    guide_name: str = "Even pace",
) -> Lines:
    """Lay lines out over evenly spaced moments. `guide` is a dashed line between two values."""
    known = [v for p in points for v in (p.first, p.second) if v is not None and not p.is_ahead]
    top = ceiling(max([1, *known, *(guide or ())]))
    floor = HEIGHT - BOTTOM
    plot, span = floor - TOP, WIDTH - LEFT - RIGHT
    step = span / max(len(points) - 1, 1)

    def at(index: int) -> float:
        return round(LEFT + (step * index if len(points) > 1 else span / 2), 2)

    def height(value: int) -> float:
        return round(floor - plot * value / top, 2)

    firsts = [None if p.is_ahead else p.first for p in points]
    seconds = [None if p.is_ahead else p.second for p in points]
    drawn = [Line(kind="is-area", path=_area(firsts, at, height, floor))]
    if guide is not None:
        path = f"M{at(0)} {height(guide[0])}L{at(len(points) - 1)} {height(guide[1])}"
        drawn.append(Line(kind="is-guide", path=path))
    if second_name:
        drawn.append(Line(kind="is-second", path=_path(seconds, at, height)))
    drawn.append(Line(kind="is-first", path=_path(firsts, at, height)))
    every = max(1, round(len(points) / 6))
    return Lines(
        title=title,
        description=description,
        first_name=first_name,
        second_name=second_name,
        guide_name=guide_name if guide is not None else "",
        points=points,
        lines=drawn,
        gaps=[
            _strip(at(i), step, "is-unknown", "", f"{p.title}: not known")
            for i, p in enumerate(points)
            if p.first is None and not p.is_ahead
        ],
        hits=[
            _strip(at(i), step, "v-hit", p.address, _told(p, first_name, second_name))
            for i, p in enumerate(points)
            if p.first is not None and not p.is_ahead
        ],
        ticks=[(height(value), value) for value in tick_values(top)],
        labels=[
            (at(i), p.label) for i, p in enumerate(points) if (len(points) - 1 - i) % every == 0
        ],
    )


def _path(values: Sequence[int | None], at: Place, height: Height) -> str:
    """Straight pieces between neighbours that are known; a lone value is a dot."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        joined = index > 0 and values[index - 1] is not None
        parts.append(f"{'L' if joined else 'M'}{at(index)} {height(value)}")
        if not joined and (index + 1 == len(values) or values[index + 1] is None):
            parts.append("h0.01")
    return "".join(parts)


def _area(values: Sequence[int | None], at: Place, height: Height, floor: float) -> str:
    """The same pieces, each closed at the floor."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        if index == 0 or values[index - 1] is None:
            parts.append(f"M{at(index)} {floor}")
        parts.append(f"L{at(index)} {height(value)}")
        if index + 1 == len(values) or values[index + 1] is None:
            parts.append(f"L{at(index)} {floor}Z")
    return "".join(parts)


def _strip(middle: float, step: float, kind: str, address: str, title: str) -> Box:
    """The full height around a moment, cut to the frame."""
    start = max(middle - step / 2, LEFT)
    end = min(middle + step / 2, WIDTH - RIGHT)
    return Box(
        x=round(start, 2),
        y=TOP,
        width=round(max(end - start, 1), 2),
        height=HEIGHT - BOTTOM - TOP,
        kind=kind,
        address=address,
        title=title,
    )


def _told(point: Point, first_name: str, second_name: str) -> str:
    words = f"{point.title}: {point.first:,} {first_name.lower()}"
    if second_name and point.second is not None:
        words += f", {point.second:,} {second_name.lower()}"
    return words
