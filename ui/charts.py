"""Charts as server-side SVG: what they show is computed here, how it is drawn is a template.

At most two colours, a hatch for unknown, the axis from zero, every mark a link to what it counts
and a table with the same numbers behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

WIDTH, HEIGHT = 720, 236
LEFT, RIGHT, TOP, BOTTOM = 34, 4, 8, 22
_ROUND = (1, 2, 5)


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
    """The next round number (1, 2 or 5 times a power of ten) that is not below the value."""
    power = 1
    while True:
        for digit in _ROUND:
            if digit * power >= value:
                return digit * power
        power *= 10


def tick_values(top: int) -> list[int]:
    """Two or three whole numbers above zero, the last of them the top."""
    if top <= 2:
        return list(range(1, top + 1))
    return [top // 2, top] if top % 2 == 0 else [top * n // 5 for n in (1, 3, 5)]
