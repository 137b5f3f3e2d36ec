"""Events on their way into the chronicle: each once, and what was not told is a blind interval."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from inventory.connectors.base import EventsRead
from inventory.models import Asset, BlindInterval, PlatformEvent, Source, StagedEvent, Stay
from inventory.records import VirtualMachine
from tests.factories import SourceFactory
from tests.inventory.chronicle.lives import at, collect, event, places, read_until, run, vm
from tests.inventory.fakes import FakeConnector

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


def blind(source: Source) -> list[tuple[object, object]]:
    of_events = source.blind_intervals.filter(what=BlindInterval.What.EVENTS)
    return list(of_events.order_by("began_at").values_list("began_at", "ended_at"))


def test_an_event_is_kept_once_however_often_it_is_told(source: Source) -> None:
    moved = event(7, "VmMigratedEvent", 0.5, host_ref="host-2", user="DRS")
    collect(source, vm(), hours=0, events=())
    first = collect(source, vm(host="host-2"), hours=1, events=(moved,))
    again = collect(source, vm(host="host-2"), hours=2, events=(moved,))

    kept = PlatformEvent.objects.get()
    assert (kept.key, kept.type, kept.user_name) == (7, "VmMigratedEvent", "DRS")
    assert kept.vm is not None
    assert kept.vm.name == "web-1"
    assert (first.events["new"], again.events["new"]) == (1, 0)
    assert not StagedEvent.objects.exists()


def test_a_number_that_a_restored_platform_gives_again_is_another_event(source: Source) -> None:
    collect(source, vm(), hours=1, events=(event(7, "VmPoweredOffEvent", 0.5),))
    collect(source, vm(), hours=2, events=(event(7, "VmPoweredOnEvent", 1.5),))

    assert set(PlatformEvent.objects.values_list("type", flat=True)) == {
        "VmPoweredOffEvent",
        "VmPoweredOnEvent",
    }


def test_the_next_collection_goes_on_after_the_newest_event(source: Source) -> None:
    later = event(4, "VmPoweredOffEvent", 0.9)
    collect(source, vm(), hours=1, events=(later, event(3, "VmPoweredOnEvent", 0.5)))
    collect(source, vm(), hours=2, events=(later,))

    assert (source.events_at, source.events_key) == (later.at, 4)


def test_a_clock_that_is_wrong_is_put_right(source: Source) -> None:
    told = event(1, "VmPoweredOffEvent", 3.5)
    extra = (told, EventsRead(until=at(4), skew_seconds=3 * 3600))
    run(source, FakeConnector(*places(), vm(), extra=extra), hours=1)

    kept = PlatformEvent.objects.get()
    assert (kept.created_at, kept.happened_at) == (at(3.5), at(0.5))


def test_what_the_platform_forgot_is_a_blind_interval(source: Source) -> None:
    collect(source, vm(), hours=0, events=(event(1, "VmPoweredOnEvent", 0),))
    cut = EventsRead(until=at(9), oldest_at=at(8))
    seen = event(5, "VmPoweredOffEvent", 8)
    run(source, FakeConnector(*places(), vm(), extra=(seen, cut)), hours=9)

    assert blind(source) == [(at(0), at(8))]


def test_the_clock_of_a_platform_does_not_move_what_it_forgot(source: Source) -> None:
    ahead = 3 * 3600
    told = (event(1, "VmPoweredOnEvent", 3), EventsRead(until=at(3), skew_seconds=ahead))
    run(source, FakeConnector(*places(), vm(), extra=told), hours=0)
    cut = (
        event(5, "VmPoweredOffEvent", 11),
        EventsRead(until=at(12), oldest_at=at(11), skew_seconds=ahead),
    )
    run(source, FakeConnector(*places(), vm(), extra=cut), hours=9)

    assert blind(source) == [(at(0), at(8))]


def test_a_number_that_came_again_at_another_time_is_not_the_newest_known_event(
    source: Source,
) -> None:
    collect(source, vm(), hours=1, events=(event(7, "VmPoweredOffEvent", 0.5),))
    collect(source, vm(), hours=2, events=(event(7, "VmPoweredOnEvent", 1.5),))

    assert blind(source) == [(at(1), at(1.5))]


def test_a_log_that_cannot_be_read_is_blind_until_it_can_be_and_nothing_was_lost(
    source: Source,
) -> None:
    collect(source, vm(), hours=0, events=(event(1, "VmPoweredOnEvent", 0),))
    refused = EventsRead(problem="vCenter refused to tell its events (NoPermission).")
    for hours in (1, 2):
        run(source, FakeConnector(*places(), vm(), extra=(refused,)), hours=hours)
    assert blind(source) == [(at(0), None)]

    collect(source, vm(), hours=3, events=(event(1, "VmPoweredOnEvent", 0),))

    assert blind(source) == []


def test_a_log_that_is_empty_time_and_again_was_cut_once(source: Source) -> None:
    collect(source, vm(), hours=0, events=(event(1, "VmPoweredOnEvent", 0),))
    for hours in (1, 2, 3):
        collect(source, vm(), hours=hours, events=())

    assert blind(source) == [(at(0), at(1))]


def test_what_was_read_before_the_log_was_cut_stays_told(source: Source) -> None:
    known = event(1, "VmPoweredOnEvent", 0)
    for hours in (0, 1, 2):
        collect(source, vm(), hours=hours, events=(known,))
    collect(source, vm(), hours=9, events=(event(5, "VmPoweredOffEvent", 8),))

    assert blind(source) == [(at(2), at(8))]


def test_a_log_that_was_cut_and_then_cannot_be_read_is_blind_again(source: Source) -> None:
    collect(source, vm(), hours=0, events=(event(1, "VmPoweredOnEvent", 0),))
    collect(source, vm(), hours=1, events=())
    refused = EventsRead(problem="vCenter refused to tell its events (NoPermission).")
    for hours in (2, 3):
        run(source, FakeConnector(*places(), vm(), extra=(refused,)), hours=hours)

    assert blind(source) == [(at(0), at(1)), (at(1), None)]


def test_what_was_read_before_a_reading_failed_does_not_hide_that_the_log_was_cut(
    source: Source,
) -> None:
    collect(source, vm(), hours=0, events=(event(1, "VmPoweredOnEvent", 0),))
    broken = (event(8, "VmPoweredOffEvent", 5), EventsRead(problem="The connection was lost."))
    run(source, FakeConnector(*places(), vm(), extra=broken), hours=6)
    collect(source, vm(), hours=7, events=(event(8, "VmPoweredOffEvent", 5),))

    assert blind(source) == [(at(0), at(5))]


def test_a_source_without_a_log_is_blind_between_its_collections(source: Source) -> None:
    collect(source, vm(), hours=0)
    collect(source, vm(), hours=1)
    assert blind(source) == [(at(0), None)]

    collect(source, vm(), hours=3, events=(event(1, "VmPoweredOnEvent", 2),))
    assert blind(source) == [(at(0), at(2))]

    collect(source, vm(), hours=4)
    assert blind(source) == [(at(0), at(2)), (at(3), None)]


def test_more_than_is_read_at_once_is_blind_until_it_is_read(source: Source) -> None:
    early, late = event(1, "VmPoweredOffEvent", 0.5), event(2, "VmPoweredOnEvent", 3)
    cut = EventsRead(until=at(0.5), is_cut=True)
    run(source, FakeConnector(*places(), vm(), extra=(early, cut)), hours=4)
    assert blind(source) == [(at(0.5), None)]
    assert source.events_until == at(0.5)

    collect(source, vm(), hours=5, events=(early, late))

    assert blind(source) == []
    assert source.events_until == at(5)


def test_what_is_cut_before_it_comes_to_anything_new_leaves_the_rest_blind(source: Source) -> None:
    known = event(9, "VmPoweredOnEvent", 2)
    collect(source, vm(), hours=2, events=(known,))
    old = (event(1, "VmPoweredOffEvent", 0.5), EventsRead(until=at(0.5), is_cut=True))
    run(source, FakeConnector(*places(), vm(), extra=old), hours=4)

    assert blind(source) == [(at(2), None)]
    assert (source.events_at, source.events_key) == (known.at, 9)


def test_a_clock_that_was_set_back_does_not_keep_the_next_reading_from_what_is_new(
    source: Source,
) -> None:
    ahead = event(1, "VmPoweredOnEvent", 24)
    told = (ahead, EventsRead(until=at(24), skew_seconds=24 * 3600))
    run(source, FakeConnector(*places(), vm(), extra=told), hours=0)
    collect(source, vm(), hours=1, events=(event(2, "VmPoweredOffEvent", 0.5), ahead))

    assert (source.events_at, source.events_key) == (at(0.5), 2)
    assert blind(source) == []


def test_a_source_that_was_silent_for_two_intervals_was_not_observed(source: Source) -> None:
    for hours in (0, 1, 5):
        collect(source, vm(), hours=hours, events=())

    silent = source.blind_intervals.get()
    assert (silent.what, silent.began_at, silent.ended_at) == ("inventory", at(1), at(5))


def test_events_before_the_first_collection_of_a_machine_become_its_own(source: Source) -> None:
    collect(source, vm(1), hours=0, events=())
    born = event(9, "VmCreatedEvent", 0.9, ref="vm-2", host_ref="host-1")
    collect(source, vm(1), hours=1, events=(born,))  # it came after the machines had been read
    assert PlatformEvent.objects.get().vm is None

    collect(source, vm(1), vm(2), hours=2, events=())

    kept = PlatformEvent.objects.get()
    assert kept.vm is not None
    assert kept.vm.name == "web-2"


def again(n: int = 1, **facts: Any) -> VirtualMachine:
    """The machine after it was registered again: the platform calls it otherwise."""
    return msgspec.structs.replace(vm(n, **facts), ref=f"vm-8{n}")


def test_what_happened_before_a_machine_was_registered_again_is_its_own(source: Source) -> None:
    collect(source, vm(1, host="host-1"), hours=0, events=())
    left = {"sourceHost.ref": "host-1"}
    told = (
        event(1, "VmMigratedEvent", 0.5, host_ref="host-2", detail=left),
        event(2, "VmRemovedEvent", 1.5, host_ref="host-2"),
        event(3, "VmRegisteredEvent", 1.6, ref="vm-81", host_ref="host-1"),
        event(4, "VmPoweredOnEvent", 1.7, ref="vm-81", host_ref="host-1"),
    )
    collect(source, again(1, host="host-1"), hours=2, events=told)

    assert set(PlatformEvent.objects.values_list("vm__name", flat=True)) == {"web-1"}
    stays = Stay.objects.filter(place_kind="host").order_by("valid_from")
    assert list(stays.values_list("place_ref", "is_running", "valid_from", "valid_to")) == [
        ("host-1", True, at(0), at(0.5)),
        ("host-2", True, at(0.5), at(1.5)),
        ("host-1", False, at(1.6), at(1.7)),
        ("host-1", True, at(1.7), None),
    ]


def test_what_a_machine_was_called_is_known_when_its_events_come_late(source: Source) -> None:
    collect(source, vm(1), hours=0)
    collect(source, again(1), hours=2)
    moved = event(1, "VmMigratedEvent", 0.5, host_ref="host-2")
    collect(source, again(1), hours=3, events=(moved,))

    kept = PlatformEvent.objects.get()
    assert kept.vm is not None
    assert kept.vm.name == "web-1"


def test_what_came_before_it_was_known_what_a_machine_is_called_becomes_its_own(
    source: Source,
) -> None:
    collect(source, vm(1), hours=0, events=())
    registered = event(3, "VmRegisteredEvent", 0.9, ref="vm-81", host_ref="host-1")
    collect(source, vm(1), hours=1, events=(registered,))  # the machines had been read before
    assert PlatformEvent.objects.get().vm is None

    collect(source, again(1), hours=2, events=(registered,))

    assert PlatformEvent.objects.get().vm == Asset.objects.get(name="web-1")


def test_events_of_a_cancelled_attempt_are_not_published(source: Source) -> None:
    collect(source, vm(), hours=0, events=())
    StagedEvent.objects.create(
        run=source.runs.latest("pk"), token=99, key=1, event={"type": "VmRemovedEvent"}
    )
    collect(source, vm(), hours=1, events=())

    assert not PlatformEvent.objects.exists()


def test_text_that_the_database_refuses_is_made_visible(source: Source) -> None:
    told = event(1, "VmPoweredOffEvent", 0.5, user="a\0b", detail={"x\0": "\ud800"})
    collect(source, vm(), hours=1, events=(told,))

    kept = PlatformEvent.objects.get()
    assert (kept.user_name, kept.detail) == ("a␀b", {"x␀": "\ufffd"})


def test_a_run_that_reads_only_events_again_moves_nothing(source: Source) -> None:
    extra = (event(1, "VmPoweredOffEvent", 0.5), read_until(1, unreadable=2))
    told = run(source, FakeConnector(*places(), vm(), extra=extra), hours=1)

    assert told.events == {"new": 1, "unreadable": 2, "problem": ""}
    assert source.blind_intervals.count() == 0
