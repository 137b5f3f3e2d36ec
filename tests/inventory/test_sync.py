"""Collect → stage → publish: what a run may change, and what it may not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from findings import pipeline
from inventory import ledger, publishing
from inventory.connectors.base import BlindSpot, CollectionFailed, Count, Doubt, Unreadable
from inventory.errors import LeaseLost
from inventory.heartbeat import Pulse
from inventory.models import (
    Asset,
    AssetVersion,
    Quarantine,
    Source,
    StagedRecord,
    SyncRun,
)
from inventory.models import (
    BlindSpot as BlindSpotRow,
)
from inventory.records import AnyRecord, Image, Kind, Platform, PowerState, VirtualMachine
from tests.factories import NOW, SourceFactory, TeamFactory
from tests.inventory.fakes import FakeConnector, platform

pytestmark = pytest.mark.django_db

State = SyncRun.State
HOUR = timedelta(hours=1)


def vm(n: int = 1, **facts: Any) -> VirtualMachine:
    given: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"uuid-{n}",
        "ref": f"vm-{n}",
        "name": f"web-{n}",
        "power_state": PowerState.ON,
        **facts,
    }
    return VirtualMachine(**given)


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


def run_of(source: Source, connector: FakeConnector, *, now: datetime = NOW) -> SyncRun:
    run = SyncRun.objects.create(source=source, requested_at=now)
    held = ledger.claim(run.pk)
    assert held is not None
    try:
        pipeline.govern(held, pulse=Pulse(held), now=now, connector=connector)
    except CollectionFailed as error:
        ledger.fail(held, code=error.code, message=str(error))
    run.refresh_from_db()
    return run


def kinds(source: Source, kind: Kind = Kind.VM) -> dict[str, Asset]:
    return {asset.name: asset for asset in source.assets.filter(kind=kind)}


def test_a_first_complete_run_publishes_every_record_with_one_open_version(source: Source) -> None:
    run = run_of(source, FakeConnector(vm(1), vm(2)))

    assert run.state == State.COMPLETE
    assert run.counts["vm"]["new"] == 2
    assert set(kinds(source)) == {"web-1", "web-2"}
    assert AssetVersion.objects.filter(valid_to__isnull=True).count() == 3
    assert StagedRecord.objects.count() == 0
    source.refresh_from_db()
    assert source.complete_at == NOW
    assert source.instance_uuid == platform().uid


def test_an_unchanged_record_gets_no_version_and_counts_as_seen(source: Source) -> None:
    run_of(source, FakeConnector(vm(1)))

    run = run_of(source, FakeConnector(vm(1)), now=NOW + HOUR)

    assert run.counts["vm"]["unchanged"] == 1
    assert AssetVersion.objects.filter(asset__kind="vm").count() == 1
    asset = Asset.objects.select_related("source").get(kind="vm")
    assert asset.seen_at == NOW + HOUR


def test_a_changed_record_closes_its_version_and_opens_another(source: Source) -> None:
    run_of(source, FakeConnector(vm(1)))

    run = run_of(source, FakeConnector(vm(1, cpu_count=8)), now=NOW + HOUR)

    new, old = AssetVersion.objects.filter(asset__kind="vm")
    assert run.counts["vm"]["changed"] == 1
    assert (old.valid_to, new.valid_from, new.valid_to) == (NOW + HOUR, NOW + HOUR, None)
    assert new.record["cpu_count"] == 8


def test_the_power_state_is_dated_by_its_own_changes_alone(source: Source) -> None:
    run_of(source, FakeConnector(vm(1)))
    run_of(source, FakeConnector(vm(1, power_state=PowerState.OFF)), now=NOW + HOUR)

    run_of(
        source, FakeConnector(vm(1, power_state=PowerState.OFF, cpu_count=2)), now=NOW + 2 * HOUR
    )

    assert Asset.objects.get(kind="vm").power_since == NOW + HOUR


def test_an_asset_is_retired_by_the_second_complete_run_that_misses_it(source: Source) -> None:
    run_of(source, FakeConnector(vm(1), vm(2)))

    run_of(source, FakeConnector(vm(1)), now=NOW + HOUR)
    first = kinds(source)["web-2"]
    run_of(source, FakeConnector(vm(1)), now=NOW + 2 * HOUR)
    second = kinds(source)["web-2"]

    assert (first.missing_since, first.gone_at) == (NOW + HOUR, None)
    assert second.gone_at == NOW + 2 * HOUR
    assert second.last_seen_at == NOW
    assert not AssetVersion.objects.filter(asset=second, valid_to__isnull=True).exists()


def test_an_asset_seen_again_after_one_miss_is_not_missing_any_more(source: Source) -> None:
    run_of(source, FakeConnector(vm(1), vm(2)))
    run_of(source, FakeConnector(vm(1)), now=NOW + HOUR)

    run_of(source, FakeConnector(vm(1), vm(2)), now=NOW + 2 * HOUR)
    run_of(source, FakeConnector(vm(1)), now=NOW + 3 * HOUR)

    assert kinds(source)["web-2"].gone_at is None


def test_a_retired_asset_that_comes_back_is_the_same_asset_with_a_gap(source: Source) -> None:
    run_of(source, FakeConnector(vm(1), vm(2)))
    run_of(source, FakeConnector(vm(1)), now=NOW + HOUR)
    run_of(source, FakeConnector(vm(1)), now=NOW + 2 * HOUR)

    run_of(source, FakeConnector(vm(1), vm(2)), now=NOW + 5 * HOUR)

    asset = kinds(source)["web-2"]
    assert asset.gone_at is None
    assert [v.valid_from for v in asset.versions.all()] == [NOW + 5 * HOUR, NOW]


@pytest.mark.parametrize(
    "extra",
    [
        Doubt(kind=Kind.VM, code="missing-page", message="A page did not arrive."),
        Doubt(kind=None, code="session", message="The session changed."),
        Count(kind=Kind.VM, expected=2),
    ],
)
def test_a_run_with_a_doubt_is_partial_and_marks_nothing_missing(
    source: Source, extra: Doubt | Count
) -> None:
    run_of(source, FakeConnector(vm(1), vm(2)))

    runs = [
        run_of(source, FakeConnector(vm(1), extra=[extra]), now=NOW + n * HOUR) for n in (1, 2, 3)
    ]

    assert {run.state for run in runs} == {State.PARTIAL}
    assert all(run.causes for run in runs)
    assert kinds(source)["web-2"].missing_since is None
    source.refresh_from_db()
    assert source.complete_at == NOW


def test_a_failed_collection_changes_nothing_and_says_why(source: Source) -> None:
    run_of(source, FakeConnector(vm(1)))
    failure = CollectionFailed("The password was refused.", code="wrong-password")

    run = run_of(source, FakeConnector(vm(1, cpu_count=2), fail=failure), now=NOW + HOUR)

    assert run.state == State.FAILED
    assert run.causes[0]["code"] == "wrong-password"
    assert Asset.objects.get(kind="vm").record.get("cpu_count") is None
    assert StagedRecord.objects.count() == 0


def test_another_vcenter_at_the_same_address_is_refused(source: Source) -> None:
    run_of(source, FakeConnector(vm(1)))

    run = run_of(source, FakeConnector(platform("another-instance"), vm(7)), now=NOW + HOUR)

    assert run.state == State.FAILED
    assert run.causes[0]["code"] == "other-server"
    assert set(kinds(source)) == {"web-1"}


def test_what_the_account_may_not_read_is_listed_and_does_not_spoil_the_run(source: Source) -> None:
    spot = BlindSpot(
        kind=Kind.HOST, property="config.option", count=2, example="esx-1", explanation="No read."
    )

    run = run_of(source, FakeConnector(vm(1), extra=[spot]))
    run_of(source, FakeConnector(vm(1)), now=NOW + HOUR)

    assert run.state == State.COMPLETE
    assert BlindSpotRow.objects.count() == 0  # it is readable again


def stored(name: str, **facts: Any) -> Image:
    return Image(platform=Platform.VSPHERE, uid=name, ref=name, name=name, **facts)


def test_items_of_libraries_that_may_not_be_seen_any_more_are_not_missing(source: Source) -> None:
    templates = [stored(f"template-{n}") for n in range(30)]
    item = stored("item", library_ref="lib-1")
    run_of(source, FakeConnector(*templates, item))
    blind = BlindSpot(
        kind=Kind.IMAGE, property="libraries", count=1, example="", explanation="Refused."
    )

    for hours in (1, 2):
        told = FakeConnector(*templates[1:], extra=(blind,))
        assert run_of(source, told, now=NOW + hours * HOUR).state == State.COMPLETE

    images = {asset.name: asset for asset in source.assets.filter(kind=Kind.IMAGE)}
    assert images["item"].missing_since is None
    assert images["template-0"].gone_at is not None
    run_of(source, FakeConnector(*templates[1:]), now=NOW + 3 * HOUR)
    assert source.assets.get(name="item").missing_since is not None


def test_an_unreadable_object_is_quarantined_and_never_missing(source: Source) -> None:
    run_of(source, FakeConnector(vm(1), vm(2)))
    odd = Unreadable(kind=Kind.VM, ref="vm-2", name="web-2", reason="It has no configuration.")

    for n in (1, 2, 3):
        run = run_of(
            source,
            FakeConnector(vm(1), extra=[odd, Count(kind=Kind.VM, expected=2)]),
            now=NOW + n * HOUR,
        )

    assert run.state == State.COMPLETE
    assert kinds(source)["web-2"].missing_since is None
    assert Quarantine.objects.get().first_seen_at == NOW + HOUR


def test_the_second_of_two_objects_with_one_identity_is_quarantined(source: Source) -> None:
    twin = vm(1, ref="vm-99", name="twin")

    run = run_of(source, FakeConnector(vm(1), twin))

    assert run.state == State.COMPLETE
    assert set(kinds(source)) == {"web-1"}
    assert Quarantine.objects.get().ref == "vm-99"


def test_what_two_collections_miss_within_an_interval_is_not_retired_yet(source: Source) -> None:
    run_of(source, FakeConnector(vm(1), vm(2)))
    for minutes in (60, 61, 113):
        run_of(source, FakeConnector(vm(2)), now=NOW + timedelta(minutes=minutes))
    assert kinds(source)["web-1"].gone_at is None
    assert kinds(source)["web-1"].missing_since == NOW + HOUR

    run = run_of(source, FakeConnector(vm(2)), now=NOW + 2 * HOUR)
    assert kinds(source)["web-1"].gone_at == NOW + 2 * HOUR
    assert run.counts["vm"]["retired"] == 1


def test_who_had_an_identity_keeps_it_whoever_is_read_first(source: Source) -> None:
    twin = vm(1, ref="vm-99", name="twin")
    run_of(source, FakeConnector(vm(1), vm(2)))

    run = run_of(source, FakeConnector(twin, vm(1), vm(2)), now=NOW + HOUR)

    assert run.state == State.COMPLETE
    assert (kinds(source)["web-1"].ref, "twin" in kinds(source)) == ("vm-1", False)
    assert Quarantine.objects.get().ref == "vm-99"


def test_who_had_an_identity_keeps_it_when_it_cannot_be_read(source: Source) -> None:
    twin = vm(1, ref="vm-99", name="twin")
    run_of(source, FakeConnector(vm(1), vm(2)))
    odd = Unreadable(kind=Kind.VM, ref="vm-1", name="web-1", reason="No configuration.")

    run = run_of(
        source,
        FakeConnector(twin, vm(2), extra=[odd, Count(kind=Kind.VM, expected=3)]),
        now=NOW + HOUR,
    )

    assert run.state == State.COMPLETE
    assert (kinds(source)["web-1"].ref, kinds(source)["web-1"].missing_since) == ("vm-1", None)
    assert set(Quarantine.objects.values_list("ref", flat=True)) == {"vm-1", "vm-99"}


def test_a_machine_that_is_registered_anew_is_the_same(source: Source) -> None:
    run_of(source, FakeConnector(vm(1), vm(2)))

    run_of(source, FakeConnector(vm(1, ref="vm-99"), vm(2)), now=NOW + HOUR)

    assert (kinds(source)["web-1"].ref, kinds(source)["web-1"].missing_since) == ("vm-99", None)
    assert not Quarantine.objects.exists()


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [
        (20, 10, False),
        (20, 9, True),
        (200, 180, False),
        (200, 179, True),
        (3, 0, True),
        (3, 1, False),
    ],
)
def test_a_kind_that_shrinks_beyond_the_guard_holds_the_run(
    source: Source, before: int, after: int, is_held: bool
) -> None:
    run_of(source, FakeConnector(*(vm(n) for n in range(before))))

    run = run_of(source, FakeConnector(*(vm(n) for n in range(after))), now=NOW + HOUR)

    assert (run.state == State.HELD) is is_held
    missing = Asset.objects.filter(missing_since__isnull=False).count()
    assert missing == (0 if is_held else before - after)


def test_a_held_run_publishes_once_a_person_releases_it(source: Source) -> None:
    from tests.factories import UserFactory

    run_of(source, FakeConnector(*(vm(n) for n in range(20))))
    run = run_of(source, FakeConnector(vm(0)), now=NOW + HOUR)

    ledger.release(run_id=run.pk, by=UserFactory(), now=NOW + 2 * HOUR)
    assert pipeline.work(run.pk, now=NOW + 2 * HOUR)

    run.refresh_from_db()
    assert run.state == State.COMPLETE
    assert Asset.objects.filter(missing_since=NOW + HOUR).count() == 19


def test_a_run_from_before_a_kind_was_collected_is_as_whole_as_it_was(source: Source) -> None:
    run = run_of(source, FakeConnector(vm(0)))
    assert run.completeness.pop("principal")

    assert publishing.is_whole(run)
    run.completeness["vm"]["complete"] = False
    assert not publishing.is_whole(run)


def test_a_newer_run_takes_the_place_of_a_held_one(source: Source) -> None:
    run_of(source, FakeConnector(*(vm(n) for n in range(20))))
    held = run_of(source, FakeConnector(vm(0)), now=NOW + HOUR)

    run_of(source, FakeConnector(*(vm(n) for n in range(20))), now=NOW + 2 * HOUR)

    held.refresh_from_db()
    assert held.state == State.CANCELLED
    assert StagedRecord.objects.count() == 0


def test_a_worker_that_lost_its_lease_publishes_nothing(source: Source) -> None:
    run = SyncRun.objects.create(source=source, requested_at=NOW)
    zombie = ledger.claim(run.pk)
    assert zombie is not None
    SyncRun.objects.filter(pk=run.pk).update(token=zombie.token + 1)

    with pytest.raises(LeaseLost):
        pipeline.govern(zombie, pulse=Pulse(zombie), now=NOW, connector=FakeConnector(vm(1)))
    with pytest.raises(LeaseLost):
        publishing.publish(zombie, now=NOW)

    assert Asset.objects.count() == 0


HOSTILE = [
    "A" * 65_536,
    "nul\0nul",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\u202eevil\u202c",
    "lone \ud800 surrogate",
    'quote " \\ backslash \\N \t tab \r\n line',
    "\\u0000 spelled out",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_kept_and_hurts_nothing(source: Source, name: str) -> None:
    run = run_of(source, FakeConnector(vm(1, name=name, annotation=name), vm(2)))

    assert run.state == State.COMPLETE
    kept = Asset.objects.get(uid="uuid-1").name
    assert kept == name.replace("\0", "␀").replace("\ud800", "�")


def test_an_asset_joins_the_team_its_record_names(source: Source) -> None:
    team = TeamFactory(name="Finance")
    run_of(source, FakeConnector(vm(1, team="finance"), vm(2, team="Nobody")))

    assert kinds(source)["web-1"].team == team
    assert kinds(source)["web-2"].team is None


def test_changed_facts_are_without_verdict_until_they_are_judged(source: Source) -> None:
    run_of(source, FakeConnector(vm(1)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM inventory_asset WHERE evaluated_at IS NULL")
        assert cursor.fetchone()[0] == 0
    run = SyncRun.objects.create(source=source, requested_at=NOW)
    held = ledger.claim(run.pk)
    assert held is not None
    changed: list[AnyRecord] = [vm(1, cpu_count=64)]

    from inventory import staging

    staging.stage(held, FakeConnector(*changed), pulse=Pulse(held), now=NOW + HOUR)
    publishing.publish(held, now=NOW + HOUR)

    assert Asset.objects.get(kind="vm").evaluated_at is None
