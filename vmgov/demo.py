"""The demo: Halden Clinics, whose five weeks are replayed through the real pipeline.

Everything is dated back from the moment of loading; the bundles in demo/ were recorded by
`python -m demo.record`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from accounts import people, teams
from accounts.models import Team, User
from accounts.permissions import Permission
from accounts.roles import Role
from audit import trail
from findings import pipeline
from inventory import ledger
from inventory.connectors.bundle import BundleConnector, read_header
from inventory.heartbeat import Pulse
from inventory.models import Source, SyncRun
from inventory.records import Platform
from policies import configuration, registry
from vmgov import demo_exceptions, demo_remediation, demo_triage

SOURCES = {"vc-oslo": "demo/halden.oslo.xz", "vc-bergen": "demo/halden.bergen.xz"}
TEAMS = ("Clinical Apps", "Finance", "Web", "Platform", "Labs")
NAMES = {
    Role.VIEWER: "Vera Vik",
    Role.AUDITOR: "Arne Aas",
    Role.ANALYST: "Anna Lie",
    Role.REMEDIATOR: "Kari Amundsen",
    Role.APPROVER: "Per Næss",
    Role.OPERATOR: "Ole Moen",
    Role.USER_ADMIN: "Ulla Berg",
}
MAPPING = {
    "classification": "Classification",
    "owner": "Owner",
    "criticality": "Criticality",
    "team": "Team",
}
# What Halden Clinics set differently from the shipped checks.
PARAMETERS: dict[str, dict[str, Any]] = {
    "host-log-host": {"approved_hosts": ["log.halden.example"]},
    "host-time": {"approved_servers": ["ntp1.halden.example", "ntp2.halden.example"]},
    "host-build": {"minimum_builds": {"8.0.3": 24585383}},
    "host-firewall-management": {"approved_networks": ["10.10.0.0/24"]},
    "switch-traffic-visible": {"approved_collectors": ["10.10.0.40"]},
    "datastore-single-cluster": {"shared": ["iso-library*"]},
    "grant-administrator-at-root": {"allowed": [r"HALDEN\vCenter Admins"]},
    "grant-direct-user": {"allowed": [r"VSPHERE.LOCAL\svc-vmgov"]},
    "grant-file-access": {"custodians": [r"HALDEN\Backup Operators"]},
}
SEVERITIES = {"host-single-classification": "critical"}
# What people did meanwhile, a module each: its `chapters` are told between the collections.
STORIES = (demo_triage, demo_exceptions, demo_remediation)
TUESDAY = 1
HOURLY = 60
WEEKLY = 7 * 24 * HOURLY  # how often the demo looked while its weeks were recorded, at least
EVENING = (8, 9)  # the collections before and after the move on a Tuesday night


class Moment(NamedTuple):
    """When a collection is said to have been made, and when all of its bundle."""

    collection: int
    at: datetime
    shift: timedelta
    looks: tuple[datetime, ...]


def is_loaded() -> bool:
    return Source.objects.filter(name__in=SOURCES).exists()


@transaction.atomic
def load(*, now: datetime) -> None:
    """Make teams, people, settings and sources, and replay the weeks up to now. All or nothing."""
    now = now.replace(microsecond=0)
    for name in TEAMS:
        if not Team.objects.filter(name__iexact=name).exists():
            teams.create(name=name, by=None)
    load_people()
    first = min(moment.at for file in SOURCES.values() for moment in moments(file, now=now))
    load_parameters(now=first - timedelta(days=1))
    sources = {name: _add(name, file, now=now, since=first) for name, file in SOURCES.items()}
    replays = [
        (moment.at, name, moment)
        for name, file in SOURCES.items()
        for moment in moments(file, now=now)
    ]
    untold = sorted(
        (chapter for story in STORIES for chapter in story.chapters(now=now)),
        key=lambda chapter: chapter.at,
    )
    for index, (at, name, moment) in enumerate(sorted(replays)):
        while untold and untold[0].at < at:
            chapter = untold.pop(0)
            chapter.tell(chapter.at)
        replay(sources[name], SOURCES[name], moment)
        if index < len(SOURCES):
            _analyze()  # without it the planner takes the tables for empty
    for chapter in untold:
        chapter.tell(chapter.at)
    Source.objects.filter(name__in=SOURCES).update(interval_minutes=HOURLY)
    _analyze()


def moments(file: str, *, now: datetime) -> Iterator[Moment]:
    """When each recorded collection of a bundle is said to have been made."""
    recorded = read_header(settings.BASE_DIR / file).collected_at
    shift = now - recorded[-1]
    looks = [collected_at + shift for collected_at in recorded]
    evening, night = EVENING
    looks[evening] = _tuesday(now)
    looks[night] = looks[evening] + (recorded[night] - recorded[evening])
    for number, at in enumerate(looks):
        yield Moment(number, at, shift, tuple(looks))


def _tuesday(now: datetime) -> datetime:
    """Nine in the evening of the newest Tuesday that is at least two days past."""
    latest = now - timedelta(days=2)
    evening = datetime.combine(latest.date(), time(21), tzinfo=UTC)
    evening -= timedelta(days=(evening.weekday() - TUESDAY) % 7)
    return evening if evening <= latest else evening - timedelta(days=7)


# --- people and settings -----------------------------------------------------------------------


def load_people() -> None:
    """One person a role; their passwords are in var/demo-users.json, which only we may read."""
    path = Path(settings.VAR_DIR) / "demo-users.json"
    passwords = _passwords(path)
    for role in Role:
        user = User.objects.filter(username=role.value).first()
        if user is None:
            passwords[role] = passwords.get(role) or people.new_password()
            people.create(
                username=role.value,
                password=passwords[role],
                by=None,
                full_name=NAMES[role],
                email=f"{role.value}@halden.example",
                roles=[role],
                scope=User.Scope.ALL,  # every page is full; narrow somebody under Users to see how
            )
        elif role not in passwords:
            passwords[role] = people.reset_password(user_id=user.pk, by=None)
            User.objects.filter(pk=user.pk).update(must_change_password=False)
    _keep(path, passwords)


def _passwords(path: Path) -> dict[Role, str]:
    if not path.exists():
        return {}
    said = json.loads(path.read_text(encoding="utf-8"))
    return {Role(one["role"]): one["password"] for one in said}


def _keep(path: Path, passwords: dict[Role, str]) -> None:
    said = [
        {"username": role.value, "password": passwords[role], "role": role.value} for role in Role
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(said, file, indent=2)
    fresh.replace(path)


def load_parameters(*, now: datetime) -> None:
    """Set the checks as Halden Clinics want them asked."""
    approver = User.objects.get(username=Role.APPROVER.value)
    for check_id in sorted({*PARAMETERS, *SEVERITIES}):
        params = PARAMETERS.get(check_id, {})
        if "allowed" in params:  # in addition to what is allowed by default
            usual = getattr(registry.get(check_id).params(), "allowed", ())
            params = {**params, "allowed": [*usual, *params["allowed"]]}
        configuration.configure(
            check_id=check_id,
            by=approver,
            now=now,
            is_enabled=True,
            severity=SEVERITIES.get(check_id, ""),
            params=params,
        )


# --- sources and their weeks -------------------------------------------------------------------


def _add(name: str, file: str, *, now: datetime, since: datetime) -> Source:
    source = Source.objects.create(
        name=name,
        connector=Source.Connector.BUNDLE,
        platform=Platform.VSPHERE,
        url=f"{file}?as_of={now:%Y-%m-%dT%H:%M:%SZ}",
        username="svc-vmgov@vsphere.local",
        attribute_mapping=MAPPING,
        interval_minutes=WEEKLY,
    )
    Source.objects.filter(pk=source.pk).update(created_at=since - timedelta(hours=1))
    trail.record(None, Permission.SOURCE_MANAGE, source, after={"name": name, "url": source.url})
    return source


def replay(source: Source, file: str, moment: Moment) -> SyncRun:
    """One recorded collection, governed as if it were that moment."""
    run = SyncRun.objects.create(source=source, requested_by="schedule", requested_at=moment.at)
    held = ledger.claim(run.pk)
    if held is None:
        raise RuntimeError(f"{run} could not be claimed")
    connector = BundleConnector(
        settings.BASE_DIR / file,
        collection=moment.collection,
        shift=moment.shift,
        now=moment.at,
        looks=moment.looks,
    )
    # The pulse does not beat: other connections do not see this run before the load is committed.
    pipeline.govern(held, pulse=Pulse(held), now=moment.at, connector=connector)
    run.refresh_from_db()
    _date_back(run, moment.at)
    return run


def _date_back(run: SyncRun, moment: datetime) -> None:
    """The ledger goes by the database's clock; move what it wrote to when the run took place."""
    if run.started_at is None:
        return
    by = moment - run.started_at
    for field in ("started_at", "finished_at", "heartbeat_at"):
        value = getattr(run, field)
        setattr(run, field, value and value + by)
    run.save(update_fields=["started_at", "finished_at", "heartbeat_at"])


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inventory_analyze('inventory_asset', 'inventory_assetversion',"
            " 'policies_verdict', 'findings_finding', 'findings_findingevent')"
        )
