"""Files that are brought: each becomes a run like any other, or leaves nothing behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine

from audit.models import Entry
from findings import pipeline
from inventory import ledger, receiving
from inventory.connectors.base import Count, Doubt
from inventory.errors import NotPossible, Refused
from inventory.models import Asset, AssetVersion, Source, StagedRecord, SyncRun, UploadedPart
from inventory.records import Kind
from tests.factories import NOW, SourceFactory, UserFactory
from tests.inventory.carried import STRANGER, a_bundle, bundle_source
from tests.inventory.connectors.rvtools.book import estate, written
from tests.inventory.fakes import role
from tests.inventory.test_sync import vm

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
State = SyncRun.State


@pytest.fixture
def source(db: None) -> Source:
    return bundle_source()


def bring(
    source: Source, data: bytes, *, now: datetime = NOW + HOUR, **given: Any
) -> tuple[SyncRun, bool]:
    source.refresh_from_db()
    return receiving.receive(
        source=source, file=BytesIO(data), name="estate.vmgov", by=None, now=now, **given
    )


def bring_and_work(source: Source, data: bytes, *, now: datetime = NOW + HOUR) -> SyncRun:
    run, _ = bring(source, data, now=now)
    assert pipeline.work(run.pk, now=now)
    run.refresh_from_db()
    return run


def refusal(source: Source, data: bytes, **given: Any) -> str:
    """Why it was refused; nothing may be left of it."""
    before = SyncRun.objects.count(), Entry.objects.count()
    with pytest.raises(NotPossible) as caught:
        bring(source, data, **given)
    assert (SyncRun.objects.count(), Entry.objects.count()) == before
    assert not UploadedPart.objects.exists()
    return str(caught.value)


def test_a_bundle_becomes_a_run_whose_facts_begin_when_they_were_collected(source: Source):
    run = bring_and_work(source, a_bundle(vm(1), role(), at=NOW))

    source.refresh_from_db()
    version = AssetVersion.objects.get(asset__kind="vm")
    assert run.state == State.COMPLETE
    assert run.upload["file"] == "estate.vmgov"
    assert run.upload["collector"] == "9.9"
    assert (run.collected_at, run.published_at, version.valid_from) == (NOW, NOW, NOW)
    assert (source.published_at, source.complete_at) == (NOW, NOW)
    assert source.evaluated_at is not None


def test_nothing_of_the_file_is_kept_once_it_was_read(source: Source):
    bring_and_work(source, a_bundle(vm(1)))

    assert not UploadedPart.objects.exists()
    assert not StagedRecord.objects.exists()


def test_a_large_file_is_kept_in_parts_and_put_together_again(
    source: Source, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(receiving, "PART_BYTES", 100)
    data = a_bundle(vm(1), vm(2))

    run, _ = bring(source, data)
    assert run.parts.count() == -(-len(data) // 100)
    pipeline.work(run.pk, now=NOW + HOUR)

    assert source.assets.filter(kind="vm").count() == 2


def test_who_brought_it_and_what_it_was_is_in_the_audit_log(source: Source):
    run, _ = bring(source, a_bundle())

    told = Entry.objects.latest("id").after or {}
    assert told["sha256"] == run.upload["sha256"]
    assert told["signed_by"]


def test_the_same_file_twice_changes_nothing(source: Source):
    data = a_bundle(vm(1))
    first = bring_and_work(source, data)
    before = list(AssetVersion.objects.values())

    again, is_new = bring(source, data)

    assert (again, is_new) == (first, False)
    assert list(AssetVersion.objects.values()) == before
    assert not UploadedPart.objects.exists()


def test_the_same_file_while_it_waits_is_the_same_run(source: Source):
    data = a_bundle(vm(1))

    first, _ = bring(source, data)

    assert bring(source, data) == (first, False)
    assert first.parts.count() == 1


def test_a_file_that_came_to_nothing_may_be_brought_again(source: Source):
    data = a_bundle(vm(1))
    first, _ = bring(source, data)
    ledger.end(first, State.CANCELLED)

    again, is_new = bring(source, data)

    assert is_new
    assert again != first


def test_there_is_no_going_back_in_time(source: Source):
    bring_and_work(source, a_bundle(vm(1), at=NOW))

    said = refusal(source, a_bundle(vm(1), vm(2), at=NOW - HOUR))
    same = refusal(source, a_bundle(vm(1), vm(2), at=NOW))

    assert "already knows what was true at" in said
    assert "already knows what was true at" in same


def test_a_file_that_was_overtaken_while_it_waited_is_refused_by_the_worker(source: Source):
    late, _ = bring(source, a_bundle(vm(1), at=NOW))
    Source.objects.filter(pk=source.pk).update(published_at=NOW + HOUR)

    pipeline.work(late.pk, now=NOW + 2 * HOUR)

    late.refresh_from_db()
    assert late.state == State.FAILED
    assert late.causes[0]["code"] == "older"
    assert not Asset.objects.exists()
    assert not UploadedPart.objects.exists()


def test_facts_from_the_future_are_refused_and_a_clock_a_little_ahead_is_not_believed(
    source: Source,
):
    assert "still to come" in refusal(source, a_bundle(at=NOW + 2 * HOUR))

    with time_machine.travel(NOW, tick=False):
        run = bring_and_work(source, a_bundle(vm(1), at=NOW + timedelta(minutes=5)), now=NOW)

    assert run.state == State.COMPLETE
    assert run.published_at == NOW


def test_a_moment_before_there_was_anything_to_collect_is_refused(source: Source):
    assert "cannot be" in refusal(source, a_bundle(at=NOW.replace(year=1)))


def test_a_bundle_of_another_vcenter_is_refused(source: Source):
    bring_and_work(source, a_bundle(vm(1)))

    assert "different vCenter" in refusal(source, a_bundle(vm(1), of="another", at=NOW + HOUR))


def test_an_unsigned_bundle_and_one_of_a_stranger_are_refused(source: Source):
    signed, _, rest = a_bundle().split(b"\n", 2)

    assert "not signed" in refusal(source, signed + b"\n" + rest)
    assert "another key" in refusal(source, a_bundle(key=STRANGER))


def test_a_source_without_a_key_accepts_nothing(db: None):
    source = bundle_source(trusted_key="")

    assert "trusts no key" in refusal(source, a_bundle())


def test_a_key_that_was_replaced_while_a_file_waited_is_not_trusted_any_more(source: Source):
    run, _ = bring(source, a_bundle(vm(1)))
    Source.objects.update(trusted_key="")

    pipeline.work(run.pk, now=NOW + HOUR)

    run.refresh_from_db()
    assert (run.state, run.causes[0]["code"]) == (State.FAILED, "no-key")
    assert not Asset.objects.exists()


def test_an_empty_and_an_oversized_file_are_refused(
    source: Source, monkeypatch: pytest.MonkeyPatch
):
    assert "empty" in refusal(source, b"")
    monkeypatch.setattr(receiving, "MOST_BYTES", 1024 * 1024)
    assert "larger than 1 MiB" in refusal(source, b"x" * (1024 * 1024 + 1))


def test_a_source_that_is_collected_takes_no_file(db: None):
    assert "no file is taken" in refusal(SourceFactory(), a_bundle())


def test_a_source_that_is_switched_off_takes_no_file(db: None):
    assert "switched off" in refusal(bundle_source(is_enabled=False), a_bundle())


def test_one_file_at_a_time_waits(source: Source):
    bring(source, a_bundle(vm(1)))

    with pytest.raises(NotPossible, match="Another file"):
        bring(source, a_bundle(vm(2)))

    assert SyncRun.objects.count() == 1
    assert UploadedPart.objects.count() == 1


def test_a_source_that_takes_files_cannot_be_collected_and_has_no_schedule(source: Source):
    with pytest.raises(NotPossible, match="uploaded"):
        ledger.request_run(source=source, by=None, now=NOW)

    assert ledger.schedule(now=NOW) == []


def test_a_doubt_of_the_collector_makes_the_run_partial_and_retires_nothing(source: Source):
    bring_and_work(source, a_bundle(vm(1), vm(2)))
    doubt = Doubt(kind=Kind.VM, code="transport", message="The connection broke.")

    run = bring_and_work(source, a_bundle(vm(1), doubt, at=NOW + HOUR), now=NOW + 2 * HOUR)

    assert run.state == State.PARTIAL
    assert run.causes[0]["message"] == "The connection broke."
    assert Asset.objects.filter(missing_since__isnull=False).count() == 0


def test_a_count_that_does_not_fit_makes_the_run_partial_whatever_the_seal_says(source: Source):
    run = bring_and_work(source, a_bundle(vm(1), Count(kind=Kind.VM, expected=3), complete=True))

    assert run.state == State.PARTIAL


def test_a_bundle_that_lost_too_much_is_held_for_a_person(source: Source):
    many = [vm(n) for n in range(30)]
    bring_and_work(source, a_bundle(*many))

    run = bring_and_work(source, a_bundle(*many[:5], at=NOW + HOUR), now=NOW + 2 * HOUR)

    assert run.state == State.HELD
    assert not UploadedPart.objects.exists()


def test_a_held_run_is_not_released_over_a_newer_file_that_waits(source: Source):
    many = [vm(n) for n in range(30)]
    bring_and_work(source, a_bundle(*many))
    held = bring_and_work(source, a_bundle(*many[:5], at=NOW + HOUR), now=NOW + 2 * HOUR)
    waiting, _ = bring(source, a_bundle(*many, at=NOW + 2 * HOUR), now=NOW + 3 * HOUR)

    with pytest.raises(NotPossible, match="newer file waits"):
        ledger.release(run_id=held.pk, by=UserFactory(roles=["operator"]), now=NOW)

    waiting.refresh_from_db()
    assert waiting.parts.exists()


def test_two_objects_with_one_identity_are_set_apart(source: Source):
    run = bring_and_work(source, a_bundle(vm(1), vm(1, name="twin")))

    assert run.completeness["vm"]["unreadable"] == 1
    assert source.assets.filter(kind="vm").count() == 1
    assert source.quarantine.count() == 1


def test_a_file_that_a_killed_worker_had_begun_is_read_by_the_next(source: Source):
    run, _ = bring(source, a_bundle(vm(1)))
    held = ledger.claim(run.pk)
    assert held is not None
    ledger.give_back(held, message="It was killed.")
    SyncRun.objects.update(not_before_at=None)

    assert pipeline.work(run.pk, now=NOW + HOUR)

    run.refresh_from_db()
    assert (run.state, run.attempt) == (State.COMPLETE, 2)


def test_the_clock_of_a_workbook_is_local_however_often_it_is_read(db: None):
    source = bundle_source(connector=Source.Connector.RVTOOLS)
    ahead = {**estate(), "vMetaData": [{"xlsx creation datetime": "2026-06-01 18:00:00"}]}
    noon = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

    with time_machine.travel(noon, tick=False):
        run, _ = bring(source, written(ahead), now=noon)
        for _ in range(2):  # a worker dies between reading the file and staging it
            held = ledger.claim(run.pk)
            assert held is not None
            connector = receiving.connector_of(source, now=noon)
            ledger.give_back(held, message="It was killed.")
            SyncRun.objects.update(not_before_at=None)
        pipeline.work(run.pk, now=noon)

    run.refresh_from_db()
    assert connector.true_at == noon  # type: ignore[attr-defined]
    assert (run.state, run.collected_at) == (State.PARTIAL, noon)
    later = {**ahead, "vMetaData": [{"xlsx creation datetime": "2026-06-01 17:59:00"}]}
    run, _ = bring(source, written(later), now=noon + HOUR)
    with time_machine.travel(noon + HOUR, tick=False):
        pipeline.work(run.pk, now=noon + HOUR)
    run.refresh_from_db()
    assert run.causes[0]["code"] == "older"


def test_refused_is_told_apart_from_not_now(source: Source):
    with pytest.raises(Refused):
        bring(source, b"nonsense")
    with pytest.raises(NotPossible) as caught:
        bring(SourceFactory(), b"nonsense")
    assert not isinstance(caught.value, Refused)
