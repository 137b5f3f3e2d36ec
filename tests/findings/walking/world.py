"""A small estate, and people who have different rights in it, for random walks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.test import Client

from accounts import tokens
from accounts.models import Team, User
from accounts.roles import Role
from findings.models import Finding
from inventory.models import Asset, Source
from tests.factories import AssetFactory, FindingFactory, SourceFactory, TeamFactory, UserFactory

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
LONGEST_WALK = timedelta(days=85)  # tokens last 90 days
CHECKS = ("vm-snapshot-age", "vm-owner", "vm-classified")
CONTROL = "vm-encrypted"
SEVERITIES = ("critical", "high", "medium", "low", "info")
_API = Client()  # without cookies: each request has its token
_SIGNED_IN_FOR = 240.0  # seconds after which a browser signs in again before it is used


@dataclass
class Person:
    """Somebody with a token, a browser, and a memory of which versions they saw."""

    name: str
    user: User
    token: str = ""
    client: Client = field(default_factory=Client)
    signed_in_at: float = 0.0
    seen: dict[int, int] = field(default_factory=dict)

    def asks(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Through the API, with the token."""
        sent: dict[str, Any] = {"headers": {"authorization": f"Bearer {self.token}", **headers}}
        if body is not None:
            sent |= {"data": body, "content_type": "application/json"}
        return getattr(_API, method)(f"/api/v1/{path}", **sent)

    def opens(self, path: str) -> Any:
        return self._browser().get(path)

    def sends(self, path: str, body: dict[str, Any]) -> Any:
        return self._browser().post(path, body)

    def _browser(self) -> Client:
        """Signed in; whoever was disabled meanwhile is not let in and stays outside."""
        now = time.time()
        if now - self.signed_in_at > _SIGNED_IN_FOR:
            self.user.refresh_from_db()
            self.client.cookies.clear()
            if self.user.is_active:
                self.client.force_login(self.user, backend=settings.AUTHENTICATION_BACKENDS[-1])
            self.signed_in_at = now
        return self.client


class World:
    """Two teams, two sources, eight machines, sixteen findings, ten people."""

    def __init__(self) -> None:
        self.web: Team = TeamFactory(name="Web")
        self.labs: Team = TeamFactory(name="Labs")
        self.sources: list[Source] = [SourceFactory(), SourceFactory()]
        self.assets: list[Asset] = [
            AssetFactory(source=self.sources[n % 2], team=[self.web, self.labs][n // 2 % 2])
            for n in range(8)
        ]
        self.findings: list[Finding] = [
            FindingFactory(
                asset=asset,
                check_id=CHECKS[(n + k) % 3],
                severity=SEVERITIES[(n + 2 * k) % 5],
                due_at=START + timedelta(days=20),
            )
            for n, asset in enumerate(self.assets)
            for k in range(2)
        ]
        self.people: list[Person] = [
            self._person("ana", Role.ANALYST, email="ana@example.org"),
            self._person("rem", Role.REMEDIATOR, teams=[self.web]),
            self._person("pia", Role.APPROVER),
            self._person("per", Role.APPROVER),
            self._person("bo", Role.ANALYST, Role.APPROVER),
            self._person("twin", Role.APPROVER, email="ANA@example.org"),
            self._person("tim", Role.ANALYST, teams=[self.web]),
            self._person("tess", Role.APPROVER, teams=[self.web]),
            self._person("dis", Role.ANALYST, Role.APPROVER),
            self._person("vera", Role.VIEWER),
        ]
        self.named = {person.name: person for person in self.people}
        self.names = {person.user.pk: person.name for person in self.people}

    def _person(
        self, name: str, *roles: Role, email: str = "", teams: list[Team] | None = None
    ) -> Person:
        user = UserFactory(
            username=name,
            roles=list(roles),
            email=email,
            scope=User.Scope.TEAMS if teams else User.Scope.ALL,
            teams=teams or [],
        )
        person = Person(name, user)
        give_token(person)
        return person


def give_token(person: Person) -> None:
    """A new one that may whatever the person may now."""
    user = User.objects.get(pk=person.user.pk)
    if user.is_active and user.permissions:
        _, person.token = tokens.create(
            user=user,
            name="walk",
            permissions=user.permissions,
            days=90,
            by=None,
            now=datetime.now(UTC),
        )
