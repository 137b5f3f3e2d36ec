"""The ledger: one run at a time, nothing lost to a dead worker, nothing written by a ghost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from audit.models import Entry
from inventory import ledger
from inventory.errors import LeaseLost, NotPossible
from inventory.models import Source, SyncRun
from tests.factories import NOW, SourceFactory, UserFactory

pytestmark = pytest.mark.django_db
State = SyncRun.State


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory()


@pytest.fixture
def operator(db: None) -> User:
    return UserFactory(roles=["operator"])


def queued(source: Source) -> SyncRun:
    return SyncRun.objects.create(source=source, requested_at=NOW)


def silence(run_id: int) -> None:
    """Let the lease of a run be over, as if its worker had said nothing for long."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inventory_syncrun SET lease_expires_at = clock_timestamp() - interval '1s',"
            " not_before_at = NULL WHERE id = %s",
            [run_id],
        )


def test_asking_twice_gives_the_run_that_waits_and_is_audited_once(
    source: Source, operator: User
) -> None:
    first = ledger.request_run(source=source, by=operator, now=NOW)
    second = ledger.request_run(source=source, by=operator, now=NOW)

    assert first == second
    assert Entry.objects.filter(action="inventory:run:start").count() == 1


def test_a_source_that_is_switched_off_is_not_collected(source: Source, operator: User) -> None:
    Source.objects.update(is_enabled=False)

    with pytest.raises(NotPossible, match="switched off"):
        ledger.request_run(source=source, by=operator, now=NOW)
    assert ledger.schedule(now=NOW) == []


def test_a_run_is_claimed_once(source: Source) -> None:
    run = queued(source)

    assert ledger.claim(run.pk) is not None
    assert ledger.claim(run.pk) is None


def test_one_source_has_one_running_run_and_the_next_one_waits(source: Source) -> None:
    first = queued(source)
    ledger.claim(first.pk)
    second = queued(source)

    assert ledger.claim(second.pk) is None
    assert ledger.claimable() == []
    with pytest.raises(IntegrityError), transaction.atomic():
        SyncRun.objects.filter(pk=second.pk).update(state=State.RUNNING)


def test_each_slot_gets_one_run_however_many_schedulers_look(source: Source) -> None:
    for _ in range(3):
        ledger.schedule(now=NOW)

    assert SyncRun.objects.count() == 1


def test_slots_missed_while_nobody_looked_become_one_run(source: Source) -> None:
    [first] = ledger.schedule(now=NOW)
    SyncRun.objects.filter(pk=first.pk).update(state=State.COMPLETE)

    later = ledger.schedule(now=NOW + timedelta(hours=12, minutes=5))

    assert len(later) == 1
    assert later[0].slot_at == NOW + timedelta(hours=12)


def test_a_silent_worker_loses_the_run_and_its_ghost_writes_nothing(source: Source) -> None:
    run = queued(source)
    ghost = ledger.claim(run.pk)
    assert ghost is not None
    silence(run.pk)

    assert ledger.reap() == [run.pk]
    silence(run.pk)
    heir = ledger.claim(run.pk)

    assert heir is not None
    assert heir.token > ghost.token
    with pytest.raises(LeaseLost):
        ledger.beat(ghost)
    with pytest.raises(LeaseLost):
        ledger.fail(ghost, code="x", message="y")
    assert ledger.beat(heir) is False


def test_a_worker_that_still_beats_is_left_alone(source: Source) -> None:
    run = queued(source)
    ledger.claim(run.pk)

    assert ledger.reap() == []


def test_a_run_that_kills_every_worker_is_quarantined_and_the_schedule_waits(
    source: Source,
) -> None:
    run = queued(source)
    for _ in range(SyncRun.MAX_ATTEMPTS):
        assert ledger.claim(run.pk) is not None
        silence(run.pk)
        ledger.reap()
        silence(run.pk)

    run.refresh_from_db()
    assert run.state == State.QUARANTINED
    assert run.causes[0]["code"] == "attempts-exhausted"
    assert ledger.schedule(now=NOW + timedelta(days=1)) == []


def test_a_person_may_collect_a_quarantined_source_again(source: Source, operator: User) -> None:
    SyncRun.objects.create(source=source, requested_at=NOW, state=State.QUARANTINED)

    run = ledger.request_run(source=source, by=operator, now=NOW)

    assert ledger.claim(run.pk) is not None


def test_the_wait_before_another_attempt_doubles(source: Source, settings: LazySettings) -> None:
    settings.SYNC_RETRY_SECONDS = 10
    run = queued(source)
    held = ledger.claim(run.pk)
    assert held is not None

    ledger.give_back(held, message="It failed.")

    run.refresh_from_db()
    assert run.state == State.QUEUED
    assert ledger.claim(run.pk) is None
    assert ledger.claimable() == []


def test_a_waiting_run_is_cancelled_at_once_and_a_running_one_is_told(
    source: Source, operator: User
) -> None:
    run = queued(source)
    held = ledger.claim(run.pk)
    assert held is not None

    ledger.cancel(run_id=run.pk, by=operator, now=NOW)

    assert ledger.beat(held) is True
    other = queued(SourceFactory())
    assert ledger.cancel(run_id=other.pk, by=operator, now=NOW).state == State.CANCELLED


def test_a_published_run_cannot_be_cancelled(source: Source, operator: User) -> None:
    run = SyncRun.objects.create(
        source=source, requested_at=NOW, published_at=NOW, state=State.RUNNING
    )

    with pytest.raises(NotPossible, match="too late"):
        ledger.cancel(run_id=run.pk, by=operator, now=NOW)


def test_a_run_of_a_foreign_source_does_not_exist(source: Source) -> None:
    stranger = UserFactory(roles=["operator"], scope=User.Scope.TEAMS)
    run = queued(source)

    with pytest.raises(SyncRun.DoesNotExist):
        ledger.cancel(run_id=run.pk, by=stranger, now=NOW)
