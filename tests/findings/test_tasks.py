"""The tick: what it starts, and what it leaves alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from findings import tasks
from inventory.models import Source, SyncRun
from policies import configuration
from tests.factories import NOW, SourceFactory, UserFactory
from tests.inventory.fakes import FakeConnector
from tests.inventory.test_sync import run_of, vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db: None) -> Source:
    source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    run_of(source, FakeConnector(vm(1)))
    source.refresh_from_db()
    return source


def test_a_judged_source_is_judged_again_when_its_verdicts_are_old(source: Source) -> None:
    assert not tasks.judgeable(now=NOW).exists()
    assert tasks.judgeable(now=NOW + timedelta(hours=7)).get() == source


def test_a_check_that_is_set_differently_is_asked_again_and_unknown_until_then(
    source: Source,
) -> None:
    configuration.configure(
        check_id="vm-hardware-version",
        by=UserFactory(roles=["approver"]),
        now=NOW,
        is_enabled=True,
        severity="",
        params={"minimum": 19},
    )

    assert tasks.judgeable(now=NOW).get() == source
    assert source.assets.get(kind="vm").evaluated_at is None


def test_after_an_upgrade_nothing_passes_a_check_it_was_never_asked(source: Source) -> None:
    assert configuration.forget_outdated() == 0
    Source.objects.update(judged_as="by an earlier version")

    call_command("load_policies")

    assert not source.assets.filter(evaluated_at__isnull=False).exists()
    assert tasks.judgeable(now=NOW).get() == source


def test_a_tick_wakes_a_worker_for_what_waits(
    source: Source, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        tasks.tick(now=NOW + timedelta(hours=1))

    assert SyncRun.objects.filter(state="queued").count() == 1
    assert callbacks
