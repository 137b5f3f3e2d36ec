"""One watch step by step, over a platform that says what a test hands it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from findings import pipeline
from findings.watching import TRIES, Following
from inventory import ledger
from inventory.connectors.base import Changes, Unreadable
from inventory.heartbeat import Pulse
from inventory.models import Source, SyncRun, Watch
from inventory.records import Kind
from inventory.watching import lease
from tests.factories import SourceFactory
from tests.findings.test_pipeline import host, vm
from tests.inventory.fakes import FakeConnector

pytestmark = pytest.mark.django_db
BEING_MADE = Unreadable(kind=Kind.VM, ref="vm-9", name="new", reason="No identity yet.")


class FakePlatform:
    """`told` is what the next waits bring; `says` what is read then."""

    def __init__(self) -> None:
        self.told: list[Changes] = []
        self.says: list[Any] = []

    def begin(self) -> None: ...
    def prepare(self) -> None: ...
    def interrupt(self) -> None: ...

    def wait(self, seconds: int) -> Changes:
        return self.told.pop(0) if self.told else Changes()

    def read(self, changes: Changes, *, events_since: Any) -> Iterator[Any]:
        yield from self.says if changes else []


def live() -> tuple[Source, FakePlatform, Following]:
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    while (held := lease.claim()) is not None and held.source_id != source.pk:
        pass
    assert held is not None
    platform = FakePlatform()
    following = Following(held, platform)
    following.step()
    run = source.runs.get(state=SyncRun.State.QUEUED)
    claim = ledger.claim(run.pk)
    assert claim is not None
    found = FakeConnector(host(), vm(1))
    pipeline.see_through(claim, pulse=Pulse(claim), now=datetime.now(UTC), connector=found)
    following.step()
    assert following.is_live
    return source, platform, following


def confirmed(source: Source) -> datetime | None:
    return Watch.objects.get(source=source).confirmed_at


def test_what_cannot_be_read_yet_is_asked_for_again_and_not_taken_for_known() -> None:
    source, platform, following = live()
    before = confirmed(source)
    platform.told, platform.says = [Changes(touched=frozenset({"vm-9"}))], [BEING_MADE]
    following.step()
    assert confirmed(source) == before

    platform.says = [vm(9)]
    following.step()
    assert source.assets.filter(ref="vm-9").exists()
    assert confirmed(source) != before


def test_what_stays_unreadable_is_left_to_a_collection() -> None:
    source, platform, following = live()
    platform.told, platform.says = [Changes(touched=frozenset({"vm-9"}))], [BEING_MADE]
    for _ in range(TRIES + 1):
        assert following.is_live
        following.step()

    assert not following.is_live
    assert Watch.objects.get(source=source).state == Watch.State.CATCHING_UP
