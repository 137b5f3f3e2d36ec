"""Some weeks of a small estate, governed by the real pipeline under past clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Team
from findings import pipeline
from inventory import ledger
from inventory.heartbeat import Pulse
from inventory.models import Source, SyncRun
from inventory.records import Host, Platform, VirtualMachine
from policies.loading import load_shipped
from tests.factories import SourceFactory, TeamFactory
from tests.inventory.fakes import FakeConnector

DAY = timedelta(days=1)
TEAMS = ("Alices", "Bobs")


def build(*, now: datetime, days: tuple[int, ...] = (40, 20, 12, 5, 1), size: int = 6) -> Source:
    """One source, collected on some days: machines lose their snapshots or owners over time."""
    load_shipped()
    for name in TEAMS:
        if not Team.objects.filter(name=name).exists():
            TeamFactory(name=name)
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    Source.objects.filter(pk=source.pk).update(created_at=now - (max(days) + 1) * DAY)
    for number, ago in enumerate(days):
        collect(source, records(number, size), at=now - ago * DAY)
    source.refresh_from_db()
    return source


def collect(source: Source, found: list[Any], *, at: datetime) -> SyncRun:
    run = SyncRun.objects.create(source=source, requested_at=at)
    held = ledger.claim(run.pk)
    assert held is not None
    pipeline.see_through(held, pulse=Pulse(held), now=at, connector=FakeConnector(*found))
    run.refresh_from_db()
    assert run.published_at is not None
    SyncRun.objects.filter(pk=run.pk).update(started_at=at, finished_at=at)
    return run


def records(number: int, size: int) -> list[Any]:
    """What the source holds at its nth collection: differs in owners, classes and logging."""
    machines = [
        VirtualMachine(
            platform=Platform.VSPHERE,
            uid=f"uuid-{n}",
            ref=f"vm-{n}",
            name=f"machine-{n}",
            team=TEAMS[n % 2],
            classification=("public", "confidential", "")[n % 3],
            owner="" if (n + number) % 3 == 0 else "ada@example.org",
            logging_enabled=None if n == 0 else (n + number) % 2 == 0,
            host_ref="host-1",
        )
        for n in range(size)
    ]
    host = Host(platform=Platform.VSPHERE, uid="h", ref="host-1", name="esx-1")
    return [*machines, host]
