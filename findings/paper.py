"""A page handed out as PDF: what every one of them says at its head, and that it was taken.

Numbers come from the context of the page itself, and its sentence is the page's own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.html import strip_tags

from accounts.access import SignedInRequest
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from inventory.models import Source
from policies.coverage import Tally
from ui import paper, pdf
from ui.clock import exactly, relative

ROWS = 60  # a paper is read; whoever needs them all takes the CSV
_NAMED = 5


def hand_out(
    request: SignedInRequest,
    name: str,
    template: str,
    data: Mapping[str, Any],
    *,
    taken: Mapping[str, Any],
    now: datetime,
) -> HttpResponse:
    """The PDF as a download, and that it was taken in the audit log; or what is not installed."""
    try:
        content = pdf.render(template, data, now=now)
    except pdf.ExtraMissing as missing:
        return HttpResponse(
            f"{missing}\n", content_type="text/plain", status=HTTPStatus.NOT_IMPLEMENTED
        )
    with transaction.atomic():
        trail.record(request.user, Permission.FINDING_EXPORT, after=dict(taken), at=now)
    return pdf.response(name, content, now=now)


def head(user: User, *, title: str, at: datetime, now: datetime, address: str) -> dict[str, Any]:
    """What it is, as of when, who took it, what they may see, and where the same is alive."""
    return {
        "title": title,
        "moment": exactly(at),
        "day": f"{at.astimezone(UTC).day} {at.astimezone(UTC):%B %Y, %H:%M} UTC",
        "taken": exactly(now),
        "by": f"{user.full_name} ({user.username})" if user.full_name else user.username,
        "scope": scope(user),
        "address": address,
    }


def scope(user: User) -> str:
    """Whose machines are counted, in words."""
    if user.sees_everything:
        return "The whole estate"
    teams = sorted(team.name for team in user.teams.all())
    return f"Machines of {_listed(teams)}" if teams else "Machines of no team"


def said(template: str, context: Mapping[str, Any]) -> str:
    """The words of a fragment of a page, without its links."""
    text = html.unescape(strip_tags(render_to_string(template, dict(context))))
    return re.sub(r"\s+", " ", text).strip()


def seen(tally: Tally, share: float) -> dict[str, str]:
    """How much of what is asked could not be seen."""
    not_known = tally.unknown + tally.error
    percent = "Less than 1 %" if 0 < share < 1 else f"{share:.0f} %"
    return {
        "share": percent if tally.total else "Nothing was asked",
        "count": f"{not_known:,} of {tally.total:,} answers",
    }


def oldest(published: Sequence[datetime | None], *, at: datetime) -> str:
    """The age of the oldest facts in it."""
    read = [moment for moment in published if moment is not None]
    if not read:
        return "Never read"
    age = relative(min(read), now=at)
    return age if len(read) == len(published) else f"{age}, some never read"


def stale(sources: Sequence[tuple[Source, datetime | None]], *, at: datetime, past: bool) -> str:
    """What the page says before anything else when facts are old; nothing when they are not."""
    if not sources:
        return ""
    told = [
        f"{source.name} was last read {relative(when, now=at)}"
        if when
        else f"{source.name} was never read"
        for source, when in sources
    ]
    doubt = "may not have been true any more" if past else "may no longer be true"
    return f"{_listed(told)}: what is below {doubt}."


def cut(rows: Sequence[Any]) -> tuple[list[Any], str]:
    """As many rows as a paper takes, and how many were left out."""
    more = len(rows) - ROWS
    return list(rows[:ROWS]), f"{more:,} more are on the page itself." if more > 0 else ""


def answers(passed: int, failed: int, not_known: int) -> dict[str, Any]:
    """Three numbers and the bar they fill."""
    return {
        "passed": f"{passed:,}",
        "failed": f"{failed:,}",
        "unknown": f"{not_known:,}",
        "bar": paper.bar(passed, failed, not_known),
    }


def _listed(words: Sequence[str]) -> str:
    """“a”, “a and b”, “a, b and 3 more”."""
    if len(words) > _NAMED:
        words = [*words[: _NAMED - 1], f"{len(words) - _NAMED + 1:,} more"]
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
