"""A small estate with a story, for tests of pages: two sources, five teams, findings of a month."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from accounts.models import Team
from findings.models import Finding, FindingEvent, FindingSpell
from findings.priority import due_at, priority
from findings.rules import RuleSet
from inventory.models import Asset, Source, SyncRun
from inventory.records import Host, Platform, PowerState, VirtualMachine
from policies import registry
from policies.loading import load_shipped
from policies.models import Verdict
from policies.spec import Check, Severity
from tests.factories import (
    SEVERITIES,
    AssetFactory,
    SourceFactory,
    SyncRunFactory,
    TeamFactory,
)

TEAMS = ("Clinical Apps", "Finance", "Web", "Platform", "Labs")
CLASSES = ("public", "internal", "confidential", "patient data", "", None)
MESSAGES = {
    "vm": ("Snapshot “before update” is {n} days old.", "{n} days", "7 days or less"),
    "host": (
        "The management network of this host also carries {n} machines.",
        "{n} machines",
        "none",
    ),
}


def build(*, now: datetime, machines: int = 60, hosts: int = 8, seed: int = 7) -> list[Source]:
    """Make the estate; the same seed makes the same one."""
    rng = random.Random(seed)  # noqa: S311
    load_shipped()
    teams = [TeamFactory(name=name) for name in TEAMS]
    sources = [_source(name, age, now) for name, age in (("vc-oslo", 12), ("vc-bergen", 34))]
    assets = [
        *(_machine(n, rng.choice(sources), rng.choice(teams), rng, now) for n in range(machines)),
        *(_host(n, rng.choice(sources), now) for n in range(hosts)),
    ]
    made = _Rows(rng, now)
    for asset in assets:
        for check in registry.all_checks():
            if check.kind == asset.kind:
                made.answer(asset, check)
    made.save()
    return sources


def _source(name: str, age_minutes: int, now: datetime) -> Source:
    at = now - timedelta(minutes=age_minutes)
    source = SourceFactory(name=name, complete_at=at, published_at=at, evaluated_at=at)
    states = SyncRun.State
    for n in range(12, 0, -1):
        state = {9: states.PARTIAL, 5: states.FAILED}.get(n, states.COMPLETE)
        SyncRunFactory(
            source=source, state=state, finished_at=now - timedelta(hours=n), slot_at=None
        )
    return source


def _machine(n: int, source: Source, team: Team, rng: random.Random, now: datetime) -> Asset:
    role = rng.choice(["web", "db-pay", "lab", "ehr-app", "ris", "print", "build"])
    record = VirtualMachine(
        platform=Platform.VSPHERE,
        uid=f"10000000-0000-0000-0000-{n:012d}",
        ref=f"vm-{1000 + n}",
        name=f"{role}-{n:02d}",
        power_state=PowerState.ON,
        classification=rng.choice(CLASSES),
        criticality=rng.choice(["high", "medium", "low", None]),
        owner=rng.choice(["ada@halden.example", "", None]),
    )
    return AssetFactory(record=record, source=source, team=team, evaluated_at=now)


def _host(n: int, source: Source, now: datetime) -> Asset:
    record = Host(
        platform=Platform.VSPHERE, uid=f"host-uuid-{n}", ref=f"host-{n}", name=f"esx-{n:02d}"
    )
    return AssetFactory(record=record, source=source, evaluated_at=now)


class _Rows:
    """Verdicts, findings and events, gathered to be written together."""

    def __init__(self, rng: random.Random, now: datetime) -> None:
        self.rng = rng
        self.now = now
        self.verdicts: list[Verdict] = []
        self.findings: list[Finding] = []

    def answer(self, asset: Asset, check: Check) -> None:
        chance = self.rng.random()
        if chance < 0.12:
            self._say(asset, check, "fail", "")
            self._find(asset, check)
        elif chance < 0.17:
            self._say(asset, check, "unknown", "The account may not read config.extraConfig.")
        elif chance < 0.19:
            self._find(asset, check, resolved=True)

    def _say(self, asset: Asset, check: Check, outcome: str, reason: str) -> None:
        since = self.now - timedelta(days=2)
        self.verdicts.append(
            Verdict(asset=asset, check_id=check.id, outcome=outcome, reason=reason, since=since)
        )

    def _find(self, asset: Asset, check: Check, *, resolved: bool = False) -> None:
        opened = self.now - timedelta(hours=self.rng.expovariate(1 / 300))
        at = opened + (self.now - opened) * self.rng.random() if resolved else None
        message, seen, expected = MESSAGES.get(asset.kind, MESSAGES["vm"])
        n = self.rng.randint(2, 70)
        severity = Severity(check.severity)
        self.findings.append(
            Finding(
                check_id=check.id,
                asset=asset,
                severity=severity.value,
                severity_rank=SEVERITIES.index(severity),
                message=message.format(n=n),
                seen=seen.format(n=n),
                expected=expected,
                evidence={"age_days": n, "snapshots": ["before update"], "tools": None},
                state="resolved" if resolved else "open",
                resolution="fixed" if resolved else "",
                first_opened_at=opened,
                opened_at=opened,
                confirmed_at=at or self.now,
                resolved_at=at,
                priority=priority(severity, 2),
                due_at=due_at(RuleSet(), priority(severity, 2), start=opened),
                updated_at=at or opened,
            )
        )

    def save(self) -> None:
        Verdict.objects.bulk_create(self.verdicts)
        Finding.objects.bulk_create(self.findings)
        FindingEvent.objects.bulk_create(
            FindingEvent(finding=finding, kind="opened", at=finding.opened_at)
            for finding in self.findings
        )
        FindingSpell.objects.bulk_create(
            FindingSpell(
                finding=finding, opened_at=finding.opened_at, closed_at=finding.resolved_at
            )
            for finding in self.findings
        )
