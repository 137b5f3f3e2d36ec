"""What the people of Halden Clinics did about their findings while the weeks went by.

Every chapter is told through the verbs that pages use, with the clock of its day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from accounts.models import Team, User
from accounts.roles import Role
from findings.models import Finding, SavedView
from findings.triage import bulk, deadlines, saved_views, visits
from findings.triage.acts import (
    Act,
    AddLabel,
    Assign,
    AssignTeam,
    LinkTicket,
    Say,
    SetDue,
    SetStatus,
)
from findings.triage.bulk import Choice
from findings.triage.decisions import decide
from findings.triage.deeds import Actor

DAY = timedelta(days=1)
TICKETS = "https://tickets.halden.example/browse"
ANALYST, REMEDIATOR = Role.ANALYST.value, Role.REMEDIATOR.value


class Chapter(NamedTuple):
    """Something that happens at a moment, between two collections."""

    at: datetime
    tell: Callable[[datetime], object]


def chapters(*, now: datetime) -> Iterator[Chapter]:
    """The story, in no particular order. What happens at `now` follows the last collection."""
    for days in range(34, 0, -2):
        yield Chapter(now - days * DAY, lambda at: deadlines.look(now=at))
    yield Chapter(now - 34 * DAY, lambda at: _storage(at, due=now + 40 * DAY))
    yield Chapter(now - 33 * DAY, lambda at: _tools(at, due=now + 12 * DAY))
    yield Chapter(now - 20 * DAY, _secure_boot)
    yield Chapter(now - 6 * DAY, _clocks)
    yield Chapter(now - 30 * timedelta(hours=1), _payments)
    yield Chapter(now - timedelta(hours=3), _claim_too_soon)
    yield Chapter(now, _answer)
    yield Chapter(now, _claim)
    yield Chapter(now, lambda at: deadlines.look(now=at))
    yield Chapter(now, _views)


def _storage(at: datetime, *, due: datetime) -> None:
    """Nobody encrypts before the new storage is there."""
    _many("check=vm-encrypted", SetStatus(to="triaged"), at=at)
    _many(
        "check=vm-encrypted",
        SetDue(at=due, why="The new storage encrypts; it is delivered next month."),
        at=at,
    )
    _many("check=vm-encrypted", LinkTicket(ticket="INF-2104"), at=at)


def _tools(at: datetime, *, due: datetime) -> None:
    for act in (
        AddLabel(label="quick win"),
        Assign(to=REMEDIATOR),
        SetStatus(to="in_progress"),
        SetDue(at=due, why="All of them go into the next maintenance window."),
    ):
        _many("check=vm-tools-current", act, at=at)


def _secure_boot(at: datetime) -> None:
    platform = Team.objects.filter(name="Platform").first()
    _many("check=vm-secure-boot", SetStatus(to="triaged"), at=at)
    _many("check=vm-secure-boot", AddLabel(label="needs downtime"), at=at)
    if platform is not None:
        _many("check=vm-secure-boot", AssignTeam(to=platform.pk), at=at)


def _clocks(at: datetime) -> None:
    for host in ("esx-03", "esx-11"):
        _one(
            "host-time",
            host,
            SetStatus(to="triaged"),
            Assign(to=REMEDIATOR, why="Kari looks after the hosts in Oslo."),
            LinkTicket(ticket=f"{TICKETS}/INF-2217"),
            Say(text=f"@{REMEDIATOR}, both lost their time servers when they were rebuilt."),
            at=at,
        )


def _payments(at: datetime) -> None:
    _one(
        "host-single-classification",
        "esx-07",
        SetStatus(to="triaged"),
        Assign(to=REMEDIATOR, why="It cannot wait."),
        AddLabel(label="audit"),
        Say(
            text=f"@{REMEDIATOR}, db-pay-02 runs beside public web servers since Tuesday night."
            "\n\nWho moved it, and can it go back?"
        ),
        at=at,
    )
    _one(
        "host-single-classification",
        "esx-07",
        SetStatus(to="in_progress"),
        Say(
            text="The cluster moved it by itself: there is no rule that keeps it apart. "
            "I write the rule first, or it comes back."
        ),
        at=at + timedelta(minutes=50),
        by=REMEDIATOR,
    )


def _claim_too_soon(at: datetime) -> None:
    _one(
        "host-time",
        "esx-11",
        SetStatus(to="awaiting_proof", why="Set the time servers on all hosts."),
        at=at,
        by=REMEDIATOR,
    )


def _answer(at: datetime) -> None:
    _one(
        "host-time",
        "esx-11",
        Say(text="The collection still sees no time server. I forgot to apply the profile here."),
        at=at,
        by=REMEDIATOR,
    )


def _claim(at: datetime) -> None:
    _many(
        "check=vm-removable-devices",
        SetStatus(to="awaiting_proof", why="Disconnected the drives."),
        at=at,
        by=REMEDIATOR,
    )
    _one(
        "network-vlan",
        "dmz-temp",
        SetStatus(to="awaiting_proof", why="Deleted the port group."),
        at=at,
        by=REMEDIATOR,
    )


def _views(at: datetime) -> None:
    analyst, remediator = _person(ANALYST), _person(REMEDIATOR)
    everybody = SavedView.Shared.ALL
    saved_views.save(
        by=analyst, name="Quick wins", query="status=to_do&label=quick+win", shared=everybody
    )
    saved_views.save(
        by=analyst, name="Most urgent", query="status=to_do&priority=1&priority=2", shared=everybody
    )
    saved_views.save(by=remediator, name="Mine", query="status=to_do&mine=true")
    visits.note(analyst, now=at - 2 * DAY)


def _one(check_id: str, asset: str, *acts: Act, at: datetime, by: str = ANALYST) -> None:
    """Done to the finding of this check on the asset whose name begins so, if it is open then."""
    found = Finding.objects.open().filter(check_id=check_id, asset__name__startswith=asset)
    for finding in found[:1]:
        decide(finding_id=finding.pk, acts=acts, by=_person(by), now=at)


def _many(query: str, act: Act, *, at: datetime, by: str = ANALYST) -> None:
    bulk.do(act=act, choice=Choice(query=query), actor=Actor(user=_person(by), now=at))


def _person(username: str) -> User:
    return User.objects.get(username=username)
