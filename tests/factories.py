"""Rows for tests. Each factory makes a valid row from nothing; say only what the test is about.

UserFactory(roles=["viewer"], teams=[team])     a person who may do what those roles may
UserFactory(roles=["approver"], second_factor=True)   … with a second factor, where it is required
AssetFactory(record=a_vm(name="web-1"))         the asset a record would have been published as
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import factory
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.hashers import make_password
from factory.django import DjangoModelFactory

from accounts.models import RoleAssignment, Team, User
from findings.models import Finding
from inventory.models import Asset, Source, SyncRun
from inventory.records import AnyRecord, Platform, VirtualMachine, digest, encode, kind_of
from policies.models import Verdict
from policies.spec import Severity

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
SEVERITIES = list(Severity)


@cache
def _hashed(password: str | None) -> str:
    """Argon2 is slow on purpose: once a test run and password is enough."""
    return make_password(password)


class TeamFactory(DjangoModelFactory[Team]):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


class UserFactory(DjangoModelFactory[User]):
    """A person with PASSWORD who sees the whole estate. `roles` are names of roles."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person-{n}")
    scope = User.Scope.ALL

    password = PASSWORD

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        return kwargs | {"password": _hashed(kwargs["password"])}

    @factory.post_generation  # type: ignore[untyped-decorator]
    def roles(user: User, create: bool, roles: Iterable[str] | None, **kwargs: Any) -> None:
        for role in roles or ():
            RoleAssignment.objects.create(user=user, role=str(role))

    @factory.post_generation  # type: ignore[untyped-decorator]
    def teams(user: User, create: bool, teams: Iterable[Team] | None, **kwargs: Any) -> None:
        user.teams.set(teams or ())

    @factory.post_generation  # type: ignore[untyped-decorator]
    def second_factor(user: User, create: bool, wanted: bool | None, **kwargs: Any) -> None:
        """`second_factor=True`: an authenticator app is set up, which no test has to look at."""
        if wanted:
            user.refresh_from_db(fields=["session_generation"])
            TOTP.activate(user, generate_totp_secret())
            user.refresh_from_db(fields=["session_generation"])


class SourceFactory(DjangoModelFactory[Source]):
    class Meta:
        model = Source

    name = factory.Sequence(lambda n: f"vc-{n}")
    platform = Platform.VSPHERE.value
    url = factory.LazyAttribute(lambda source: f"https://{source.name}.example.org/sdk")
    username = "reader@vsphere.local"
    complete_at = NOW
    published_at = NOW
    evaluated_at = NOW


class SyncRunFactory(DjangoModelFactory[SyncRun]):
    class Meta:
        model = SyncRun

    source = factory.SubFactory(SourceFactory)
    state = SyncRun.State.COMPLETE
    phase = SyncRun.Phase.DONE
    requested_at = NOW - timedelta(minutes=2)
    started_at = NOW - timedelta(minutes=1)
    collected_at = NOW - timedelta(minutes=1)
    published_at = NOW
    finished_at = NOW


def _a_machine(number: int) -> VirtualMachine:
    return VirtualMachine(
        platform=Platform.VSPHERE,
        uid=f"00000000-0000-0000-0000-{number:012d}",
        ref=f"vm-{number}",
        name=f"machine-{number}",
    )


class AssetFactory(DjangoModelFactory[Asset]):
    """The row of a record. Everything that is derived from the record follows it."""

    class Meta:
        model = Asset
        exclude = ("typed",)

    class Params:
        typed = factory.Sequence(_a_machine)

    source = factory.SubFactory(SourceFactory)
    first_seen_at = NOW
    last_seen_at = NOW
    changed_at = NOW
    evaluated_at = NOW

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        record: AnyRecord = kwargs.pop("record", None) or kwargs.pop("typed")
        kwargs.pop("typed", None)
        encoded = encode(record)
        derived = {
            "kind": kind_of(record).value,
            "uid": record.uid,
            "ref": record.ref,
            "name": record.name,
            "record": json.loads(encoded),
            "digest": digest(encoded),
        }
        return derived | kwargs


class VerdictFactory(DjangoModelFactory[Verdict]):
    class Meta:
        model = Verdict

    asset = factory.SubFactory(AssetFactory)
    check_id = "vm-old-snapshot"
    outcome = Verdict.OutcomeChoices.FAIL
    reason = "Snapshot “before update” is 30 days old."
    since = NOW


class FindingFactory(DjangoModelFactory[Finding]):
    class Meta:
        model = Finding

    check_id = "vm-old-snapshot"
    asset = factory.SubFactory(AssetFactory)
    key = factory.Sequence(lambda n: f"key-{n}")
    severity = Severity.MEDIUM.value
    severity_rank = factory.LazyAttribute(lambda f: SEVERITIES.index(Severity(f.severity)))
    message = "Snapshot “before update” is 30 days old."
    seen = "30 days"
    expected = "7 days or less"
    first_opened_at = NOW
    opened_at = NOW
    confirmed_at = NOW
    updated_at = NOW
