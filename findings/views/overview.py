"""The first page: one sentence, and the numbers that prove it; now, or as of a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from accounts.access import SignedInRequest, signed_in
from accounts.models import User
from accounts.permissions import Permission
from findings import charts, posture
from findings.posture import Counts, Moments, Number, SourceLine
from findings.trends import asking, moment, reading, worst
from policies import coverage
from policies.configuration import configured_checks, fingerprint
from policies.coverage import CheckLine
from policies.models import SeverityChoices
from ui import pdf


class Picture(msgspec.Struct, frozen=True):
    """What the page is drawn from."""

    sources: list[SourceLine]
    lines: dict[str, CheckLine]
    counts: dict[str, Counts]
    assets: list[dict[str, Any]]


@signed_in
def overview(request: SignedInRequest) -> HttpResponse:
    """How the estate stands. Who may not read findings goes where their own work is."""
    if not request.user.may(Permission.FINDING_READ):
        home = "/settings/users/" if request.user.may(Permission.USER_READ) else "/accounts/2fa/"
        return HttpResponseRedirect(home)
    return render(request, "findings/overview.html", look(request, now=timezone.now()))


def look(request: SignedInRequest, *, now: datetime) -> dict[str, Any]:
    """What the page is drawn from, and the same on paper: now, or as of the address's moment."""
    then, problem = asking.moment_of(request.GET, now=now)
    minute = now.replace(second=0, microsecond=0)
    picture = _past(request.user, then) if then else _present(request.user, minute)
    context = _context(request.user, picture, Links(then or minute, then is not None))
    return context | {"as_of": then, "problem": problem}


def _present(user: User, now: datetime) -> Picture:
    sources = posture.source_lines(user, now=now)
    configured = configured_checks()
    settled = reading.settle(
        [line.source for line in sources],
        {line.source.pk: line.day for line in sources},
        asked=fingerprint(configured),
    )
    cells = reading.by_check(user, settled=settled, configured=configured, now=now)
    return Picture(
        sources,
        reading.lines(configured, cells),
        posture.counts_by_check(user, cells, now=now),
        worst.assets(user, moving=settled.moving),
    )


def _past(user: User, then: datetime) -> Picture:
    sources = moment.source_lines(user, at=then)
    counts = moment.counts_by_check(user, at=then)
    answers = moment.cells(user, sources)
    lines = moment.check_lines(configured_checks(), answers, counts)
    return Picture(sources, lines, counts, moment.worst_assets(user, at=then))


class Links(msgspec.Struct, frozen=True):
    """Where the numbers of the page lead: to lists of the same moment."""

    at: datetime
    is_past: bool

    @property
    def open(self) -> str:
        """What is open; more can be appended with “&”."""
        return self._address(state="open")

    @property
    def pinned(self) -> str:
        """What an address carries to show this moment, also when it has passed."""
        return f"as_of={self.at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"

    @property
    def more(self) -> str:
        """What other addresses of the past carry along."""
        return f"&{self.pinned}" if self.is_past else ""

    def opened(self, **more: Any) -> str:
        since = self.at - posture.DAY
        if self.is_past:
            return posture.address(state="any", began_since=since, began_before=self.at, **more)
        return posture.address(state="any", opened_since=since, **more)

    def resolved(self, **more: Any) -> str:
        since = self.at - posture.DAY
        if self.is_past:
            return posture.address(state="any", ended_since=since, ended_before=self.at, **more)
        return posture.address(state="any", resolved_since=since, **more)

    def aged(self, since: datetime | None, before: datetime | None) -> str:
        """What is open and opened in this stretch of time."""
        name = "began" if self.is_past else "opened"
        marks = {f"{name}_since": since, f"{name}_before": before}
        return self._address(state="open", **{k: mark for k, mark in marks.items() if mark})

    def _address(self, **more: Any) -> str:
        return posture.address(**more, **({"as_of": self.at} if self.is_past else {}))

    def due(self, word: str) -> str:
        return self._address(state="open", due=word)


def _context(user: User, picture: Picture, links: Links) -> dict[str, Any]:
    lines, counts = picture.lines, picture.counts
    whole = posture.total(counts.values())
    answers = coverage.add(line.tally for line in lines.values())
    not_known = answers.unknown + answers.error
    return {
        "links": links,
        "counts": whole,
        "opened_address": links.opened(),
        "resolved_address": links.resolved(),
        "areas": [
            {
                "line": line,
                "opened": links.opened(area=line.area),
                "resolved": links.resolved(area=line.area),
            }
            for line in posture.area_lines(lines, counts)
        ],
        "answers": answers,
        "not_known": not_known,
        "unknown_share": 100 * not_known / answers.total if answers.total else 0,
        "severities": [(severity, getattr(whole, severity)) for severity in SeverityChoices.values],
        "chart": charts.movement(user, now=links.at),
        "due": _due(whole, links),
        "ages": _ages(whole, links),
        "assets": picture.assets,
        "checks": posture.worst_checks(lines, counts),
        "sources": picture.sources,
        "stale": [line for line in picture.sources if line.is_stale],
        "uncounted": links.is_past and any(line.day is None for line in picture.sources),
        "may_add_source": user.may(Permission.SOURCE_MANAGE),
        "may_print": pdf.is_available() and user.may(Permission.FINDING_EXPORT),
    }


def _due(counts: Counts, links: Links) -> list[Number]:
    return [
        Number("Overdue", counts.overdue, links.due("overdue"), "late"),
        Number("Due within a week", counts.week, links.due("week"), "soon"),
        Number("Due later", counts.later, links.due("later")),
        Number("No due date", counts.undue, links.due("none")),
    ]


def _ages(counts: Counts, links: Links) -> list[Number]:
    """Open findings by how long they have been open."""
    at = Moments(links.at)
    return [
        Number("Under a week", counts.fresh, links.aged(at.week_ago, None)),
        Number("1 to 4 weeks", counts.weeks, links.aged(at.month_ago, at.week_ago)),
        Number("1 to 3 months", counts.months, links.aged(at.quarter_ago, at.month_ago)),
        Number("Over 3 months", counts.old, links.aged(None, at.quarter_ago)),
    ]
