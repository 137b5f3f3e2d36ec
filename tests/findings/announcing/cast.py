"""Alice and Bob look after Web's machines, Charlie after Labs'; Dana sorts the whole estate."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from findings.announcing import outbox, relay
from findings.announcing.outbox import Topic
from findings.models import Announcement, Finding, FindingEvent, Notice
from tests.factories import NOW, AssetFactory, FindingFactory, SourceFactory, TeamFactory
from tests.factories import UserFactory as Person

SOON = NOW + timedelta(seconds=5)


class Cast:
    def __init__(self) -> None:
        self.web, self.labs = TeamFactory(name="Web"), TeamFactory(name="Labs")
        self.source = SourceFactory(name="vc-oslo")
        self.alice = self._owner("alice", self.web)
        self.bob = self._owner("bob", self.web)
        self.charlie = self._owner("charlie", self.labs)
        self.dana = Person(username="dana", email="dana@example.org", roles=["analyst"])
        self.of_web = self._finding(self.web)
        self.of_labs = self._finding(self.labs)

    def _owner(self, name: str, team: Any) -> User:
        return Person(
            username=name,
            email=f"{name}@example.org",
            roles=["remediator"],
            scope=User.Scope.TEAMS,
            teams=[team],
        )

    def _finding(self, team: Any) -> Finding:
        asset = AssetFactory(source=self.source, team=team)
        return FindingFactory(asset=asset, severity="critical")


def announce(
    topic: Topic, subject: Any, *, by: User | None = None, at: datetime = NOW, **detail: Any
) -> Announcement:
    with transaction.atomic():
        return outbox.announce(
            topic,
            subject_type=type(subject).__name__.lower(),
            subject_id=subject.pk,
            by=by,
            at=at,
            detail=detail,
        )


def moved(cast: Cast, kind: str, *findings: Finding, at: datetime = NOW) -> Announcement:
    events = [FindingEvent.objects.create(finding=each, kind=kind, at=at) for each in findings]
    return announce(
        Topic.FINDINGS_MOVED,
        cast.source,
        at=at,
        first_event=events[0].pk,
        last_event=events[-1].pk,
    )


def tell() -> dict[str, list[str]]:
    """Relay what waits; who was told of what."""
    relay.relay(now=SOON)
    told: dict[str, list[str]] = {}
    for name, kind in Notice.objects.order_by("pk").values_list("user__username", "kind"):
        told.setdefault(name, []).append(kind)
    return told
