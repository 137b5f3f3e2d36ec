"""One watch step by step, over a platform that says what a test hands it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from findings import pipeline
from findings.watching import TRIES, Following
from inventory import ledger
from inventory.connectors.base import Changes, Count, Doubt, Unreadable
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
        self.says: Iterable[Any] = []
        self.tags: dict[str, Any] = {}
        self.settled = 0

    def begin(self) -> None: ...
    def prepare(self) -> None: ...
    def interrupt(self) -> None: ...

    def wait(self, seconds: int) -> Changes:
        return self.told.pop(0) if self.told else Changes()

    def settle(self) -> None:
        self.settled += 1

    def read(self, changes: Changes, *, events_since: Any, tags: Any) -> Iterator[Any]:
        self.tags = tags()
        yield from self.says if changes else []


def live() -> tuple[Source, FakePlatform, Following]:
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    while (held := lease.claim()) is not None and held.source_id != source.pk:
        pass
    assert held is not None
    platform = FakePlatform()
    following = Following(held, platform)
    following.step()
    collect(source, FakeConnector(host(), vm(1), vm(2)))
    following.step()
    assert following.is_live
    platform.settled = 0
    return source, platform, following


def collect(source: Source, found: FakeConnector) -> None:
    """The collection that the watch asked for."""
    run = source.runs.get(state=SyncRun.State.QUEUED)
    claim = ledger.claim(run.pk)
    assert claim is not None
    pipeline.see_through(claim, pulse=Pulse(claim), now=datetime.now(UTC), connector=found)
    run.refresh_from_db()
    assert run.state == SyncRun.State.COMPLETE, run.causes


def state(source: Source) -> str:
    return Watch.objects.get(source=source).state


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


def test_a_known_machine_that_cannot_be_read_any_more_costs_one_collection() -> None:
    source, platform, following = live()
    odd = Unreadable(kind=Kind.VM, ref="vm-1", name="web-1", reason="It has no configuration.")
    platform.told, platform.says = [Changes(touched=frozenset({"vm-1"}))], [odd]
    following.step()
    assert state(source) == Watch.State.CATCHING_UP

    following.step()
    found = FakeConnector(host(), vm(2), extra=[odd, Count(kind=Kind.VM, expected=2)])
    collect(source, found)
    platform.told = [Changes(), Changes(touched=frozenset({"vm-1"}))]
    for _ in range(3):
        following.step()
        assert state(source) == Watch.State.LIVE
    assert source.assets.get(ref="vm-1").missing_since is None
    assert not source.runs.filter(state=SyncRun.State.QUEUED).exists()


def test_a_machine_that_is_moved_out_of_sight_costs_one_collection() -> None:
    source, platform, following = live()
    hidden = Doubt(kind=None, code="withheld", message="vm-1 is not listed any more, but is there.")
    platform.told, platform.says = [Changes(left=frozenset({"vm-1"}))], [hidden]
    following.step()
    assert state(source) == Watch.State.CATCHING_UP

    following.step()
    collect(source, FakeConnector(host(), vm(2)))
    following.step()
    assert state(source) == Watch.State.LIVE
    following.step()
    assert state(source) == Watch.State.LIVE


def test_what_was_read_is_settled_once_it_is_published_or_a_collection_will_tell_it() -> None:
    _, platform, following = live()
    platform.told, platform.says = [Changes(touched=frozenset({"vm-1"}))], [vm(1, owner="eve")]
    following.step()
    assert platform.settled == 1

    doubt = Doubt(kind=None, code="withheld", message="Somebody is not told.")
    platform.told, platform.says = [Changes(touched=frozenset({"vm-1"}))], [doubt]
    following.step()
    assert platform.settled == 2
    assert not following.is_live


def test_what_was_read_and_waits_for_a_collection_is_not_settled() -> None:
    """The events that made it read that are told again, and have to make it read again."""
    source, platform, following = live()
    platform.told = [Changes(touched=frozenset({"vm-1"}))]

    def meanwhile() -> Iterator[Any]:
        SyncRun.objects.create(
            source=source,
            state=SyncRun.State.RUNNING,
            requested_at=datetime.now(UTC),
            started_at=datetime.now(UTC),
            lease_expires_at=datetime.now(UTC) + timedelta(hours=1),
        )
        yield vm(1, owner="eve")

    platform.says = meanwhile()
    following.step()

    assert platform.settled == 0
    assert source.assets.get(name="web-1").owner == "ada"


def test_the_platform_is_told_which_tags_are_published() -> None:
    _, platform, following = live()
    platform.told = [Changes(touched=frozenset({"vm-1"}))]
    platform.says = [vm(1, tags={"Tier": ("gold",)})]
    following.step()
    platform.told, platform.says = [Changes(touched=frozenset({"vm-2"}))], []
    following.step()

    assert platform.tags == {"vm-1": {"Tier": ("gold",)}, "vm-2": None, "host-1": None}
