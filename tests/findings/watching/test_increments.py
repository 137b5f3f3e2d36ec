"""What a watch was told: published and judged as a collection would have, and nothing more."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings

from findings import pipeline
from findings.models import Finding, FindingEvent
from inventory import ledger
from inventory.connectors.base import BlindSpot, Count, Doubt, Event, EventsRead, Gone, Unreadable
from inventory.connectors.bundle import BundleConnector
from inventory.errors import LeaseLost
from inventory.heartbeat import Pulse
from inventory.models import Asset, AssetVersion, PlatformEvent, Source, Stay, SyncRun, Watch
from inventory.records import (
    AnyRecord,
    Grant,
    Image,
    Kind,
    Platform,
    PowerState,
    VirtualMachine,
    kind_of,
)
from inventory.watching import increments, lease
from inventory.watching.increments import NeedsCollection, NothingNew, Postponed
from policies import judging
from policies.configuration import configure
from policies.models import Verdict
from policies.rejudging import Facts
from policies.spec import Outcome
from tests.factories import NOW, SourceFactory, UserFactory
from tests.findings.test_pipeline import answer, claimed, host, run_of, staged, vm
from tests.inventory.fakes import FakeConnector
from tests.policies.builders import an_image

pytestmark = pytest.mark.django_db
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


@pytest.fixture
def held(source: Source) -> lease.Held:
    """The watch over it; what other tests left unwatched is taken as well."""
    while (taken := lease.claim()) is not None:
        if taken.source_id == source.pk:
            return taken
    raise AssertionError("Its source cannot be watched.")


def told(
    held: lease.Held,
    *items: Any,
    facts: Facts | None = None,
    at: datetime = NOW + HOUR,
    unchanged_until: datetime | None = None,
) -> SyncRun:
    pipeline.govern_changes(
        held, items, facts=facts or Facts(), now=at, unchanged_until=unchanged_until
    )
    return SyncRun.objects.filter(is_increment=True).latest("pk")


def asset(name: str) -> Asset:
    return Asset.objects.get(name=name)


# --- publishing -------------------------------------------------------------------------------


def test_a_changed_machine_gets_a_version_and_the_others_none(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(), vm(1), vm(2))
    run = told(held, vm(1, power_state=PowerState.OFF))

    first, second = AssetVersion.objects.filter(asset=asset("web-1")).order_by("valid_from")
    assert first.valid_to == second.valid_from == NOW + HOUR
    assert second.run == run
    assert AssetVersion.objects.filter(asset=asset("web-2")).count() == 1
    assert asset("web-2").missing_since is None
    source.refresh_from_db()
    assert source.changed_at == NOW + HOUR
    assert source.published_at == source.complete_at == NOW


def test_what_is_known_already_leaves_no_trace(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1))
    with pytest.raises(NothingNew):
        told(held, vm(1))

    source.refresh_from_db()
    assert source.changed_at is None
    assert not source.runs.filter(is_increment=True).exists()


def test_a_new_machine_is_known_at_once(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1))
    told(held, vm(2, owner=""))

    assert asset("web-2").first_seen_at == NOW + HOUR
    assert answer("vm-owner", "web-2") == "fail"


def test_who_is_gone_is_missing_once_and_retired_by_the_next_collection(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(), vm(1), vm(2), vm(3))
    told(held, Gone(ref="vm-2"))

    assert asset("web-2").missing_since == NOW + HOUR
    assert asset("web-2").gone_at is None
    run_of(source, host(), vm(1), vm(3), now=NOW + 2 * HOUR)
    assert asset("web-2").gone_at == NOW + 2 * HOUR


def test_who_came_back_is_not_missing_any_more(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1), vm(2))
    told(held, Gone(ref="vm-2"))
    told(held, vm(2), at=NOW + 2 * HOUR)

    assert asset("web-2").missing_since is None


def test_that_too_many_are_gone_at_once_is_not_believed(source: Source, held: lease.Held) -> None:
    run_of(source, host(), *(vm(n) for n in range(20)))
    with pytest.raises(NeedsCollection):
        told(held, *(Gone(ref=f"vm-{n}") for n in range(12)))

    assert not source.assets.filter(missing_since__isnull=False).exists()


def test_of_a_kind_that_was_read_as_a_whole_the_rest_is_missing(
    source: Source, held: lease.Held
) -> None:
    grants = [grant(n) for n in range(3)]
    run_of(source, host(), vm(1), *grants)
    told(held, *grants[:2], Count(kind=Kind.GRANT, expected=2))

    missing = source.assets.filter(missing_since__isnull=False)
    assert [one.uid for one in missing] == [grants[2].uid]
    told(held, vm(2), *grants[:2], Count(kind=Kind.GRANT, expected=2), at=NOW + 9 * HOUR)
    assert missing.get().gone_at is None  # only a collection retires


def test_of_a_kind_that_came_in_part_nothing_is_missing(source: Source, held: lease.Held) -> None:
    grants = [grant(n) for n in range(3)]
    run_of(source, host(), vm(1), *grants)
    with pytest.raises(NothingNew):
        told(held, *grants[:2], Count(kind=Kind.GRANT, expected=3))


def grant(n: int) -> Grant:
    return Grant(
        platform=Platform.VSPHERE,
        uid=f"grant-{n}",
        ref=f"grant-{n}",
        name=f"grant {n}",
        principal=f"CORP\\user{n}",
        is_group=False,
        role_id=-2,
        entity_ref="vm-1",
        propagate=True,
    )


@pytest.mark.parametrize(
    "odd",
    [
        Doubt(kind=Kind.VM, code="withheld", message="vCenter did not tell."),
        Unreadable(kind=Kind.VM, ref="vm-1", name="web-1", reason="No description."),
    ],
)
def test_what_is_doubtful_asks_for_a_collection_and_writes_nothing(
    source: Source, held: lease.Held, odd: Any
) -> None:
    run_of(source, host(), vm(1), vm(2))
    with pytest.raises(NeedsCollection):
        told(held, vm(2, owner="eve"), odd)

    assert asset("web-2").owner == "ada"


def test_an_object_that_is_being_made_is_passed_over(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1))
    told(
        held,
        vm(1, owner="eve"),
        Unreadable(kind=Kind.VM, ref="vm-9", name="new", reason="No identity yet."),
    )

    assert asset("web-1").owner == "eve"


# --- who comes first --------------------------------------------------------------------------


def test_a_collection_that_reads_comes_first(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1))
    claimed(source, now=NOW + HOUR)

    with pytest.raises(Postponed):
        told(held, vm(1, owner="eve"), at=NOW + HOUR + SECOND)


def test_a_collection_that_has_read_and_waits_comes_first(source: Source, held: lease.Held) -> None:
    """Or its older facts would be published over these."""
    run_of(source, host(), vm(1))
    _, claim = staged(source, host(), vm(1), now=NOW + HOUR)
    ledger.give_back(claim, message="The worker failed.")

    with pytest.raises(Postponed):
        told(held, vm(1, owner="eve"), at=NOW + HOUR + SECOND)


def test_a_collection_that_only_waits_does_not(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1))
    run = ledger.request_run(source=source, by=None, now=NOW + HOUR, wake_worker=False)
    told(held, vm(1, owner="eve"))
    claim = ledger.claim(run.pk)
    assert claim is not None
    pipeline.see_through(
        claim,
        pulse=Pulse(claim),
        now=NOW + 2 * HOUR,
        connector=FakeConnector(host(), vm(1, owner="eve")),
    )

    run.refresh_from_db()
    assert run.state == SyncRun.State.COMPLETE
    assert asset("web-1").owner == "eve"


def test_a_watch_that_lost_its_lease_publishes_nothing(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1))
    Watch.objects.filter(pk=held.watch_id).update(lease_expires_at=NOW - HOUR)
    assert lease.claim() is not None

    with pytest.raises(LeaseLost):
        told(held, vm(1, owner="eve"))
    assert asset("web-1").owner == "ada"


def test_the_interval_s_collections_go_on(source: Source, held: lease.Held) -> None:
    """An increment is no collection: the slot it falls into gets its own."""
    run_of(source, host(), vm(1), now=NOW)
    told(held, vm(1, owner="eve"), at=NOW + HOUR + SECOND)

    queued = ledger.schedule(now=NOW + HOUR + 2 * SECOND)
    assert source.pk in {run.source_id for run in queued}


def test_facts_that_were_judged_meanwhile_are_judged_again(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(), vm(1))
    older = judging.judge(Source.objects.get(pk=source.pk), now=NOW + HOUR)
    told(held, vm(1, owner=""))

    with pytest.raises(pipeline.FactsMoved):
        pipeline._keep(older, Source.objects.get(pk=source.pk))  # type: ignore[arg-type]


def test_what_could_be_read_at_the_last_collection_and_cannot_now_is_left_to_the_next(
    source: Source, held: lease.Held
) -> None:
    blind = BlindSpot(
        kind=Kind.VM, property="tags", count=1, example="every vm", explanation="It may not."
    )
    run_of(source, host(), vm(1, tags={}))
    with pytest.raises(NeedsCollection):
        told(held, blind, vm(1))
    assert asset("web-1").record["tags"] == {}

    run_of(source, host(), vm(1), extra=[blind], now=NOW + HOUR)
    told(held, blind, vm(1, owner="eve"), at=NOW + 2 * HOUR)
    assert asset("web-1").owner == "eve"


def test_images_that_were_read_as_a_whole_are_missing_when_they_are_not_among_them(
    source: Source, held: lease.Held
) -> None:
    images = [an_image(f"image-{n}") for n in range(3)]
    run_of(source, host(), vm(1), *images)
    told(held, *images[:2], Count(kind=Kind.IMAGE, expected=2))

    assert asset("image-2").missing_since == NOW + HOUR
    assert asset("image-1").missing_since is None
    assert asset("web-1").missing_since is None


# --- judging ----------------------------------------------------------------------------------


def test_a_finding_opens_and_is_resolved_by_what_was_told(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1), vm(2))
    facts = Facts()
    opened = told(held, vm(1, owner=""), facts=facts)
    finding = Finding.objects.get(check_id="vm-owner", asset=asset("web-1"), state="open")
    resolved = told(held, vm(1), facts=facts, at=NOW + 2 * HOUR)

    finding.refresh_from_db()
    assert finding.state == Finding.State.RESOLVED
    events = FindingEvent.objects.filter(finding=finding).order_by("pk")
    assert [(event.kind, event.run) for event in events] == [
        ("opened", opened),
        ("resolved", resolved),
    ]
    assert opened.outcomes["opened"] >= 1


def test_who_shares_with_a_changed_machine_is_asked_again(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1), vm(2))
    assert answer("host-single-classification", "esx-1") == "pass"
    told(held, vm(1, classification="secret"))

    assert answer("host-single-classification", "esx-1") == "fail"


def test_checks_that_were_set_differently_meanwhile_are_all_asked(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(), vm(1, owner=""), vm(2))
    configure(
        check_id="vm-owner",
        by=UserFactory(roles=["analyst"]),
        now=NOW,
        is_enabled=False,
        severity="",
        params={},
    )
    told(held, vm(2, annotation="new"))

    assert not Verdict.objects.filter(check_id="vm-owner", asset__source=source).exists()


@pytest.mark.parametrize("seed", range(6))
def test_asking_some_is_as_good_as_asking_all(source: Source, held: lease.Held, seed: int) -> None:
    """Facts of an estate are mixed at random; the answers are always those of a whole judging."""
    draw = random.Random(seed)  # noqa: S311
    records = {(kind_of(record), record.uid): record for record in estate()}
    run_of(source, *records.values())
    facts = Facts()
    for step in range(25):
        drawn = [mixed(draw, records) for _ in range(draw.choice((1, 1, 3)))]
        moved = {(kind_of(record), record.uid): record for record in drawn}
        records |= moved
        at = NOW + HOUR + step * SECOND
        try:
            told(held, *moved.values(), facts=facts, at=at)
        except NothingNew:
            continue
        whole = judging.judge(Source.objects.get(pk=source.pk), now=at)
        assert whole is not None
        assert verdicts(source) == {
            (whole.asset_of(one), one.check_id): (one.outcome.value, one.reason or one.incomplete)
            for one in whole.result.evaluations
        }
        assert violations(source) == {
            (one.check_id, whole.asset_of(one), violation.key): violation.message
            for one in whole.result.evaluations
            if one.outcome == Outcome.FAIL
            for violation in one.violations
        }


def estate() -> list[AnyRecord]:
    """A part of the demo's: enough of everything for every check to have something to say."""
    path = Path(settings.BASE_DIR) / "demo" / "halden.bergen.xz"
    records: list[Any] = [
        record for record in BundleConnector(path, now=NOW).collect() if hasattr(record, "uid")
    ]
    machines = [record for record in records if isinstance(record, VirtualMachine)]
    dropped = {record.uid for record in machines[40:]}
    return [record for record in records if record.uid not in dropped]


def mixed(draw: random.Random, records: dict[Any, Any]) -> AnyRecord:
    """One object with one fact of another of its kind."""
    kinds = sorted({kind for kind, _ in records if kind != Kind.PLATFORM})
    kind = draw.choice([Kind.VM, Kind.VM, Kind.HOST, *kinds])
    alike = [record for (of, _), record in sorted(records.items()) if of == kind]
    one, other = draw.choice(alike), draw.choice(alike)
    field = draw.choice([f for f in one.__struct_fields__ if f not in ("uid", "ref", "platform")])
    moved: AnyRecord = msgspec.structs.replace(one, **{field: getattr(other, field)})
    return moved


def verdicts(source: Source) -> dict[Any, Any]:
    of_source = Verdict.objects.filter(asset__source=source)
    rows = of_source.values_list("asset_id", "check_id", "outcome", "reason")
    return {(asset_id, check): (outcome, reason) for asset_id, check, outcome, reason in rows}


def violations(source: Source) -> dict[Any, str]:
    rows = Finding.objects.filter(source=source, state="open", stale_since=None)
    return {
        (check, asset_id, key): message
        for check, asset_id, key, message in rows.values_list(
            "check_id", "asset_id", "key", "message"
        )
    }


# --- events and places ------------------------------------------------------------------------


def moved_event(key: int, at: datetime, host_ref: str) -> Event:
    return Event(
        key=key, type="VmMigratedEvent", at=at, vm_ref="vm-1", host_ref=host_ref, user="CORP\\ola"
    )


def test_events_come_with_changes_each_once(source: Source, held: lease.Held) -> None:
    run_of(source, host(1), host(2), vm(1))
    moved = moved_event(7, NOW + HOUR - SECOND, "host-2")
    told(held, vm(1, host_ref="host-2"), moved, EventsRead(until=NOW + HOUR))
    with pytest.raises(NothingNew):
        told(held, vm(1, host_ref="host-2"), moved, EventsRead(until=NOW + HOUR))

    assert PlatformEvent.objects.filter(source=source).count() == 1
    source.refresh_from_db()
    assert source.events_key == 7
    stays = Stay.objects.filter(vm=asset("web-1"), place_kind="host").order_by("valid_from")
    assert [stay.place_ref for stay in stays] == ["host-1", "host-2"]
    assert stays[1].valid_from == NOW + HOUR - SECOND
    assert stays[1].basis == "event"


def test_a_log_that_cannot_be_read_is_left_to_the_next_collection(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(1), vm(1))
    told(held, vm(1, owner="eve"), EventsRead(problem="vCenter refused."))

    assert asset("web-1").owner == "eve"


def test_without_an_event_the_move_was_after_the_last_answer_without_one(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(1), host(2), vm(1))
    told(
        held,
        vm(1, host_ref="host-2"),
        at=NOW + HOUR,
        unchanged_until=NOW + HOUR - 20 * SECOND,
    )

    stay = Stay.objects.get(vm=asset("web-1"), place_kind="host", valid_to=None)
    assert (stay.began_after, stay.valid_from) == (NOW + HOUR - 20 * SECOND, NOW + HOUR)
    assert stay.basis == "poll"


def test_one_transaction_holds_all_of_it(
    source: Source, held: lease.Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails on the way, nothing of it stays."""
    run_of(source, host(), vm(1))
    facts = Facts()
    with monkeypatch.context() as patched:
        patched.setattr(judging, "store", lambda judgement: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            told(held, vm(1, owner=""), facts=facts)

    assert asset("web-1").owner == "ada"
    assert not source.runs.filter(is_increment=True).exists()
    told(held, vm(1, owner=""), facts=facts)
    assert answer("vm-owner", "web-1") == "fail"


# --- who is who -------------------------------------------------------------------------------


def test_a_twin_does_not_take_the_place_of_a_machine_that_is_there(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(), vm(1))
    twin = vm(1, ref="vm-99", name="evil")
    with pytest.raises(NeedsCollection):
        told(held, twin)

    run_of(source, host(), vm(1), twin, now=NOW + 2 * HOUR)
    with pytest.raises(NothingNew):
        told(held, twin, at=NOW + 3 * HOUR)
    assert asset("web-1").ref == "vm-1"


def test_a_machine_that_is_registered_anew_keeps_its_identity(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(), vm(1), vm(2), vm(3))
    told(held, Gone(ref="vm-1"), vm(1, ref="vm-99"))
    assert (asset("web-1").ref, asset("web-1").missing_since) == ("vm-99", None)

    told(held, Gone(ref="vm-2"), at=NOW + 2 * HOUR)
    told(held, vm(2, ref="vm-98"), at=NOW + 3 * HOUR)
    assert (asset("web-2").ref, asset("web-2").missing_since) == ("vm-98", None)


def test_a_machine_that_becomes_a_template_is_no_machine_any_more(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(), vm(1), vm(2), vm(3))
    template = Image(platform=Platform.VSPHERE, uid="uuid-1", ref="vm-1", name="web-1")
    told(held, template)

    was, now = Asset.objects.filter(source=source, ref="vm-1").order_by("pk")
    assert (was.kind, was.missing_since) == (Kind.VM, NOW + HOUR)
    assert (now.kind, now.missing_since) == (Kind.IMAGE, None)
    assert not Stay.objects.filter(vm=was, valid_to=None).exists()

    told(held, vm(1), at=NOW + 2 * HOUR)
    was.refresh_from_db()
    now.refresh_from_db()
    assert (was.missing_since, now.missing_since) == (None, NOW + 2 * HOUR)


def test_a_machine_with_another_identity_is_another_machine(
    source: Source, held: lease.Held
) -> None:
    run_of(source, host(), vm(1), vm(2), vm(3))
    told(held, vm(1, uid="uuid-new"))

    was, now = Asset.objects.filter(source=source, ref="vm-1").order_by("pk")
    assert (was.uid, was.missing_since) == ("uuid-1", NOW + HOUR)
    assert (now.uid, now.missing_since) == ("uuid-new", None)


# --- forgetting -------------------------------------------------------------------------------


def test_what_brought_events_alone_is_forgotten_after_a_week(
    source: Source, held: lease.Held
) -> None:
    collection = run_of(source, host(1), host(2), vm(1))
    idle = told(held, moved_event(7, NOW, "host-1"), EventsRead(until=NOW + HOUR))
    young = told(
        held, moved_event(8, NOW + HOUR, "host-1"), EventsRead(until=NOW + 2 * HOUR), at=NOW + HOUR
    )
    SyncRun.objects.exclude(pk=young.pk).update(finished_at=NOW - timedelta(days=8))

    assert increments.forget(now=NOW) == 1
    assert set(source.runs.values_list("pk", flat=True)) == {collection.pk, young.pk}
    assert not SyncRun.objects.filter(pk=idle.pk).exists()
    assert PlatformEvent.objects.filter(source=source).count() == 2


def test_what_anything_refers_to_is_not_forgotten(source: Source, held: lease.Held) -> None:
    run_of(source, host(), vm(1, owner=""), vm(2), vm(3))
    changed = told(held, vm(2, power_state=PowerState.OFF))
    ended = told(held, Gone(ref="vm-1"), at=NOW + 2 * HOUR)
    assert not AssetVersion.objects.filter(run=ended).exists()
    finding = Finding.objects.filter(asset=asset("web-1")).earliest("pk")
    FindingEvent.objects.create(
        finding=finding, kind=FindingEvent.Kind.COMMENTED, run=ended, at=NOW
    )
    SyncRun.objects.update(finished_at=NOW - timedelta(days=8))

    assert increments.forget(now=NOW) == 0
    assert SyncRun.objects.filter(pk__in=[changed.pk, ended.pk]).count() == 2
