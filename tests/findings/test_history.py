"""What happened to findings and plans stays as it was written, whoever asks for something else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import ProtectedError

from findings.models import FindingEvent, PlanEvent
from inventory import ledger
from inventory.models import SyncRun
from tests.factories import NOW, FindingFactory, SourceFactory, SyncRunFactory, UserFactory
from tests.findings.remediation.cast import a_cast, a_finding, a_plan

HISTORIES = ("findings_findingevent", "findings_planevent")
# PostgreSQL asks for the right first and for the trigger then.
ATTEMPTS = ("UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {}")


@pytest.fixture
def told() -> None:
    """A plan of a finding: each has a history of its own."""
    cast = a_cast()
    a_plan(cast.dora, a_finding(cast.my_vm))
    assert FindingEvent.objects.exists()
    assert PlanEvent.objects.exists()


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_whoever_may_do_anything_changes_no_history(
    superuser: CursorWrapper, told: None, history: str, attempt: str
) -> None:
    superuser.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        superuser.execute(attempt.format(history))

    cause: Any = refusal.value.__cause__
    assert cause.diag.constraint_name == "history_kept"


@pytest.mark.django_db
@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("attempt", [*ATTEMPTS, "SELECT * FROM {} FOR UPDATE"])
def test_the_application_has_no_right_to(told: None, history: str, attempt: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(attempt.format(history))


@pytest.mark.django_db
def test_a_run_that_is_told_of_is_kept() -> None:
    run = SyncRunFactory()
    FindingEvent.objects.create(finding=FindingFactory(), kind="opened", at=NOW, run=run)

    with pytest.raises(ProtectedError):
        run.delete()


@pytest.mark.django_db
def test_a_held_run_takes_the_place_of_one_that_waits() -> None:
    source = SourceFactory()
    held = SyncRunFactory(source=source, state=SyncRun.State.HELD)
    waits = SyncRunFactory(source=source, state=SyncRun.State.QUEUED, started_at=None)

    ledger.release(run_id=held.pk, by=UserFactory(), now=NOW + timedelta(hours=1))

    assert not SyncRun.objects.filter(pk=waits.pk).exists()
