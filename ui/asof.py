"""As of when a page shows the estate: the picker in the frame, and the banner when it is not now.

A view that can show the past reads `asked(request.GET, now=…)` and puts what it found into its
context as `as_of` (None for now). A page without `as_of` in its context can show only now, and
says so when its address asks for more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import QueryDict

PARAMETER = "as_of"
# Which earlier moments the picker offers without typing.
STEPS = (
    ("Yesterday", timedelta(days=1)),
    ("A week ago", timedelta(days=7)),
    ("A month ago", timedelta(days=30)),
    ("A quarter ago", timedelta(days=91)),
)


@dataclass(frozen=True, kw_only=True)
class AsOf:
    """What the frame says about time on this page."""

    is_possible: bool  # whether the page can show the past
    moment: datetime | None  # None: now
    is_ignored: bool  # the address asks for the past and the page shows now
    kept: list[tuple[str, str]]  # other parameters of the address
    steps: list[tuple[str, str]]
    now_address: str

    @property
    def is_past(self) -> bool:
        return self.moment is not None


def asked(query: Mapping[str, str], *, now: datetime) -> datetime | None:
    """The moment in the address, in UTC unless it says otherwise; None for now.

    A day means its last second, and today means now. Raises ValueError when it is not a moment or
    lies in the future.
    """
    text = query.get(PARAMETER, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("This is not a moment such as 2026-01-31T12:00.") from None
    if moment > now:
        raise ValueError("That moment is still to come.")
    if len(text) > len("2026-01-31"):
        return moment
    return None if moment.date() == now.date() else moment.replace(hour=23, minute=59, second=59)


def of_page(query: QueryDict, *, possible: bool, moment: datetime | None, now: datetime) -> AsOf:
    """What the picker and the banner show for this address."""
    return AsOf(
        is_possible=possible,
        moment=moment,
        is_ignored=moment is None and bool(query.get(PARAMETER, "").strip()),
        kept=[
            (name, value)
            for name, values in query.lists()
            if name not in (PARAMETER, "after")
            for value in values
        ],
        steps=[(words, _at(query, now - step)) for words, step in STEPS],
        now_address=_at(query, None),
    )


def _at(query: QueryDict, moment: datetime | None) -> str:
    data = query.copy()
    data.pop(PARAMETER, None)
    data.pop("after", None)
    if moment is not None:
        data[PARAMETER] = f"{moment:%Y-%m-%dT%H:%M}"
    return f"?{data.urlencode()}"
