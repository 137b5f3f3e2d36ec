"""Collect → reconcile under bad luck: what raced, what could not be read, what a person decided."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from findings import pipeline, tasks
from findings.models import Finding
from inventory import ledger, publishing, staging
from inventory.connectors.base import Count, Unreadable
from inventory.errors import RunCancelled
from inventory.heartbeat import Pulse
from inventory.models import Asset, Source, SyncRun
from inventory.records import AnyRecord, Host, Kind, Nic, Platform, PowerState, VirtualMachine
from policies import judging
from policies.configuration import configure
from policies.models import Verdict
from policies.spec import Outcome
from tests.factories import NOW, SourceFactory, UserFactory
from tests.inventory.fakes import FakeConnector

pytestmark = pytest.mark.django_db

State = SyncRun.State
HOUR = timedelta(hours=1)
SHARED_HOST = "host-single-classification"


def vm(n: int = 1, **facts: Any) -> VirtualMachine:
    given: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"uuid-{n}",
        "ref": f"vm-{n}",
        "name": f"web-{n}",
        "power_state": PowerState.ON,
        "connection_state": "connected",
        "host_ref": "host-1",
        "classification": "internal",
        "criticality": "low",
        "owner": "ada",
        **facts,
    }
    return VirtualMachine(**given)


def host(n: int = 1, **facts: Any) -> Host:
    given: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"host-uuid-{n}",
        "ref": f"host-{n}",
        "name": f"esx-{n}",
        "connection_state": "connected",
        **facts,
    }
    return Host(**given)


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


@pytest.fixture
def operator(db: None) -> User:
    return UserFactory(roles=["operator", "analyst"])


def run_of(
    source: Source,
    *records: AnyRecord,
    extra: Any = (),
    now: datetime = NOW,
) -> SyncRun:
    run, held = claimed(source, now=now)
    pipeline.see_through(
        held, pulse=Pulse(held), now=now, connector=FakeConnector(*records, extra=extra)
    )
    run.refresh_from_db()
    return run


def claimed(source: Source, *, now: datetime = NOW) -> tuple[SyncRun, ledger.Claim]:
    run = SyncRun.objects.create(source=source, requested_at=now)
    held = ledger.claim(run.pk)
    assert held is not None
    return run, held


def staged(
    source: Source, *records: AnyRecord, now: datetime = NOW
) -> tuple[SyncRun, ledger.Claim]:
    run, held = claimed(source, now=now)
    staging.stage(held, FakeConnector(*records), pulse=Pulse(held), now=now)
    return run, held


def answer(check_id: str, name: str) -> str:
    asset = Asset.objects.get(name=name)
    assert asset.evaluated_at is not None
    found = Verdict.objects.filter(asset=asset, check_id=check_id).first()
    return found.outcome if found else "pass"


# --- what cannot be read never passes ---------------------------------------------------------


def unreadable(n: int) -> list[Any]:
    odd = Unreadable(kind=Kind.VM, ref=f"vm-{n}", name=f"web-{n}", reason="No description.")
    return [odd, Count(kind=Kind.VM, expected=2)]


def test_a_host_is_unknown_while_a_machine_cannot_be_read(source: Source) -> None:
    run_of(source, host(), vm(1), vm(2))
    assert answer(SHARED_HOST, "esx-1") == "pass"

    run = run_of(source, host(), vm(1), extra=unreadable(3), now=NOW + HOUR)

    assert run.state == State.COMPLETE
    assert answer(SHARED_HOST, "esx-1") == "unknown"


def test_a_violation_stays_one_while_a_machine_cannot_be_read(source: Source) -> None:
    run_of(source, host(), vm(1), vm(2, classification="secret"), vm(3))
    run_of(
        source,
        host(),
        vm(1),
        vm(2, classification="secret"),
        extra=[unreadable(3)[0], Count(kind=Kind.VM, expected=3)],
        now=NOW + HOUR,
    )

    assert answer(SHARED_HOST, "esx-1") == "fail"


def test_a_machine_that_cannot_be_read_any_more_does_not_pass_on_its_old_facts(
    source: Source,
) -> None:
    run_of(source, vm(1), vm(2, owner=""))
    assert answer("vm-classified", "web-2") == "pass"
    finding = Finding.objects.get(check_id="vm-owner", asset__name="web-2")

    run_of(source, vm(1), extra=unreadable(2), now=NOW + HOUR)

    assert answer("vm-classified", "web-2") == "unknown"
    assert answer("vm-classified", "web-1") == "pass"  # the others are unaffected
    finding.refresh_from_db()
    assert finding.state == Finding.State.OPEN
    assert finding.stale_since == NOW + HOUR

    run_of(source, vm(1), vm(2, owner="ada"), now=NOW + 2 * HOUR)

    assert answer("vm-classified", "web-2") == "pass"
    finding.refresh_from_db()
    assert finding.state == Finding.State.RESOLVED


def test_more_unreadable_objects_than_are_noted_leave_the_run_partial(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MOST_NOTES", 1)
    run_of(source, *(vm(n) for n in range(30)))
    odd = [
        Unreadable(kind=Kind.VM, ref=f"vm-{n}", name="", reason="No description.") for n in (0, 1)
    ]

    runs = [
        run_of(
            source,
            *(vm(n) for n in range(2, 30)),
            extra=[*odd, Count(kind=Kind.VM, expected=30)],
            now=NOW + n * HOUR,
        )
        for n in (1, 2)
    ]

    assert {run.state for run in runs} == {State.PARTIAL}
    assert runs[0].causes[0]["code"] == "too-many-unreadable"
    assert not Asset.objects.filter(missing_since__isnull=False).exists()


def test_a_name_made_storable_is_compared_as_it_is_stored(source: Source) -> None:
    run = run_of(source, vm(1, uid="odd\0"), vm(2, uid="odd\0"))

    assert run.state == State.COMPLETE
    assert source.quarantine.count() == 1


def test_facts_whose_run_gave_up_before_judging_are_judged_at_the_next_tick(
    source: Source,
) -> None:
    run_of(source, host(), vm(1), vm(2))
    assert not tasks.judgeable(now=NOW).exists()
    moved, held = staged(source, host(), vm(1), vm(2, classification="secret"), now=NOW + HOUR)
    publishing.publish(held, now=NOW + HOUR)
    SyncRun.objects.filter(pk=moved.pk).update(state=State.QUARANTINED)

    assert tasks.judgeable(now=NOW + HOUR).exists()
    pipeline.evaluate(Source.objects.get(), now=NOW + HOUR)

    assert answer(SHARED_HOST, "esx-1") == "fail"
    assert not tasks.judgeable(now=NOW + HOUR).exists()


def test_a_clock_that_was_set_back_does_not_have_facts_judged_for_ever(source: Source) -> None:
    run_of(source, vm(1))

    run = run_of(source, vm(1, cpu_count=4), now=NOW - HOUR)

    assert run.state == State.COMPLETE
    assert not tasks.judgeable(now=NOW).exists()


def test_checks_set_differently_meanwhile_are_asked_again(
    source: Source, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = judging.judge
    switches = iter([True, False])  # off before it is asked, on again before that is written

    def switched(found: Source, *, now: datetime) -> judging.Judgement | None:
        is_on = next(switches, None)
        if is_on is None:
            return ask(found, now=now)
        _switch(operator, on=False)
        judged = ask(found, now=now)
        _switch(operator, on=True)
        return judged

    monkeypatch.setattr(judging, "judge", switched)

    run = run_of(source, vm(1, owner=""))

    assert run.state == State.COMPLETE
    assert answer("vm-owner", "web-1") == "fail"


def _switch(by: User, *, on: bool) -> None:
    configure(check_id="vm-owner", by=by, now=NOW, is_enabled=on, severity="", params={})


# --- judging a past moment says what judging then said ----------------------------------------

TWIN = "00:50:56:00:00:01"


def test_what_is_judged_as_of_a_moment_is_what_was_judged_then(source: Source) -> None:
    nic = Nic(key="4000", mac=TWIN)
    collections: list[tuple[list[AnyRecord], Any]] = [
        ([host(), host(2), vm(1), vm(2)], ()),
        ([host(), vm(1, nics=(nic,)), vm(2, nics=(nic,)), host(2)], ()),
        ([host(), host(2), vm(1, power_state=PowerState.OFF), vm(2, classification="secret")], ()),
        ([host(), host(2), vm(1, power_state=PowerState.OFF, cpu_count=2)], ()),
        ([host(), host(2), vm(1, power_state=PowerState.OFF, cpu_count=2)], ()),
        ([host(), host(2), vm(2), vm(1, host_ref="host-2")], [Count(kind=Kind.VM, expected=3)]),
        ([host(), vm(2), vm(1), vm(4, classification=None)], unreadable(5)[:1]),
        ([host(), host(2), vm(1), vm(2), vm(3, nics=None)], ()),
        ([host(), host(2), vm(1), vm(3)], [unreadable(2)[0], Count(kind=Kind.VM, expected=3)]),
    ]
    failed = 0
    for number, (records, extra) in enumerate(collections):
        now = NOW + number * 24 * HOUR
        run_of(source, *records, extra=extra, now=now)
        source.refresh_from_db()

        judged = judging.judge(source, now=now)
        again = judging.judge_as_of(source, moment=now)

        assert judged is not None
        assert again.tally == judged.result.tally, number
        assert again.evaluations == judged.result.evaluations, number
        failed += sum(one.outcome is Outcome.FAIL for one in again.evaluations)
    assert failed > 1


# --- races ------------------------------------------------------------------------------------


def held_run(source: Source) -> SyncRun:
    run_of(source, *(vm(n) for n in range(20)))
    run = run_of(source, vm(0), now=NOW + HOUR)
    assert run.state == State.HELD
    return run


def test_a_released_run_does_not_replace_newer_facts(source: Source, operator: User) -> None:
    old = held_run(source)
    newer, held = staged(source, *(vm(n) for n in range(20)), now=NOW + 2 * HOUR)
    ledger.release(run_id=old.pk, by=operator, now=NOW + 2 * HOUR)
    pipeline.see_through(held, pulse=Pulse(held), now=NOW + 2 * HOUR)

    assert pipeline.work(old.pk, now=NOW + 3 * HOUR)

    old.refresh_from_db()
    newer.refresh_from_db()
    assert newer.state == State.COMPLETE
    assert old.state == State.CANCELLED
    assert old.causes[-1]["code"] == "superseded"
    assert not Asset.objects.filter(missing_since__isnull=False).exists()


def test_a_run_cancelled_after_collecting_is_not_published(source: Source, operator: User) -> None:
    run, held = staged(source, vm(1))
    ledger.cancel(run_id=run.pk, by=operator, now=NOW)

    with pytest.raises(RunCancelled):
        publishing.publish(held, now=NOW)
    pipeline.see_through(held, pulse=Pulse(held), now=NOW)

    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert not Asset.objects.exists()


def test_a_source_switched_off_while_its_run_waited_is_not_collected(source: Source) -> None:
    _, held = claimed(source)
    Source.objects.update(is_enabled=False)

    pipeline.see_through(held, pulse=Pulse(held), now=NOW, connector=FakeConnector(vm(1)))

    run = SyncRun.objects.get()
    assert run.state == State.FAILED
    assert run.causes[0]["code"] == "switched-off"
    assert not Asset.objects.exists()


def test_a_long_publication_does_not_lose_the_lease(source: Source) -> None:
    run, held = staged(source, vm(1))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inventory_syncrun SET lease_expires_at = clock_timestamp() - interval '1s'"
        )

    publishing.publish(held, now=NOW)

    assert ledger.reap() == []
    run.refresh_from_db()
    assert run.state == State.RUNNING


@pytest.mark.django_db(transaction=True)
def test_a_collection_can_be_asked_for_while_another_publishes(operator: User) -> None:
    source: Source = SourceFactory()
    asked: list[SyncRun] = []

    def ask() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            asked.append(ledger.request_run(source=source, by=operator, now=NOW))
        finally:
            connection.close()

    with transaction.atomic():
        Source.objects.select_for_update(no_key=True).get()  # as publish holds it
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    assert [run.state for run in asked] == [State.QUEUED]


@pytest.mark.django_db(transaction=True)
def test_a_release_waits_for_a_publication_and_the_two_do_not_deadlock(operator: User) -> None:
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    old = held_run(source)
    newer, held = staged(source, *(vm(n) for n in range(20)), now=NOW + 2 * HOUR)
    problems: list[Exception] = []
    has_begun = threading.Event()

    def release() -> None:
        has_begun.set()
        try:
            ledger.release(run_id=old.pk, by=operator, now=NOW)
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=release)
    with transaction.atomic():
        locked = Source.objects.select_for_update(no_key=True).get(pk=source.pk)
        thread.start()
        has_begun.wait()
        thread.join(timeout=0.5)  # it has locked all that it can by now
        ledger.supersede_held(SyncRun.objects.get(pk=newer.pk))
        locked.save()
    thread.join()

    assert [type(problem).__name__ for problem in problems] == ["NotPossible"]
    assert ledger.beat(held) is False
