"""Who and what tests of plans are about: two teams, their machines, collections of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Team, User
from findings import lifecycle
from findings.models import Finding, FindingSpell, Plan
from findings.remediation import following, plans
from inventory.models import Asset, Source
from inventory.records import Kind
from policies import registry
from policies.evaluate import Configured, Evaluation, Result, as_shipped
from policies.judging import Judgement
from policies.spec import Outcome, Violation
from tests.factories import (
    NOW,
    AssetFactory,
    FindingFactory,
    SourceFactory,
    SyncRunFactory,
    TeamFactory,
    UserFactory,
)

CHECK = "vm-snapshot-age"
OTHER_CHECK = "vm-hardening-settings"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Cast:
    """Alice and Bob work for two teams; Dora sees everything; each team has a machine."""

    source: Source
    mine: Team
    theirs: Team
    alice: User
    bob: User
    dora: User
    my_vm: Asset
    their_vm: Asset


def a_cast() -> Cast:
    source = SourceFactory(name="vc-cast")
    mine, theirs = TeamFactory(name="Web"), TeamFactory(name="Finance")
    return Cast(
        source=source,
        mine=mine,
        theirs=theirs,
        alice=UserFactory(
            username="alice", roles=["remediator"], scope=User.Scope.TEAMS, teams=[mine]
        ),
        bob=UserFactory(
            username="bob", roles=["remediator"], scope=User.Scope.TEAMS, teams=[theirs]
        ),
        dora=UserFactory(username="dora", roles=["analyst"]),
        my_vm=AssetFactory(source=source, team=mine),
        their_vm=AssetFactory(source=source, team=theirs),
    )


def a_finding(asset: Asset, *, check_id: str = CHECK, opened_at: datetime = NOW) -> Finding:
    """An open finding with the spell that evaluation would have begun."""
    finding = FindingFactory(
        asset=asset, check_id=check_id, opened_at=opened_at, first_opened_at=opened_at
    )
    FindingSpell.objects.create(finding=finding, opened_at=opened_at)
    return finding


def a_plan(by: User, *findings: Finding, now: datetime = NOW, **said: object) -> Plan:
    grouping = str(said.pop("grouping", "check"))
    wish = plans.Wish(**{"title": "Old snapshots", **said})  # type: ignore[arg-type]
    return plans.make(
        wish=wish, finding_ids=[one.pk for one in findings], by=by, now=now, grouping=grouping
    )


def a_campaign(by: User, query: str = f"check={CHECK}", *, now: datetime = NOW) -> Plan:
    return plans.make(
        wish=plans.Wish(title="No old snapshots"), query=query, follow=True, by=by, now=now
    )


def failing(*findings: Finding, incomplete: str = "") -> list[Evaluation]:
    """The answers by which these findings are still there."""
    by_subject: dict[tuple[int, str], list[Finding]] = {}
    for finding in findings:
        by_subject.setdefault((finding.asset_id, finding.check_id), []).append(finding)
    return [
        Evaluation(
            check_id=check_id,
            kind=Kind(group[0].asset.kind),
            uid=group[0].asset.uid,
            outcome=Outcome.FAIL,
            violations=tuple(Violation(key=f.key, message=f.message) for f in group),
            reason="",
            incomplete=incomplete,
        )
        for (_, check_id), group in by_subject.items()
    ]


def unknown(finding: Finding, reason: str = "snapshots") -> Evaluation:
    return Evaluation(
        check_id=finding.check_id,
        kind=Kind(finding.asset.kind),
        uid=finding.asset.uid,
        outcome=Outcome.UNKNOWN,
        violations=(),
        reason=reason,
    )


def collected(
    source: Source, *evaluations: Evaluation, now: datetime, began: datetime | None = None
) -> lifecycle.Changes:
    """One collection and what came of it: everything that is not said to fail passes."""
    run = SyncRunFactory(source=source, started_at=began or now - timedelta(minutes=1))
    configured = {check: _as_set(check) for check in (CHECK, OTHER_CHECK)}
    changes = lifecycle.reconcile(
        Judgement(
            source_id=source.pk,
            run_id=run.pk,
            published_at=now,
            now=now,
            configured=configured,
            judged_as="",
            asset_ids={(Kind(a.kind), a.uid): a.pk for a in source.assets.filter(gone_at=None)},
            result=Result(evaluations=list(evaluations), tally={}),
        )
    )
    following.follow(source.pk, changes)
    return changes


def _as_set(check_id: str) -> Configured:
    one = as_shipped(registry.get(check_id))
    return Configured(check=one.check, params=one.params, severity=one.severity)
