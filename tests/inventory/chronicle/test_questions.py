"""Who was with whom, who had which address, what a host ran: the answers, and who is told them."""

from __future__ import annotations

import pytest

from accounts.models import User
from inventory.chronicle import questions
from inventory.chronicle.windows import Window
from inventory.models import Asset, Source, Stay, Watch
from inventory.records import Host, Kind, Platform, PowerState
from tests.factories import SourceFactory, TeamFactory, UserFactory
from tests.inventory.chronicle.lives import at, collect, event, nic, places, read_until, run, vm
from tests.inventory.fakes import FakeConnector

pytestmark = pytest.mark.django_db
MAC = "00:00:00:00:00:0a"


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


@pytest.fixture
def analyst(db: None) -> User:
    return UserFactory(roles=["analyst"])


def machine(n: int) -> Asset:
    return Asset.objects.get(kind=Kind.VM, name=f"web-{n}")


def with_web_1(
    user: User, since: float, until: float, *, place: str = "host", now: float = 24
) -> dict[str, tuple[int, int]]:
    window = Window(at(since), at(until))
    found = questions.neighbours(machine(1), user, window=window, place=place, now=at(now))
    return {one.vm.name: (one.minutes, one.possible) for one in found.rows}


def test_machines_on_one_host_were_together_for_the_time_both_were_there(
    source: Source, analyst: User
) -> None:
    collect(source, vm(1), vm(2, host="host-2"), vm(3, host="host-3"), hours=0, events=())
    moved = (
        event(1, "VmMigratedEvent", 1, ref="vm-2", host_ref="host-1"),
        event(2, "VmMigratedEvent", 3, ref="vm-2", host_ref="host-2"),
    )
    collect(source, vm(1), vm(2, host="host-2"), vm(3, host="host-3"), hours=4, events=moved)

    assert with_web_1(analyst, 0, 4) == {"web-2": (120, 120)}
    assert with_web_1(analyst, 2, 4) == {"web-2": (60, 60)}
    assert with_web_1(analyst, 3, 4) == {}


def test_without_events_the_time_between_collections_is_only_possible(
    source: Source, analyst: User
) -> None:
    collect(source, vm(1), vm(2, host="host-2"), hours=0)
    collect(source, vm(1), vm(2, host="host-1"), hours=2)
    collect(source, vm(1), vm(2, host="host-1"), hours=3)
    collect(source, vm(1), vm(2, host="host-2"), hours=4)

    assert with_web_1(analyst, 0, 4) == {"web-2": (0, 240)}


def test_without_a_log_nobody_was_surely_with_anybody_however_often_it_was_looked(
    source: Source, analyst: User
) -> None:
    collect(source, vm(1), vm(2), hours=0)
    collect(source, vm(1), vm(2), hours=24)

    assert with_web_1(analyst, 0, 24) == {"web-2": (0, 24 * 60)}
    window = Window(at(0), at(24))
    [met] = questions.meetings(machine(1), machine(2), window=window, place="host", now=at(24))
    assert (met.minutes, met.possible) == (0, 24 * 60)


def test_once_there_is_a_log_it_is_sure_from_then_on(source: Source, analyst: User) -> None:
    collect(source, vm(1), vm(2), hours=0)
    collect(source, vm(1), vm(2), hours=2, events=(event(1, "VmPoweredOnEvent", 1, ref="vm-9"),))
    collect(source, vm(1), vm(2), hours=3, events=(event(1, "VmPoweredOnEvent", 1, ref="vm-9"),))

    assert with_web_1(analyst, 0, 3) == {"web-2": (120, 180)}


def test_a_machine_that_does_not_run_is_nobody_s_neighbour_on_a_host(
    source: Source, analyst: User
) -> None:
    off = vm(2, power_state=PowerState.OFF)
    unknown = vm(3, power_state=None)
    collect(source, vm(1), off, unknown, hours=0, events=())
    collect(source, vm(1), off, unknown, hours=2, events=())

    assert with_web_1(analyst, 0, 2) == {"web-3": (0, 120)}
    assert with_web_1(analyst, 0, 2, place="datastore") == {
        "web-2": (120, 120),
        "web-3": (120, 120),
    }


def test_nothing_is_known_of_the_time_after_the_last_collection(
    source: Source, analyst: User
) -> None:
    collect(source, vm(1), vm(2), hours=0, events=())
    collect(source, vm(1), vm(2), hours=1, events=())

    assert with_web_1(analyst, 0, 20) == {"web-2": (60, 60)}


def test_what_a_watch_told_is_known_until_it_told_it(source: Source, analyst: User) -> None:
    collect(source, vm(1), vm(2), hours=0, events=())
    Source.objects.filter(pk=source.pk).update(changed_at=at(2))

    assert with_web_1(analyst, 0, 20) == {"web-2": (120, 120)}


def test_while_a_watch_was_told_that_nothing_changed_it_is_known(
    source: Source, analyst: User
) -> None:
    collect(source, vm(1), vm(2), hours=0, events=())
    Watch.objects.create(source=source, confirmed_at=at(3))

    assert with_web_1(analyst, 0, 20) == {"web-2": (180, 180)}


def test_while_events_were_not_told_nobody_was_surely_with_anybody(
    source: Source, analyst: User
) -> None:
    for hours in (0, 4):
        collect(source, vm(1), vm(2), hours=hours, events=(event(1, "VmPoweredOnEvent", 0),))
    for what, since, until in (("events", 1, 2), ("events", 1.5, 2.5), ("inventory", 3, 4)):
        source.blind_intervals.create(what=what, began_at=at(since), ended_at=at(until), cause="")

    assert with_web_1(analyst, 0, 4) == {"web-2": (150, 240)}
    assert with_web_1(analyst, 1, 2) == {"web-2": (0, 60)}
    window = Window(at(0), at(4))
    [met] = questions.meetings(machine(1), machine(2), window=window, place="host", now=at(5))
    assert (met.minutes, met.possible) == (150, 240)


def test_the_proof_adds_up_to_the_answer(source: Source, analyst: User) -> None:
    collect(source, vm(1), vm(2), hours=0, events=())
    told = (
        event(1, "VmPoweredOffEvent", 0.5, ref="vm-2"),
        event(2, "VmPoweredOnEvent", 1, ref="vm-2"),
    )
    collect(source, vm(1), vm(2), hours=2, events=told)
    window = Window(at(0), at(2))

    met = questions.meetings(machine(1), machine(2), window=window, place="host", now=at(9))

    assert [(one.since, one.until, one.minutes) for one in met] == [
        (at(0), at(0.5), 30),
        (at(1), at(2), 60),
    ]
    assert with_web_1(analyst, 0, 2) == {"web-2": (90, 90)}


def test_who_sees_a_part_is_told_of_that_part_alone(source: Source) -> None:
    team = TeamFactory(name="Web")
    owner = UserFactory(roles=["remediator"], scope="teams")
    owner.teams.add(team)
    collect(source, vm(1), vm(2), vm(3), hours=0)
    collect(source, vm(1), vm(2), vm(3), hours=1)
    Asset.objects.filter(name__in=("web-1", "web-2")).update(team=team)
    window = Window(at(0), at(1))

    found = questions.neighbours(machine(1), owner, window=window, place="host", now=at(9))

    assert [(one.vm.name, one.place) for one in found.rows] == [("web-2", None)]
    assert (found.total, found.machines) == (1, 1)


def test_an_address_is_found_in_any_notation(source: Source, analyst: User) -> None:
    assert questions.as_mac("00-50-56-9A-00-01") == "00:50:56:9a:00:01"
    assert questions.as_mac("0050.569a.0001") == "00:50:56:9a:00:01"
    assert questions.as_mac("0050569A0001") == "00:50:56:9a:00:01"
    assert questions.as_mac("00:50:56:9a:00") == ""
    assert questions.as_mac("00:50:56:9a:00:0g") == ""


def test_an_address_belongs_to_whom_it_belonged_then(source: Source, analyst: User) -> None:
    collect(source, vm(1, mac=MAC), vm(2), hours=0)
    collect(source, vm(1, mac="00:00:00:00:00:0b"), vm(2, mac=MAC, host="host-2"), hours=2)

    early = questions.holders(MAC, analyst, at=at(0))
    late = questions.holders(MAC, analyst, at=at(2))
    between = questions.holders(MAC, analyst, at=at(1))

    assert [one.holding.vm.name for one in early] == ["web-1"]
    assert [one.holding.vm.name for one in late] == ["web-2"]
    assert {one.holding.vm.name for one in between} == {"web-1", "web-2"}  # either may have had it
    assert [stay.place.name for stay in late[0].stays if stay.place] == ["esx-2"]
    assert len(questions.holders(MAC, analyst)) == 2


def test_two_cards_with_one_address_are_both_named(source: Source, analyst: User) -> None:
    twice = (nic(MAC), nic(MAC, key="4001", network="network-2"))
    collect(source, vm(1, nics=twice), vm(2, mac=MAC), hours=0)

    assert len(questions.holders(MAC, analyst, at=at(0))) == 3


def test_an_address_of_another_team_is_nobody_s(source: Source) -> None:
    owner = UserFactory(roles=["remediator"], scope="teams")
    owner.teams.add(TeamFactory())
    collect(source, vm(1, mac=MAC), hours=0)

    assert questions.holders(MAC, owner) == []


def test_what_a_host_ran_on_a_day(source: Source, analyst: User) -> None:
    collect(source, vm(1), vm(2, host="host-2"), hours=0, events=())
    moved = event(1, "VmMigratedEvent", 30, ref="vm-1", host_ref="host-2")
    collect(source, vm(1, host="host-2"), vm(2, host="host-2"), hours=31, events=(moved,))
    host = Asset.objects.get(name="esx-1")

    def on(since: float, until: float) -> list[str]:
        stays = questions.ran(host, analyst, window=Window(at(since), at(until)))
        return [stay.vm.name for stay in stays]

    assert on(0, 24) == ["web-1"]
    assert on(24, 48) == ["web-1"]
    assert on(31, 48) == []


def test_a_host_that_was_added_again_still_ran_what_it_ran(source: Source, analyst: User) -> None:
    for hours in (0, 20):
        collect(source, vm(1), vm(2, host="host-2"), hours=hours, events=())
    again = Host(platform=Platform.VSPHERE, uid="h1", ref="host-91", name="esx-1")
    others = [place for place in places() if place.ref != "host-1"]
    machines = (vm(1, host="host-91"), vm(2, host="host-2"))
    run(source, FakeConnector(*others, again, *machines, extra=(read_until(30),)), hours=30)
    moved = event(2, "VmMigratedEvent", 31, ref="vm-2", host_ref="host-91")
    machines = (vm(1, host="host-91"), vm(2, host="host-91"))
    extra = (moved, read_until(32))
    run(source, FakeConnector(*others, again, *machines, extra=extra), hours=32)
    host = Asset.objects.get(name="esx-1")

    def on(since: float, until: float) -> set[str]:
        stays = questions.ran(host, analyst, window=Window(at(since), at(until)))
        return {stay.vm.name for stay in stays}

    assert on(0, 10) == {"web-1"}
    assert on(31, 32) == {"web-1", "web-2"}
    assert with_web_1(analyst, 0, 40, now=40) == {"web-2": (60, 60)}


def test_a_host_is_not_said_to_have_run_what_another_of_its_name_ran(
    source: Source, analyst: User
) -> None:
    """A platform that was restored from a backup gives names again."""
    collect(source, vm(1), hours=0, events=())
    hosts = (
        Host(platform=Platform.VSPHERE, uid="h1", ref="host-91", name="esx-1"),
        Host(platform=Platform.VSPHERE, uid="h9", ref="host-1", name="esx-9"),
    )
    others = [place for place in places() if place.ref != "host-1"]
    machines = (vm(1, host="host-91"), vm(2, host="host-1"))
    run(source, FakeConnector(*others, *hosts, *machines, extra=(read_until(3),)), hours=3)

    def ran(name: str, since: float, until: float) -> set[str]:
        host = Asset.objects.get(name=name)
        stays = questions.ran(host, analyst, window=Window(at(since), at(until)))
        return {stay.vm.name for stay in stays}

    assert ran("esx-1", 0, 2) == {"web-1"}
    assert ran("esx-9", 0, 4) == {"web-2"}


def test_who_was_where_nobody_collected_was_together_all_the_same(
    source: Source, analyst: User
) -> None:
    """One came before the host was collected, the other afterwards."""
    collect(source, vm(1, host="host-7"), hours=0, events=())
    seventh = Host(platform=Platform.VSPHERE, uid="h7", ref="host-7", name="esx-7")
    machines = (vm(1, host="host-7"), vm(2, host="host-7"))
    extra = (event(1, "VmPoweredOnEvent", 1, ref="vm-2", host_ref="host-7"), read_until(2))
    run(source, FakeConnector(*places(), seventh, *machines, extra=extra), hours=2)

    assert with_web_1(analyst, 0, 2) == {"web-2": (60, 60)}


def test_two_platforms_that_call_a_host_the_same_have_two_hosts() -> None:
    there = {"place_kind": "host", "place_ref": "host-7"}

    assert Stay(source_id=1, **there).is_where(Stay(source_id=1, **there))
    assert not Stay(source_id=1, **there).is_where(Stay(source_id=2, **there))
