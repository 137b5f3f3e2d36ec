"""How well the past is known: of a window, and of each stay."""

from __future__ import annotations

import pytest

from inventory.chronicle import observed
from inventory.chronicle.models import BlindInterval, Stay
from inventory.chronicle.windows import Window
from inventory.models import Source
from tests.factories import SourceFactory
from tests.inventory.chronicle.lives import at, collect, vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


def test_blind_intervals_of_a_window_are_told(source: Source) -> None:
    for hours in (0, 1, 6):
        collect(source, vm(1), hours=hours, events=())

    assert [one.began_at for one in observed.blind([source.pk], Window(at(2), at(3)))] == [at(1)]
    assert observed.blind([source.pk], Window(at(6), at(7))) == []


@pytest.mark.parametrize(
    ("began", "ended", "hides"),
    [
        (0, 1, False),
        (0, 1.5, True),  # it may have come then
        (2.2, 2.4, True),  # it may have been away and come back
        (3.5, 4, True),  # it may have left then
        (4, 5, False),
        (3, None, True),
        (4.5, None, False),
    ],
)
def test_a_stay_is_told_what_was_not_observed_from_its_first_to_its_last_possible_moment(
    source: Source, began: float, ended: float | None, hides: bool
) -> None:
    """It came between one and two o'clock and left between three and four."""
    for hours, host in ((0, "host-1"), (1, "host-1"), (2, "host-2"), (3, "host-2"), (4, "host-3")):
        collect(source, vm(1, host=host), hours=hours, events=())
    end = None if ended is None else at(ended)
    BlindInterval.objects.create(
        source=source, what="events", began_at=at(began), ended_at=end, cause="A gap."
    )
    stay = Stay.objects.get(place_ref="host-2")
    assert (stay.possibly_since, stay.valid_from) == (at(1), at(2))
    assert (stay.sure_until, stay.valid_to) == (at(3), at(4))

    found = observed.blind_during([stay])

    assert [one.cause for one in found[stay.pk]] == (["A gap."] if hides else [])


def test_an_open_stay_is_not_told_what_another_source_did_not_observe(source: Source) -> None:
    collect(source, vm(1), hours=0, events=())
    other = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    for each in (source, other):
        BlindInterval.objects.create(
            source=each, what="events", began_at=at(1), cause=f"Of {each.pk}."
        )
    [stay] = Stay.objects.filter(place_kind="host")

    [found] = observed.blind_during([stay])[stay.pk]

    assert found.cause == f"Of {source.pk}."
