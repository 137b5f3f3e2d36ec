"""Events on their way into the chronicle: each once, and what was not told is a blind interval."""

from __future__ import annotations

import pytest

from inventory.connectors.base import EventsRead
from inventory.models import BlindInterval, PlatformEvent, Source, StagedEvent
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
    collect(source, vm(), hours=2, events=())

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
    told = (event(1, "VmPoweredOnEvent", 3), EventsRead(until=at(3.1), skew_seconds=ahead))
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

    assert [interval[0] for interval in blind(source)] == [at(0.5)]


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


def test_a_source_that_was_silent_for_two_intervals_was_not_observed(source: Source) -> None:
    collect(source, vm(), hours=0)
    collect(source, vm(), hours=1)
    collect(source, vm(), hours=5)

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
