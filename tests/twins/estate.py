"""Two teams on the same sources, each with everything a team can have in the product.

`Estate()` is the deployment of team Home alone; `estate.add_neighbour()` makes the other one, in
which team Away has as much, on the same sources, under the same checks and in the same exceptions
and plans of people who see everything.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.db import transaction

from accounts.models import Team, User
from findings.announcing import outbox, relay
from findings.announcing.outbox import Topic
from findings.lifecycle import Changes
from findings.models import Finding, FindingEvent, FindingSpell, Notice, SavedView
from findings.remediation import following, plans
from findings.remediation.plans import Wish
from findings.trends import rollup
from findings.triage import acts, decisions
from findings.waivers import covering, deciding, requesting, scopes
from inventory.models import Asset, AssetVersion, MacHolding, PlatformEvent, Source, Stay
from policies import registry
from policies.spec import Kind
from tests.factories import (
    NOW,
    AssetFactory,
    FindingFactory,
    SourceFactory,
    SyncRunFactory,
    TeamFactory,
    UserFactory,
    VerdictFactory,
)

MACHINES = 6
DAY = timedelta(days=1)
MAC = "00:50:56:00:00:01"
CHECKS = [check for check in registry.all_checks() if check.kind is Kind.VM][:8]


class Side:
    """What one team has."""

    def __init__(self, name: str, sources: list[Source], dana: User) -> None:
        self.team: Team = TeamFactory(name=name)
        self.owner = self._person(f"owner-{name}", "remediator")
        self.analyst = self._person(f"analyst-{name}", "analyst")
        self.assets = [self._machine(name, n, sources[n % len(sources)]) for n in range(MACHINES)]
        for n, asset in enumerate(self.assets):
            live(asset, key=1 + n + (1_000 if name == "away" else 0))
        self.findings = [
            self._finding(asset, n) for asset in self.assets for n in range(len(CHECKS))
        ]
        self.open = [finding for finding in self.findings if finding.state == "open"]
        self._triage(name, dana)
        self.view = SavedView.objects.create(
            owner=self.owner,
            name=f"View of {name}",
            query="severity=high",
            shared=SavedView.Shared.TEAM,
            team=self.team,
        )
        self.waiver = self._exception(name, dana)
        self.plan = plans.make(
            wish=Wish(title=f"Plan of {name}", owner=self.owner, team=self.team),
            by=self.owner,
            now=NOW - DAY / 2,
            finding_ids=[finding.pk for finding in self.open[:4]],
        )

    def _person(self, name: str, role: str) -> User:
        return UserFactory(
            username=name,
            email=f"{name}@example.org",
            roles=[role],
            scope=User.Scope.TEAMS,
            teams=[self.team],
        )

    def _machine(self, name: str, n: int, source: Source) -> Asset:
        asset = AssetFactory(source=source, team=self.team, name=f"machine-{name}-{n}")
        AssetVersion.objects.create(
            asset=asset, record=asset.record, digest=asset.digest, valid_from=asset.first_seen_at
        )
        outcomes = ("fail", "unknown", "not_applicable")
        for number, check in enumerate(CHECKS[:3]):
            VerdictFactory(asset=asset, check_id=check.id, outcome=outcomes[number])
        return asset

    def _finding(self, asset: Asset, n: int) -> Finding:
        opened = NOW - (1 + 5 * n) * DAY
        closed = NOW - DAY / 2 if n == 2 else None
        severity = ("critical", "high", "medium", "low")[n % 4]
        finding = FindingFactory(
            asset=asset,
            check_id=CHECKS[n].id,
            severity=severity,
            message=f"{asset.name} is not as it should be.",
            state="resolved" if closed else "open",
            resolution="fixed" if closed else "",
            first_opened_at=opened,
            opened_at=opened,
            resolved_at=closed,
            due_at=opened + 7 * DAY,
            updated_at=closed or opened,
        )
        FindingSpell.objects.create(finding=finding, opened_at=opened, closed_at=closed)
        FindingEvent.objects.create(finding=finding, kind="opened", at=opened)
        return finding

    def _triage(self, name: str, dana: User) -> None:
        first, second = self.open[0], self.open[1]
        _decide(first, dana, acts.Assign(to=self.owner.username), acts.AddLabel(label="urgent"))
        _decide(first, self.owner, acts.Say(text=f"Ask @{self.analyst.username} in {name}."))
        _decide(second, self.analyst, acts.AddLabel(label=f"label-{name}"))
        _decide(second, self.analyst, acts.LinkTicket(ticket=f"{name.upper()}-7"))

    def _exception(self, name: str, dana: User) -> Any:
        waiver = requesting.ask(
            by=self.owner,
            scope=scopes.of_asset(self.assets[1].pk, user=self.owner),
            ground="accepted",
            reason=f"{name} replaces the machine.",
            expires_at=NOW + 20 * DAY,
            now=NOW,
        )
        requesting.ask(
            by=self.analyst,
            scope=scopes.of_query("severity=low", user=self.analyst, now=NOW),
            ground="accepted",
            reason=f"Low risk in {name}.",
            expires_at=NOW + 10 * DAY,
            now=NOW,
        )
        approver = User.objects.get(username="erin")
        return deciding.approve(
            waiver_id=waiver.pk, version=waiver.version, by=approver, reason="Yes.", now=NOW
        )


def live(asset: Asset, *, key: int) -> None:
    """All machines of a source on one host, with an address that each had once, and a clone."""
    source = asset.source
    common = {"valid_from": NOW - 9 * DAY, "basis": "poll", "source": source, "vm": asset}
    for kind, ref in (("host", "host-1"), ("datastore", "datastore-1"), ("network", "network-1")):
        running = True if kind == "host" else None
        Stay.objects.create(place_kind=kind, place_ref=ref, is_running=running, **common)
    MacHolding.objects.create(mac=MAC, nic_key="4000", network_name="VM Network", **common)
    for number, type_ in enumerate(("VmClonedEvent", "VmPoweredOnEvent")):
        PlatformEvent.objects.create(
            source=source,
            key=2 * key + number,
            type=type_,
            created_at=NOW - 9 * DAY,
            happened_at=NOW - 9 * DAY,
            user_name="ada",
            message=f"{asset.name} on host-1 of {source.name}",
            vm=asset,
            vm_ref=asset.ref,
            vm_name=asset.name,
            host_ref="host-1",
            host_name="esx-1",
            detail={"sourceVm.ref": "vm-golden", "sourceVm.name": "golden"},
        )


def _decide(finding: Finding, by: User, *wanted: Any) -> None:
    decisions.decide(finding_id=finding.pk, acts=wanted, by=by, now=NOW)


class Estate:
    """Team Home, and those who see everything."""

    def __init__(self) -> None:
        call_command("load_policies", verbosity=0)
        self.sources: list[Source] = [SourceFactory(name="vc-one"), SourceFactory(name="vc-two")]
        for source in self.sources:
            SyncRunFactory(source=source, published_at=NOW)
        self.dana = UserFactory(username="dana", roles=["analyst"], email="dana@example.org")
        self.erin = UserFactory(username="erin", roles=["approver"], email="erin@example.org")
        self.home = Side("home", self.sources, self.dana)
        self.members = {
            role: UserFactory(
                username=f"member-{role}",
                roles=[role],
                scope=User.Scope.TEAMS,
                teams=[self.home.team],
                email=f"{role}@example.org",
            )
            for role in ("analyst", "remediator", "viewer", "auditor")
        }
        self.wide = requesting.ask(
            by=self.dana,
            scope=scopes.of_query("severity=medium", user=self.dana, now=NOW),
            ground="accepted",
            reason="Accepted everywhere until spring.",
            expires_at=NOW + 30 * DAY,
            now=NOW,
        )
        self.campaign = plans.make(
            wish=Wish(title="Everything high is gone by June"),
            by=self.dana,
            now=NOW - DAY,
            query="severity=high",
            follow=True,
        )
        self.away: Side | None = None

    def add_neighbour(self) -> None:
        """Bring team Away in, into exceptions and plans of the whole estate too."""
        self.away = Side("away", self.sources, self.dana)

    def settle(self) -> None:
        """Do what an evaluation and a tick do after it."""
        if self.wide.status != "approved":
            self.wide = deciding.approve(
                waiver_id=self.wide.pk,
                version=self.wide.version,
                by=self.erin,
                reason="Until spring.",
                now=NOW,
            )
        with transaction.atomic():
            covering.cover(now=NOW)
            rollup.keep_all(now=NOW)
            for source in self.sources:
                # Campaigns take in what they look for, the neighbour's findings too.
                following.follow(source.pk, Changes(run_id=source.runs.get().pk, now=NOW))
                self._announce(source)
        relay.relay(now=NOW)
        Notice.objects.update(mail_due_at=None)

    def _announce(self, source: Source) -> None:
        mine = FindingEvent.objects.filter(finding__source=source, kind="opened").order_by("pk")
        first, last = mine.first(), mine.last()
        assert first is not None
        assert last is not None
        outbox.announce(
            Topic.FINDINGS_MOVED,
            subject_type="source",
            subject_id=source.pk,
            by=None,
            at=NOW,
            detail={"first_event": first.pk, "last_event": last.pk},
        )
