"""Random estates written straight into tables, and what is true of them counted by hand."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

from accounts.models import Team
from findings.models import Finding, FindingSpell, Waiver, WaiverCover
from inventory.models import Asset, Source
from inventory.records import Host, Platform, VirtualMachine
from policies import registry
from policies.models import Verdict
from policies.spec import Check, Severity
from tests.factories import SEVERITIES, AssetFactory, SourceFactory, TeamFactory, UserFactory

CLASSES = ("public", "confidential", "", None)
DAY = timedelta(days=1)


def checks() -> tuple[Check, ...]:
    return registry.all_checks()[::6]


def build(rng: Random, *, now: datetime, size: int = 12) -> tuple[list[Source], list[Team]]:
    """Two sources, two teams and nobody's, assets in every state, findings that came and went."""
    sources: list[Source] = [SourceFactory(published_at=now, evaluated_at=now) for _ in range(2)]
    teams: list[Team] = [TeamFactory() for _ in range(2)]
    for number in range(size):
        asset = _asset(rng, number, rng.choice(sources), rng.choice([*teams, None]), now)
        for check in checks():
            if check.kind == asset.kind:
                _answer(rng, asset, check, now)
    return sources, teams


def _asset(rng: Random, number: int, source: Source, team: Team | None, now: datetime) -> Asset:
    record: Any = (
        Host(platform=Platform.VSPHERE, uid=f"h-{number}", ref=f"h-{number}", name=f"esx-{number}")
        if rng.random() < 0.3
        else VirtualMachine(
            platform=Platform.VSPHERE,
            uid=f"v-{number}",
            ref=f"v-{number}",
            name=f"vm-{number}",
            classification=rng.choice(CLASSES),
        )
    )
    return AssetFactory(
        record=record,
        source=source,
        team=team,
        evaluated_at=None if rng.random() < 0.15 else now,
        gone_at=now if rng.random() < 0.15 else None,
    )


def _answer(rng: Random, asset: Asset, check: Check, now: datetime) -> None:
    outcome = rng.choice(["fail", "unknown", "error", "not_applicable", None, None])
    if outcome:
        Verdict.objects.create(asset=asset, check_id=check.id, outcome=outcome, since=now)
    for key in range(rng.choice([0, 0, 1, 2])):
        _finding(rng, asset, check, str(key), now)


def _finding(rng: Random, asset: Asset, check: Check, key: str, now: datetime) -> None:
    severity = rng.choice(list(Severity))
    marks = [now - n * DAY for n in (0, 7, 28, 91)]
    opened = rng.choice([*marks, now - rng.random() * 120 * DAY, now - rng.random() * DAY])
    closed = rng.choice([None, None, opened + (now - opened) * rng.random(), now])
    finding = Finding.objects.create(
        check_id=check.id,
        asset=asset,
        key=key,
        severity=severity.value,
        severity_rank=SEVERITIES.index(severity),
        message="A deviation.",
        first_opened_at=opened - DAY,
        opened_at=opened,
        confirmed_at=now,
        updated_at=now,
        due_at=rng.choice([None, now, opened + rng.random() * 90 * DAY]),
        state="resolved" if closed else "open",
        resolved_at=closed,
        resolution=rng.choice(["fixed", "asset_gone"]) if closed else "",
    )
    earlier = opened - rng.random() * DAY
    FindingSpell.objects.create(finding=finding, opened_at=earlier - DAY, closed_at=earlier)
    FindingSpell.objects.create(finding=finding, opened_at=opened, closed_at=closed)
    if closed is None and rng.random() < 0.3:
        cover(finding, now=now, days=rng.choice([-1, 0, 1, 30]))


def cover(finding: Finding, *, now: datetime, days: int) -> Waiver:
    """An approved exception for one finding that ends that many days from now."""
    asker, decider = UserFactory(), UserFactory(roles=["approver"])
    waiver = Waiver.objects.create(
        scope="finding",
        finding=finding,
        ground="accepted",
        reason="It is needed.",
        due_after="keep",
        requested_by=asker,
        requested_at=now - 40 * DAY,
        starts_at=now - 39 * DAY,
        expires_at=now + days * DAY,
    )
    waiver.status, waiver.decided_by, waiver.decided_at = "approved", decider, now - 39 * DAY
    waiver.at_most, waiver.gravest = 1, 0
    waiver.save()
    WaiverCover.objects.create(waiver=waiver, finding=finding, since=waiver.decided_at)
    return waiver


# --- by hand ----------------------------------------------------------------------------------


def by_hand(source: Source, *, now: datetime) -> dict[tuple[Any, Any, str], Counter[str]]:
    """(team, classification, check) → every count, one row of the database after the other."""
    found: dict[tuple[Any, Any, str], Counter[str]] = {}
    for asset in Asset.objects.filter(source=source):
        for check in checks():
            cell = found.setdefault((asset.team_id, asset.classification, check.id), Counter())
            if check.kind == asset.kind and asset.gone_at is None:
                cell[_outcome(asset, check)] += 1
            for finding in Finding.objects.filter(asset=asset, check_id=check.id):
                _count(finding, cell, now=now)
    return {key: +cell for key, cell in found.items() if +cell}


def _outcome(asset: Asset, check: Check) -> str:
    if asset.evaluated_at is None:
        return "unknown"
    row = Verdict.objects.filter(asset=asset, check_id=check.id).first()
    words = {"fail": "failed", None: "passed"}
    outcome = row.outcome if row else None
    return words.get(outcome, outcome) or ""


def _count(finding: Finding, cell: Counter[str], *, now: datetime) -> None:
    if finding.state == "open":
        cell[finding.severity] += 1
        cell["overdue"] += finding.due_at is not None and finding.due_at < now
        waivers = [cover.waiver for cover in finding.covers.all()]
        cell["excepted"] += any(waiver.is_effective(now=now) for waiver in waivers)
        age = now - finding.opened_at
        name = "fresh" if age <= 7 * DAY else "weeks" if age <= 28 * DAY else "months"
        cell["old" if age > 91 * DAY else name] += 1
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    spells = list(finding.spells.all())
    closed = [s for s in spells if s.closed_at and start <= s.closed_at < start + DAY]
    cell["opened"] += any(start <= spell.opened_at < start + DAY for spell in spells)
    cell["resolved"] += bool(closed)
    for spell in closed:
        if finding.resolution == "fixed" and spell.closed_at:
            cell["fixed"] += 1
            cell["fixed_in_time"] += finding.due_at is None or spell.closed_at <= finding.due_at
            cell["fix_seconds"] += round((spell.closed_at - spell.opened_at).total_seconds())
