"""Everything the demo tells of is there to be found."""

from datetime import datetime, timedelta

import pytest

from accounts.models import Team, User
from accounts.roles import Role
from findings.models import Comment, Finding, FindingEvent, SavedView
from inventory.chronicle.models import PlatformEvent, Stay
from inventory.models import Asset, AssetVersion, BlindSpot, Quarantine, Source, SyncRun
from policies.models import Verdict

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

OPEN = [
    ("host-single-classification", "esx-07.oslo.halden.example", "confidential (db-pay-02)"),
    ("cluster-classification-rules", "OSL-Web", "confidential and public"),
    ("datastore-single-cluster", "osl-finance-02", "OSL-Web"),
    ("grant-combined-duties", "HALDEN\\ext-nordkraft: Machine console on vm", "administer hosts"),
    ("grant-combined-duties", "HALDEN\\ext-nordkraft: Host operator on host", "enter machines"),
    ("principal-combined-duties", "HALDEN\\kari.moen.ext", "Vendors, HALDEN\\Host Operators"),
    ("grant-direct-user", "HALDEN\\jonas.weil.ext: Machine console on Labs", "in person"),
    ("grant-administrator-at-root", "HALDEN\\svc-backup-old: Admin on Datacenters", "whole"),
    ("grant-machine-access-scope", "HALDEN\\Service Desk: Machine console on Oslo", "everything"),
    ("role-separation-of-duties", "Night shift (old)", "HALDEN\\Night Shift"),
    ("image-age", "tpl-debian12-winter", "201 days"),
    ("image-owner", "tpl-debian12-winter", "no owner"),
    ("host-management-nic-dedicated", "esx-15.oslo.halden.example", "print-145"),
    ("host-traffic-visible", "esx-15.oslo.halden.example", "print-01"),
    ("network-vlan", "dmz-temp", "no VLAN"),
    ("network-security-policy", "web-app-131", "promiscuous"),
    ("switch-traffic-visible", "dvs-labs", "No sensor"),
    ("host-time", "esx-03.oslo.halden.example", "no time server"),
    ("host-time", "esx-11.oslo.halden.example", "no time server"),
    ("host-log-host", "esx-18.oslo.halden.example", "nowhere"),
    ("host-build", "esx-04.oslo.halden.example", "8.0.2"),
    ("vm-duplicate-mac", "pacs-03", "pacs-03-restored"),
    ("vm-duplicate-mac", "pacs-03-restored", "pacs-03"),
    ("vm-snapshot-age", "erp-app-02", "63 days"),
    ("vm-snapshot-age", "pacs-arch-02", "63 days"),
    ("vm-snapshot-age", "web-cms-03", "63 days"),
    ("vm-recovery-point", "lis-db-02", "no recovery point"),
    ("vm-recovery-point", "icu-mon-05", "no recovery point"),
    ("vm-powered-off-too-long", "fin-ts-08", "35 days"),
    ("platform-event-forwarding", "VMware vCenter Server 8.0.3 build-24322831", "log server"),
]
UNREQUESTED = {
    "test-jw",
    "test-jw2",
    "ubuntu-min-3",
    "win-srv-7",
    "copy-of-web-cms-02",
    "minio-x",
}


@pytest.mark.parametrize(("check_id", "asset", "words"), OPEN)
def test_a_deviation_of_the_story_is_an_open_finding(
    estate: datetime, check_id: str, asset: str, words: str
) -> None:
    found = Finding.objects.filter(check_id=check_id, asset__name=asset, state=Finding.State.OPEN)

    said = [f"{finding.message} {finding.evidence}" for finding in found]
    assert any(words in each for each in said), said


def test_the_payments_database_shares_a_host_since_a_tuesday_night(estate: datetime) -> None:
    finding = Finding.objects.get(
        check_id="host-single-classification", asset__name__startswith="esx-07", state="open"
    )
    moved = AssetVersion.objects.filter(asset__name="db-pay-02").order_by("valid_from")
    hosts = [version.record["host_ref"] for version in moved]
    before = finding.opened_at - timedelta(hours=6)

    assert (before.strftime("%A"), before.hour) == ("Tuesday", 21)
    assert len(set(hosts)) == 2
    assert moved.filter(valid_from=finding.opened_at).exists()


def test_the_log_says_who_moved_the_payments_database(estate: datetime) -> None:
    moved = PlatformEvent.objects.get(vm__name="db-pay-02", type="VmMigratedEvent")
    stay = Stay.objects.get(vm__name="db-pay-02", place_kind="host", valid_to=None)

    assert moved.user_name == r"HALDEN\ola.vik"
    assert moved.happened_at.strftime("%A") == "Tuesday"
    assert (stay.basis, stay.valid_from) == ("event", moved.happened_at)
    assert stay.place is not None
    assert stay.place.name.startswith("esx-07")


def test_events_lie_between_the_collection_that_tells_them_and_the_one_before(
    estate: datetime,
) -> None:
    for source in Source.objects.all():
        looks = sorted(run.published_at for run in source.runs.all() if run.published_at)
        told = source.events.order_by("key")
        assert [one.happened_at for one in told] == sorted(one.happened_at for one in told)
        for made in told.filter(type="VmCreatedEvent"):
            assert made.vm is not None
            seen = looks.index(made.vm.first_seen_at)
            assert looks[seen - 1] < made.happened_at < looks[seen]
            assert made.vm.record["created_at"] == f"{made.happened_at:%Y-%m-%dT%H:%M:%SZ}"


def test_bergen_has_days_of_its_own_and_a_hole_in_its_log(estate: datetime) -> None:
    bergen = Source.objects.get(name="vc-bergen")
    days = bergen.events.filter(happened_at__gte=estate - timedelta(days=7)).dates(
        "happened_at", "day"
    )
    [hole] = bergen.blind_intervals.all()

    assert bergen.events.count() > 40
    assert len(days) >= 3
    assert hole.what == "events"
    assert hole.ended_at is not None
    assert timedelta(hours=12) < hole.ended_at - hole.began_at < timedelta(days=3)
    assert not Source.objects.get(name="vc-oslo").blind_intervals.exists()


def test_eleven_machines_were_born_from_the_template_of_last_winter(estate: datetime) -> None:
    born = Asset.objects.filter(
        kind="vm", record__attributes__contains={"Born from": "tpl-debian12-winter"}
    )

    assert born.count() == 11


def test_six_machines_nobody_asked_for_appeared_between_two_collections(estate: datetime) -> None:
    without = Asset.objects.present().filter(kind="vm", owner="", classification="")

    assert set(without.values_list("name", flat=True)) == UNREQUESTED
    assert not without.filter(record__attributes__has_key="Request").exists()
    made = PlatformEvent.objects.filter(vm__in=without, type="VmCreatedEvent")
    assert list(made.values_list("user_name", flat=True)) == [r"HALDEN\svc-backup-old"] * 6
    assert {asset.first_seen_at for asset in without} == {estate - timedelta(hours=26)}
    for check_id in ("vm-owner", "vm-classified"):
        found = Finding.objects.filter(check_id=check_id, asset__in=without, state="open")
        assert set(found.values_list("asset__name", flat=True)) == UNREQUESTED


def test_what_the_account_may_not_read_is_told_and_blinds_checks(estate: datetime) -> None:
    blind = BlindSpot.objects.filter(source__name="vc-bergen").values_list("property", flat=True)
    unknown = Verdict.objects.filter(outcome="unknown")

    assert set(blind) == {"SessionManager.sessionList", "config.firewall", "config.service"}
    assert Quarantine.objects.filter(source__name="vc-oslo").count() == 5
    assert unknown.filter(check_id="host-time", asset__name__startswith="esx-25").exists()
    assert unknown.filter(check_id="vm-duplicate-mac", asset__name="research-01").exists()


def test_a_host_came_and_machines_went(estate: datetime) -> None:
    host = Asset.objects.get(name="esx-18.oslo.halden.example")
    retired = Asset.objects.filter(kind="vm", gone_at__isnull=False)

    assert host.first_seen_at == estate - timedelta(days=14)
    assert retired.count() == 6
    assert not Finding.objects.filter(asset__in=retired, state="open").exists()


def test_findings_were_fixed_came_back_and_lost_their_facts(estate: datetime) -> None:
    kinds = set(FindingEvent.objects.values_list("kind", flat=True))

    assert kinds >= {"opened", "reopened", "changed", "resolved", "stale", "fresh"}
    for check_id in ("host-lockdown-mode", "host-build", "host-firewall-management"):
        assert Finding.objects.filter(check_id=check_id, resolution="fixed").exists()
    assert Finding.objects.filter(
        check_id="grant-administrator-at-root", resolution="asset_gone"
    ).exists()


def test_since_yesterday_there_is_a_handful_and_a_few_are_overdue(estate: datetime) -> None:
    now_open = Finding.objects.filter(state="open")

    assert 5 <= now_open.filter(opened_at__gte=estate - timedelta(days=1)).count() <= 15
    assert 3 <= now_open.filter(due_at__lt=estate).count() <= 20


def test_most_of_the_estate_is_sound(estate: datetime) -> None:
    latest = [source.runs.order_by("-published_at")[0] for source in Source.objects.all()]
    tallies = [tally for run in latest for tally in run.tallies.all()]
    passed = sum(tally.passed for tally in tallies)
    asked = sum(tally.passed + tally.failed + tally.unknown for tally in tallies)

    assert 0.85 < passed / asked < 0.98
    assert sum(tally.error for tally in tallies) == 0


def test_runs_lie_in_the_past_and_all_but_one_are_complete(estate: datetime) -> None:
    runs = SyncRun.objects.all()
    states = sorted(runs.values_list("state", flat=True))

    assert states == ["complete"] * 23 + ["partial"]
    assert all(
        run.requested_at <= run.started_at <= run.finished_at  # type: ignore[operator]
        for run in runs
    )
    assert max(run.requested_at for run in runs) == estate


@pytest.mark.parametrize("role", [role for role in Role if role != Role.USER_ADMIN])
def test_everybody_who_may_see_machines_sees_findings(estate: datetime, role: Role) -> None:
    user = User.objects.get(username=role.value)

    assert user.roles == {role}
    assert Finding.objects.visible_to(user).filter(state="open").count() > 20
    assert Asset.objects.visible_to(user).filter(kind="vm").count() > 100


def test_somebody_of_one_team_sees_that_teams_machines_and_nothing_else(
    estate: datetime,
) -> None:
    owner = User.objects.create_user("owner", scope=User.Scope.TEAMS)
    owner.teams.set(Team.objects.filter(name="Finance"))
    seen = Asset.objects.visible_to(owner)

    assert set(seen.values_list("team__name", flat=True)) == {"Finance"}
    assert Finding.objects.visible_to(owner).filter(state="open").exists()


def test_people_have_sorted_assigned_and_talked(estate: datetime) -> None:
    now_open = Finding.objects.filter(state="open")
    kinds = set(FindingEvent.objects.values_list("kind", flat=True))

    assert kinds >= {"triage", "assigned", "due", "labelled", "ticket", "commented", "claimed"}
    assert now_open.filter(labels__name="quick win", assignee__username="remediator").count() > 5
    assert now_open.filter(labels__name="needs downtime").count() > 50
    assert now_open.filter(ticket__startswith="https://tickets.halden.example/").count() == 2
    assert Comment.objects.filter(mentions=["remediator"]).count() == 3
    assert SavedView.objects.filter(shared="all").count() == 2


def test_one_claim_was_refuted_and_others_wait_for_proof(estate: datetime) -> None:
    # What a plan claimed is told by tests/demo/test_remediation.py.
    [refuted] = FindingEvent.objects.filter(kind="refuted", finding__memberships=None)
    waiting = Finding.objects.filter(state="open", triage="awaiting_proof")

    assert refuted.finding.asset.name.startswith("esx-11")
    assert refuted.finding.triage == "in_progress"
    assert 2 <= waiting.count() <= 5


def test_what_was_missed_was_warned_of_before(estate: datetime) -> None:
    missed = Finding.objects.filter(state="open", breached_at__isnull=False)

    assert 0 < missed.count() <= Finding.objects.overdue(now=estate).count()
    assert missed.filter(warned_at__isnull=False).exists()
