"""Who was where: what stands in the database after collections and events."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from inventory.chronicle import following
from inventory.connectors.base import Doubt
from inventory.models import Asset, MacHolding, PlatformEvent, Source, Stay
from inventory.records import Kind, PowerState
from tests.factories import SourceFactory
from tests.inventory.chronicle.lives import (
    at,
    collect,
    event,
    image,
    nic,
    places,
    read_until,
    run,
    vm,
)
from tests.inventory.fakes import FakeConnector

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


def hosts(name: str = "web-1") -> list[tuple[object, ...]]:
    stays = Stay.objects.filter(vm__name=name, place_kind=Stay.Place.HOST).order_by("valid_from")
    return [
        (stay.place.name if stay.place else None, stay.valid_from, stay.valid_to, stay.basis)
        for stay in stays
    ]


def test_a_machine_stays_where_it_is_seen(source: Source) -> None:
    collect(source, vm(), hours=0)
    collect(source, vm(), hours=1)

    assert hosts() == [("esx-1", at(0), None, "first")]
    on_others = Stay.objects.exclude(place_kind="host").values_list("place__name", "place_kind")
    assert set(on_others) == {("san-1", "datastore"), ("VM Network", "network")}
    holding = MacHolding.objects.get()
    assert (holding.mac, holding.network.name if holding.network else "") == (
        "00:50:56:00:00:01",
        "VM Network",
    )


def test_a_move_is_dated_by_its_event_and_otherwise_by_the_collections(source: Source) -> None:
    collect(source, vm(1), vm(2), hours=0, events=())
    moved = event(1, "VmMigratedEvent", 0.25, host_ref="host-2")
    collect(source, vm(1, host="host-2"), vm(2, host="host-3"), hours=1, events=(moved,))

    assert hosts("web-1") == [
        ("esx-1", at(0), at(0.25), "first"),
        ("esx-2", at(0.25), None, "event"),
    ]
    other = Stay.objects.get(vm__name="web-2", place__name="esx-3")
    assert (other.began_after, other.valid_from, other.basis) == (at(0), at(1), "poll")


def test_a_move_and_back_between_two_collections_is_kept(source: Source) -> None:
    collect(source, vm(), hours=0, events=())
    told = (
        event(1, "DrsVmMigratedEvent", 0.25, host_ref="host-2"),
        event(2, "DrsVmMigratedEvent", 0.5, host_ref="host-1"),
    )
    collect(source, vm(), hours=1, events=told)

    assert [stay[:3] for stay in hosts()] == [
        ("esx-1", at(0), at(0.25)),
        ("esx-2", at(0.25), at(0.5)),
        ("esx-1", at(0.5), None),
    ]


def test_events_that_arrive_late_date_what_was_known_already(source: Source) -> None:
    collect(source, vm(), hours=0)
    collect(source, vm(host="host-2"), hours=1)
    assert hosts()[1][1:] == (at(1), None, "poll")

    moved = event(1, "VmMigratedEvent", 0.5, host_ref="host-2")
    collect(source, vm(host="host-2"), hours=2, events=(moved,))

    assert hosts()[1][1:] == (at(0.5), None, "event")


def test_what_is_missing_ended_after_it_was_last_seen(source: Source) -> None:
    collect(source, vm(1), vm(2), hours=0)
    collect(source, vm(1), vm(2), hours=1)
    collect(source, vm(2), hours=2)
    missing = Stay.objects.get(vm__name="web-1", place_kind="host")
    assert (missing.sure_until, missing.valid_to) == (at(1), at(2))

    collect(source, vm(2), hours=3)

    assert hosts() == [("esx-1", at(0), at(2), "first")]
    assert not MacHolding.objects.filter(vm__name="web-1", valid_to=None).exists()


def test_a_machine_that_comes_back_stays_again(source: Source) -> None:
    for hours, machines in enumerate([(vm(),), (), (), (vm(host="host-2"),)]):
        collect(source, vm(2), *machines, hours=hours)

    assert [(stay[0], stay[1], stay[2]) for stay in hosts()] == [
        ("esx-1", at(0), at(1)),
        ("esx-2", at(3), None),
    ]


def test_a_removed_machine_ended_at_the_event(source: Source) -> None:
    collect(source, vm(1), vm(2), hours=0, events=())
    collect(source, vm(2), hours=2, events=(event(1, "VmRemovedEvent", 0.5),))

    assert hosts() == [("esx-1", at(0), at(0.5), "first")]


def test_after_events_were_forgotten_a_move_tells_where_it_moved_from(source: Source) -> None:
    machines = [vm(1), vm(2)]
    collect(source, *machines, hours=0, events=(event(1, "VmPoweredOnEvent", 0),))
    detail = {"sourceHost.ref": "host-2"}
    moved = event(9, "VmMigratedEvent", 5, host_ref="host-3", detail=detail)
    cut = (event(8, "VmPoweredOnEvent", 4, ref="vm-3"), moved)
    extra = (*cut, read_until(6, oldest_at=at(4)))
    run(source, FakeConnector(*places(), vm(1, host="host-3"), vm(2), extra=extra), hours=6)

    assert hosts("web-1") == [
        ("esx-1", at(0), at(4), "first"),
        ("esx-2", at(4), at(5), "poll"),
        ("esx-3", at(5), None, "event"),
    ]
    first = Stay.objects.get(vm__name="web-1", place__name="esx-1")
    assert first.sure_until == at(0)


def test_what_was_found_unchanged_after_a_gap_is_sure_again(source: Source) -> None:
    collect(source, vm(1), hours=0, events=(event(1, "VmPoweredOnEvent", 0),))
    cut = (event(8, "VmPoweredOnEvent", 4, ref="vm-3"), read_until(6, oldest_at=at(4)))
    run(source, FakeConnector(*places(), vm(1), extra=cut), hours=6)
    moved = event(9, "VmMigratedEvent", 7, host_ref="host-3")
    known = event(8, "VmPoweredOnEvent", 4, ref="vm-3")
    collect(source, vm(1, host="host-3"), hours=8, events=(known, moved))

    first = Stay.objects.get(vm__name="web-1", place__name="esx-1")
    assert (first.sure_until, first.valid_to) == (at(7), at(7))


def test_a_template_that_events_tell_of_stays_nowhere(source: Source) -> None:
    collect(source, vm(1), hours=0, events=())
    told = event(1, "VmClonedEvent", 0.5, ref="vm-2", host_ref="host-1")
    extra = (told, read_until(1))
    run(source, FakeConnector(*places(), vm(1), image(2), extra=extra), hours=1)

    assert PlatformEvent.objects.get().vm == Asset.objects.get(kind="image")
    assert set(Stay.objects.values_list("vm__kind", flat=True)) == {"vm"}


def test_what_happens_to_a_template_that_is_a_machine_again_is_the_machines(
    source: Source,
) -> None:
    """A template is an asset of its own; the two share what the platform calls the machine."""
    golden = image(9)
    moved = event(1, "VmMigratedEvent", 1.5, ref="vm-2", host_ref="host-2")
    for hours, machines, told in (
        (0, (vm(1), vm(2), golden), ()),
        (1, (vm(1), image(2), golden), ()),
        (2, (vm(1), vm(2, host="host-2"), golden), (moved,)),
    ):
        extra = (*told, read_until(hours))
        run(source, FakeConnector(*places(), *machines, extra=extra), hours=hours)

    assert PlatformEvent.objects.get().vm == Asset.objects.get(kind="vm", name="web-2")
    assert hosts("web-2")[-1] == ("esx-2", at(1.5), None, "event")


def test_a_partial_collection_ends_no_stay(source: Source) -> None:
    collect(source, vm(1), vm(2), hours=0)
    doubt = Doubt(kind=Kind.VM, code="missing-page", message="A page is missing.")
    run(source, FakeConnector(*places(), vm(1), extra=(doubt,)), hours=1)

    assert hosts("web-2") == [("esx-1", at(0), None, "first")]


def test_a_collection_that_could_not_tell_the_host_moves_nothing(source: Source) -> None:
    collect(source, vm(), hours=0)
    collect(source, vm(host=None, power_state=None, nics=None), hours=1)

    assert hosts() == [("esx-1", at(0), None, "first")]
    assert MacHolding.objects.get().valid_to is None


def test_a_move_while_it_was_collected_elsewhere_is_dated_by_its_event(source: Source) -> None:
    collect(source, vm(1, host="host-2"), hours=0, events=())
    moved = event(1, "VmMigratedEvent", 1.1, host_ref="host-1")
    carried = FakeConnector(*places(), vm(1, host="host-1"), extra=(read_until(1.2),))
    carried.true_at, carried.true_until = at(1), at(1.2)  # type: ignore[attr-defined]
    run(source, carried, hours=3)
    late = FakeConnector(*places(), vm(1, host="host-1"), extra=(moved, read_until(3)))
    run(source, late, hours=3.5)

    assert hosts() == [
        ("esx-2", at(0), at(1.1), "first"),
        ("esx-1", at(1.1), None, "event"),
    ]


def test_power_divides_a_stay(source: Source) -> None:
    collect(source, vm(), hours=0)
    collect(source, vm(power_state=PowerState.OFF), hours=1)

    stays = Stay.objects.filter(place_kind="host").order_by("valid_from")
    assert [(stay.is_running, stay.valid_from) for stay in stays] == [
        (True, at(0)),
        (False, at(1)),
    ]


def test_an_address_that_changes_is_two_holdings(source: Source) -> None:
    collect(source, vm(mac="00:00:00:00:00:0a"), hours=0, events=())
    changed = event(
        1,
        "VmMacChangedEvent",
        0.5,
        detail={"oldMac": "00:00:00:00:00:0a", "newMac": "00:00:00:00:00:0b"},
    )
    collect(source, vm(mac="00:00:00:00:00:0b"), hours=1, events=(changed,))

    assert list(
        MacHolding.objects.order_by("valid_from").values_list("mac", "valid_from", "valid_to")
    ) == [("00:00:00:00:00:0a", at(0), at(0.5)), ("00:00:00:00:00:0b", at(0.5), None)]


def test_a_card_on_another_network_holds_its_address_there(source: Source) -> None:
    collect(source, vm(nics=(nic("00:00:00:00:00:0a"),)), hours=0)
    collect(source, vm(nics=(nic("00:00:00:00:00:0a", network="network-9"),)), hours=1)

    held = MacHolding.objects.order_by("valid_from").values_list("network_ref", "network__name")
    assert list(held) == [("network-1", "VM Network"), ("network-9", None)]


def test_nothing_is_written_when_nothing_is_new(source: Source) -> None:
    collect(source, vm(1), vm(2), hours=0)
    before = sorted(Stay.objects.values_list("pk"))
    machines = source.assets.filter(kind="vm").values_list("pk", flat=True)

    assert following.follow(source, machines) == 0
    collect(source, vm(1), vm(2, host="host-2"), hours=1)

    kept = set(before) & set(Stay.objects.filter(vm__name="web-1").values_list("pk"))
    assert len(kept) == 3


def test_machines_that_were_known_before_are_followed_by_the_next_collection(
    source: Source,
) -> None:
    collect(source, vm(), hours=0)
    collect(source, vm(host="host-2"), hours=1)
    Stay.objects.all().delete()
    MacHolding.objects.all().delete()

    collect(source, vm(host="host-2"), hours=2)

    assert [stay[:3] for stay in hosts()] == [("esx-1", at(0), at(1)), ("esx-2", at(1), None)]


def test_the_database_refuses_a_second_open_stay_on_a_host(source: Source) -> None:
    collect(source, vm(), hours=0)
    machine = Asset.objects.get(name="web-1")

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inventory_stay"
            " (vm_id, source_id, place_kind, place_ref, valid_from, basis)"
            " VALUES (%s, %s, 'host', 'host-9', now(), 'poll')",
            [machine.pk, source.pk],
        )
