"""Machines that no collection found: where the log tells of them, so do we."""

from __future__ import annotations

import pytest

from accounts.models import User
from inventory.chronicle import passing, timeline
from inventory.chronicle.windows import Window
from inventory.models import Asset, Source
from inventory.records import Host, Platform
from tests.factories import SourceFactory, TeamFactory, UserFactory
from tests.inventory.chronicle.lives import at, collect, event, places, read_until, run, vm
from tests.inventory.fakes import FakeConnector

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db: None) -> Source:
    """While web-1 ran on esx-1, web-9 was made there, started, moved away and removed."""
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    collect(source, vm(1), vm(2, host="host-2"), hours=0, events=())
    left = {"sourceHost.ref": "host-1"}
    told = (
        event(1, "VmCreatedEvent", 0.5, ref="vm-9", host_ref="host-1"),
        event(2, "VmPoweredOnEvent", 0.6, ref="vm-9", host_ref="host-1"),
        event(3, "VmMigratedEvent", 1, ref="vm-9", host_ref="host-2", detail=left),
        event(4, "VmRemovedEvent", 1.5, ref="vm-9", host_ref="host-2"),
    )
    collect(source, vm(1), vm(2, host="host-2"), hours=2, events=told)
    return source


@pytest.fixture
def analyst(db: None) -> User:
    return UserFactory(roles=["analyst"])


def asset(name: str) -> Asset:
    return Asset.objects.get(name=name)


def near(name: str, user: User, since: float, until: float) -> list[tuple[object, ...]]:
    found = passing.near(asset(name), user, window=Window(at(since), at(until)))
    return [
        (one.name, one.place.name if one.place else None, one.since, one.until) for one in found
    ]


@pytest.mark.usefixtures("source")
def test_who_came_and_went_between_two_collections_was_with_it(analyst: User) -> None:
    assert near("web-1", analyst, 0, 2) == [("web-9", "esx-1", at(0.6), at(1))]
    assert near("web-2", analyst, 0, 2) == [("web-9", "esx-2", at(1), at(1.5))]
    assert near("web-2", analyst, 0, 0.9) == []


@pytest.mark.usefixtures("source")
def test_a_host_says_who_passed_it(analyst: User) -> None:
    found = passing.on(asset("esx-1"), analyst, window=Window(at(0), at(2)))

    assert [(one.is_running, one.since, one.until) for one in found] == [
        (False, at(0.5), at(0.6)),
        (True, at(0.6), at(1)),
    ]
    assert passing.on(asset("esx-3"), analyst, window=Window(at(0), at(2))) == []
    assert passing.on(asset("san-1"), analyst, window=Window(at(0), at(2))) == []


@pytest.mark.usefixtures("source")
def test_who_sees_a_part_is_not_told_of_what_is_nobody_s() -> None:
    owner = UserFactory(roles=["remediator"], scope="teams")
    team = TeamFactory()
    owner.teams.add(team)
    Asset.objects.filter(name__in=("web-1", "esx-1")).update(team=team)

    assert near("web-1", owner, 0, 2) == []
    assert passing.on(asset("esx-1"), owner, window=Window(at(0), at(2))) == []


def test_a_machine_that_is_found_after_all_is_no_longer_seen_in_the_log_alone(
    source: Source, analyst: User
) -> None:
    collect(source, vm(1), vm(9), hours=3, events=())

    assert near("web-1", analyst, 0, 3) == []


def test_what_passed_a_host_that_was_added_again_stays_with_it(
    source: Source, analyst: User
) -> None:
    again = Host(platform=Platform.VSPHERE, uid="h1", ref="host-91", name="esx-1")
    others = [place for place in places() if place.ref != "host-1"]
    machines = (vm(1, host="host-91"), vm(2, host="host-2"))
    run(source, FakeConnector(*others, again, *machines, extra=(read_until(3),)), hours=3)

    found = passing.on(asset("esx-1"), analyst, window=Window(at(0), at(2)))
    told = timeline.events_of(asset("esx-1"), again, analyst)

    assert [one.name for one in found] == ["web-9", "web-9"]
    assert set(told.values_list("key", flat=True)) == {1, 2}
