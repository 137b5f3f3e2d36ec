"""The exceptions of Halden Clinics: one in every state, asked for and decided on their days.

Every chapter is told through the verbs that pages use, with the clock of its day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from accounts.models import User
from accounts.roles import Role
from findings.models import Finding, Waiver
from findings.waivers import asking, deciding, ending, requesting

DAY = timedelta(days=1)
ANALYST, REMEDIATOR, APPROVER = Role.ANALYST.value, Role.REMEDIATOR.value, Role.APPROVER.value


class Chapter(NamedTuple):
    """Something that happens at a moment, between two collections."""

    at: datetime
    tell: Callable[[datetime], object]


def chapters(*, now: datetime) -> Iterator[Chapter]:
    """The story, in no particular order. What happens at `now` follows the last collection."""
    yield Chapter(now - 27 * DAY, lambda at: _hardware(at, until=now - DAY))
    yield Chapter(now - 20 * DAY, lambda at: _recovery_site(at, until=now + 60 * DAY))
    yield Chapter(now - 15 * DAY, lambda at: _owners(at, until=now + 45 * DAY))
    yield Chapter(now - 12 * DAY, lambda at: _ward_record(at, until=now + 30 * DAY))
    yield Chapter(now - 11 * DAY, _root)
    yield Chapter(now - 10 * DAY, lambda at: ending.tick(now=at))
    yield Chapter(now - 9 * DAY, _shell)
    yield Chapter(now - 5 * DAY, _logging)
    yield Chapter(now - 2 * DAY, lambda at: _timeout(at, starts_at=now + 7 * DAY))
    yield Chapter(now - 20 * timedelta(hours=1), _secure_boot)
    yield Chapter(now, lambda at: ending.tick(now=at))


def _recovery_site(at: datetime, *, until: datetime) -> None:
    _approved(
        at,
        {"query": "check=vm-encrypted&severity=medium&source=vc-bergen"},
        reason="The recovery site runs on the old storage array, which is replaced in spring. "
        "Its machines start only in an emergency and hold copies that are encrypted in transit.",
        ground="scheduled",
        controls_said="The array stands in a locked cage; disks that fail are shredded on site.",
        evidence="Purchase order 2231, signed by the chief information officer.",
        expires_at=until,
        why="The date of the new array is firm. Not longer than that.",
    )


def _hardware(at: datetime, *, until: datetime) -> None:
    _approved(
        at,
        {"query": "check=vm-hardware-version&source=vc-bergen"},
        reason="The hardware version can be raised only while these machines are off, and the "
        "next test of the recovery site is at the end of the month.",
        ground="scheduled",
        expires_at=until,
        why="Until the test, and no longer.",
    )


def _owners(at: datetime, *, until: datetime) -> None:
    _approved(
        at,
        {"check": "vm-owner"},
        reason="Their owners left with the old laboratory; the clinics are naming new ones.",
        expires_at=until,
        why="Two machines, both of them known to us.",
    )


def _ward_record(at: datetime, *, until: datetime) -> None:
    """Its control does not pass any more since the last collection."""
    _approved(
        at,
        {"finding": _open("vm-encrypted", "ehr-app-07")},
        reason="The record system's vendor supports encryption from the next release on.",
        ground="compensated",
        control_check_id="vm-tools-current",
        controls_said="The agent in the guest encrypts the database; it needs current tools.",
        expires_at=until,
        why="As long as the tools are current.",
    )


def _root(at: datetime) -> None:
    asked = _asked(
        at - DAY,
        {"finding": _open("grant-administrator-at-root")},
        reason="The contractor needs administrator rights until the migration is over.",
        expires_at=at + 20 * DAY,
    )
    deciding.reject(
        waiver_id=asked.pk,
        version=asked.version,
        by=_person(APPROVER),
        reason="A role that can do only the migration is made within a day. Take this one away.",
        now=at,
    )


def _shell(at: datetime) -> None:
    approved = _approved(
        at,
        {"finding": _open("host-ssh-shell-stopped")},
        reason="The storage vendor looks for the cause of the resets over SSH.",
        expires_at=at + 30 * DAY,
        why="For the two weeks that the vendor asked for; tell me when it is over.",
    )
    deciding.revoke(
        waiver_id=approved.pk,
        version=approved.version,
        by=_person(APPROVER),
        reason="The vendor is done. The shell can be stopped.",
        now=at + 5 * DAY,
    )


def _logging(at: datetime) -> None:
    asked = _asked(
        at,
        {"finding": _open("vm-logging")},
        by=REMEDIATOR,
        reason="The limit cannot be set while the machine runs.",
        expires_at=at + 60 * DAY,
    )
    requesting.withdraw(
        waiver_id=asked.pk,
        version=asked.version,
        by=_person(REMEDIATOR),
        reason="It can, with the next move to another host.",
        now=at + timedelta(hours=3),
    )


def _timeout(at: datetime, *, starts_at: datetime) -> None:
    _approved(
        at,
        {"finding": _open("host-session-timeout")},
        reason="While the storage is moved, sessions on the host have to last a night.",
        starts_at=starts_at,
        expires_at=starts_at + 5 * DAY,
        why="For the nights of the move.",
    )


def _secure_boot(at: datetime) -> None:
    """Waits for somebody who decides."""
    _asked(
        at,
        {"check": "host-secure-boot"},
        by=REMEDIATOR,
        reason="Both hosts have a network card whose driver is not signed. The cards are "
        "replaced with the spare ones from Bergen before the summer.",
        ground="compensated",
        controls_said="Only two people may enter the cage; the management network is its own.",
        evidence="https://tickets.halden.example/browse/PLAT-512",
        expires_at=at + 90 * DAY,
    )


def _asked(at: datetime, about: dict[str, Any], *, by: str = ANALYST, **said: Any) -> Waiver:
    person = _person(by)
    named = {name: str(value) for name, value in about.items()}
    scope = asking.scope_of(named, user=person, now=at)
    return requesting.ask(by=person, scope=scope, now=at, **{"ground": "accepted", **said})


def _approved(at: datetime, about: dict[str, Any], *, why: str, **said: Any) -> Waiver:
    """Asked for the day before, and accepted."""
    asked = _asked(at - DAY, about, **said)
    person = _person(APPROVER)
    looked = deciding.review(
        waiver_id=asked.pk, version=asked.version, by=person, now=at - timedelta(hours=1)
    )
    return deciding.approve(
        waiver_id=asked.pk, version=looked.version, by=person, reason=why, now=at
    )


def _open(check_id: str, name: str = "") -> int:
    """The first open finding of a check, on the machine of this name if one is said."""
    found = Finding.objects.open().filter(check_id=check_id)
    named = found.filter(asset__name__startswith=name) if name else found
    return named.order_by("opened_at", "pk").values_list("pk", flat=True)[:1].get()


def _person(username: str) -> User:
    return User.objects.get(username=username)
