"""What held when, from collections and events: single cases, and random lives against the truth."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from inventory.chronicle.intervals import (
    EVENT,
    FIRST,
    HOST,
    POLL,
    Card,
    Gap,
    Gone,
    Held,
    Host,
    Key,
    Poll,
    Told,
    derive,
)

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
NIC = Key("nic", "4000")


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def poll(hours: float, before: float | None, **state: object) -> Poll:
    holdings: dict[Key, object] = {}
    if "host" in state:
        holdings[HOST] = Host(str(state["host"]), state.get("on", True))  # type: ignore[arg-type]
    if "mac" in state:
        holdings[NIC] = card(str(state["mac"]))
    for ref in state.get("datastores", ()):  # type: ignore[attr-defined]
        holdings[Key("datastore", ref)] = True
    return Poll(
        at=at(hours),
        until=at(hours) + timedelta(minutes=2),
        before=None if before is None else at(before),
        state=holdings,
    )


def card(mac: str) -> Card:
    return Card(mac, "network-1", "VM Network", "Network adapter 1", "assigned")


def hosts(held: list[Held]) -> list[tuple[object, ...]]:
    return [
        (one.value.ref, one.began_after, one.valid_from, one.sure_until, one.valid_to, one.basis)
        for one in held
        if one.key == HOST
    ]


def test_what_was_seen_first_began_nobody_knows_when() -> None:
    assert hosts(derive([poll(0, None, host="a")], [])) == [("a", None, at(0), None, None, FIRST)]


def test_a_move_that_only_the_next_collection_shows_lies_between_the_two() -> None:
    held = derive([poll(0, None, host="a"), poll(2, 1, host="b")], [])

    assert hosts(held) == [
        ("a", None, at(0), at(1), at(2), FIRST),
        ("b", at(1), at(2), None, None, POLL),
    ]


def test_an_event_says_when_a_machine_moved() -> None:
    moved = Told(at=at(1.5), host_ref="b")
    held = derive([poll(0, None, host="a"), poll(2, 1, host="b")], [moved])

    assert hosts(held) == [
        ("a", None, at(0), at(1.5), at(1.5), FIRST),
        ("b", at(1.5), at(1.5), None, None, EVENT),
    ]


def test_there_and_back_between_two_collections_is_known_by_events_alone() -> None:
    told = [Told(at=at(0.2), host_ref="b"), Told(at=at(0.4), host_ref="a")]
    held = derive([poll(0, None, host="a")], told)

    assert [(one[0], one[2], one[4]) for one in hosts(held)] == [
        ("a", at(0), at(0.2)),
        ("b", at(0.2), at(0.4)),
        ("a", at(0.4), None),
    ]


def test_a_move_while_the_collection_read_counts_and_not_what_it_read_before() -> None:
    moved = Told(at=at(2) + timedelta(minutes=1), host_ref="b")
    held = derive([poll(0, None, host="a"), poll(2, 1, host="a", datastores=["d"])], [moved])

    assert [(one[0], one[4]) for one in hosts(held)] == [("a", moved.at), ("b", None)]


def test_a_machine_that_a_collection_contradicts_is_where_the_collection_saw_it() -> None:
    held = derive([poll(0, None, host="a"), poll(2, 1, host="c")], [Told(at=at(0.5), host_ref="b")])

    assert hosts(held)[-1] == ("c", at(1), at(2), None, None, POLL)


def test_power_is_a_stay_of_its_own() -> None:
    held = derive([poll(0, None, host="a", on=True)], [Told(at=at(1), is_running=False)])

    assert [(one.value.is_running, one.valid_from) for one in held] == [
        (True, at(0)),
        (False, at(1)),
    ]


def test_what_an_event_began_is_known_from_its_moment_in_every_respect() -> None:
    begun = Told(at=at(0.5), host_ref="a", is_running=False, is_beginning=True)
    held = derive([poll(1, 0, host="a", on=False, mac="m1", datastores=["d"])], [begun])

    assert {one.key: (one.valid_from, one.basis) for one in held} == {
        HOST: (at(0.5), EVENT),
        NIC: (at(0.5), EVENT),
        Key("datastore", "d"): (at(0.5), EVENT),
    }


def test_an_address_that_an_event_changed_twice_was_three() -> None:
    told = [
        Told(at=at(0.2), old_mac="m1", new_mac="m2"),
        Told(at=at(0.4), old_mac="m2", new_mac="m3"),
    ]
    held = derive([poll(0, None, mac="m1"), poll(1, 0, mac="m3")], told)

    assert [(one.value.mac, one.valid_from, one.basis) for one in held] == [
        ("m1", at(0), FIRST),
        ("m2", at(0.2), EVENT),
        ("m3", at(0.4), EVENT),
    ]


def test_the_one_relocation_between_two_collections_explains_the_new_datastore() -> None:
    moved = Told(at=at(1.5), explains=frozenset({"datastore"}))
    states = [
        poll(0, None, host="a", datastores=["old"]),
        poll(2, 1, host="a", datastores=["new"]),
    ]

    once = {one.key.name: one for one in derive(states, [moved]) if one.key.kind == "datastore"}
    twice = derive(states, [moved, Told(at=at(1.7), explains=frozenset({"datastore"}))])

    assert (once["old"].valid_to, once["new"].valid_from) == (moved.at, moved.at)
    assert [one.basis for one in twice if one.key.name == "new"] == [POLL]


def test_a_reconfiguration_before_the_first_collection_explains_nothing() -> None:
    held = derive(
        [poll(1, None, mac="m1")], [Told(at=at(0.5), explains=frozenset({"nic", "network"}))]
    )

    assert [(one.valid_from, one.basis) for one in held] == [(at(1), FIRST)]


def test_what_is_removed_ends_at_the_event_and_otherwise_between_two_collections() -> None:
    seen = poll(0, None, host="a", mac="m1")

    told = derive([seen], [Told(at=at(0.5), is_end=True)])
    missed = derive([seen, Gone(at=at(2), before=at(1))], [])

    assert {(one.sure_until, one.valid_to) for one in told} == {(at(0.5), at(0.5))}
    assert {(one.sure_until, one.valid_to) for one in missed} == {(at(1), at(2))}


def test_what_a_collection_could_not_tell_goes_on() -> None:
    unknowing = Poll(
        at=at(2), until=at(2), before=at(1), state={}, unknown=frozenset({"host", "nic"})
    )
    held = derive([poll(0, None, host="a", mac="m1"), unknowing], [])

    assert {one.valid_to for one in held} == {None}


def test_power_that_is_not_told_does_not_end_a_stay() -> None:
    held = derive([poll(0, None, host="a", on=True), poll(2, 1, host="a", on=None)], [])

    assert [(one.value.is_running, one.valid_to) for one in held] == [(True, None)]


def test_a_move_after_a_gap_tells_where_the_gap_had_brought_it() -> None:
    moved = Told(at=at(5), host_ref="c", was_ref="b")
    held = derive([poll(0, None, host="a")], [moved], [Gap(at(2), at(4))])

    assert hosts(held) == [
        ("a", None, at(0), at(2), at(4), FIRST),
        ("b", at(2), at(4), at(5), at(5), POLL),
        ("c", at(5), at(5), None, None, EVENT),
    ]
    assert [one.value.is_running for one in held] == [True, None, None]


def test_a_machine_that_is_stopped_after_a_gap_had_run_since_then() -> None:
    stopped = Told(at=at(5), host_ref="a", was_ref="a", is_running=False)
    held = derive([poll(0, None, host="a", on=False)], [stopped], [Gap(at(2), at(4))])

    assert [(one.value.is_running, one.valid_from, one.sure_until) for one in held] == [
        (False, at(0), at(2)),
        (True, at(4), at(5)),
        (False, at(5), None),
    ]


def test_an_address_that_a_gap_changed_is_told_by_the_event_that_ends_it() -> None:
    changed = Told(at=at(5), old_mac="m2", new_mac="m3")
    held = derive([poll(0, None, mac="m1")], [changed], [Gap(at(2), at(4))])

    assert [(one.value.mac, one.valid_from, one.sure_until) for one in held] == [
        ("m1", at(0), at(2)),
        ("m2", at(4), at(5)),
        ("m3", at(5), None),
    ]


def test_what_a_collection_finds_new_after_a_gap_no_later_event_explains() -> None:
    moved = Told(at=at(5), explains=frozenset({"datastore"}))
    seen = [poll(0, None, host="a", datastores=["old"]), poll(6, 1, host="a", datastores=["new"])]
    held = derive(seen, [moved], [Gap(at(2), at(4))])

    new = next(one for one in held if one.key.name == "new")
    assert (new.began_after, new.valid_from, new.basis) == (at(1), at(6), POLL)


# --- random lives --------------------------------------------------------------------------------

MINUTES = 2_000


class Life:
    """Where a machine really was, minute by minute, and what was seen and told of it."""

    def __init__(self, seed: int, *, told: float) -> None:
        """`told` is the share of changes that an event tells."""
        self.lots = random.Random(seed)  # noqa: S311
        self.changes = sorted(self.lots.sample(range(1, MINUTES), 25))
        self.looks = [0, *sorted(self.lots.sample(range(3, MINUTES, 7), 30))]
        self.truth = [(0, Host("a", True))]
        for minute in self.changes:
            self.truth.append((minute, self._other(self.truth[-1][1])))
        self.told = [
            Told(at=minutes(minute), host_ref=where.ref, is_running=where.is_running)
            for minute, where in self.truth[1:]
            if self.lots.random() < told
        ]
        self.lots.shuffle(self.told)

    def _other(self, where: Host) -> Host:
        if self.lots.random() < 0.5:
            return where._replace(is_running=not where.is_running)
        return where._replace(ref=self.lots.choice([h for h in "abcd" if h != where.ref]))

    def at(self, minute: float) -> Host:
        return next(value for since, value in reversed(self.truth) if since <= minute)

    def polls(self) -> list[Poll]:
        """The collections that found something changed."""
        found: list[Poll] = []
        for before, look in zip([None, *self.looks], self.looks, strict=False):
            state = {HOST: self.at(look)}
            if not found or found[-1].state != state:
                then = None if before is None else minutes(before)
                one = Poll(at=minutes(look), until=minutes(look), before=then, state=state)
                found.append(one)
        return found

    def is_hidden(self, minute: int) -> bool:
        """Whether anything changed between the two collections around this minute."""
        before = max((look for look in self.looks if look <= minute), default=0)
        after = min((look for look in self.looks if look > minute), default=MINUTES)
        return any(before < change <= after for change in self.changes)


def minutes(count: float) -> datetime:
    return BEGIN + timedelta(minutes=count)


def sure_at(held: list[Held], moment: datetime) -> list[Held]:
    return [
        one
        for one in held
        if one.valid_from <= moment and (one.sure_until is None or one.sure_until > moment)
    ]


def possible_at(held: list[Held], moment: datetime) -> list[Held]:
    return [
        one
        for one in held
        if (one.began_after or one.valid_from) <= moment
        and (one.valid_to is None or one.valid_to > moment)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_with_every_event_a_whole_life_is_known_to_the_minute(seed: int) -> None:
    life = Life(seed, told=1)
    held = derive(life.polls(), life.told)

    for minute in range(MINUTES):
        assert [one.value for one in sure_at(held, minutes(minute + 0.5))] == [
            life.at(minute + 0.5)
        ]


@pytest.mark.parametrize("seed", range(40))
def test_without_events_what_is_called_sure_is_true_and_the_truth_is_possible(seed: int) -> None:
    life = Life(seed, told=0)
    held = derive(life.polls(), life.told)

    for minute in range(MINUTES):
        moment = minutes(minute + 0.5)
        assert len(sure_at(held, moment)) <= 1
        if not life.is_hidden(minute):
            assert [one.value for one in sure_at(held, moment)] == [life.at(minute + 0.5)]
        assert possible_at(held, moment)


@pytest.mark.parametrize("seed", range(40))
def test_with_some_events_a_machine_is_never_surely_in_two_places(seed: int) -> None:
    life = Life(seed, told=0.6)
    held = derive(life.polls(), life.told)

    for minute in range(MINUTES):
        assert len(sure_at(held, minutes(minute + 0.5))) <= 1
    assert len([one for one in held if one.valid_to is None]) == 1


class TornLife(Life):
    """A life told as platforms tell it, with two times of which every event is lost."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, told=0)
        self.torn: list[tuple[int, int]] = []
        begin = self.lots.randrange(100, 800)
        for _ in range(2):  # a collection finds out about each
            end = begin + self.lots.randrange(20, 200)
            self.torn.append((begin, end))
            begin = next(look for look in self.looks if look >= end) + self.lots.randrange(200)
        self.gaps = [Gap(minutes(begin), minutes(end)) for begin, end in self.torn]
        self.told = [
            self._tell(minute, was, is_now)
            for (_, was), (minute, is_now) in zip(self.truth, self.truth[1:], strict=False)
            if not self.is_torn(minute)
        ]

    def _tell(self, minute: int, was: Host, is_now: Host) -> Told:
        at, here = minutes(minute), is_now.ref
        if was.ref != here:
            return Told(at=at, host_ref=here, was_ref=was.ref)
        return Told(at=at, host_ref=here, was_ref=here, is_running=is_now.is_running)

    def polls(self) -> list[Poll]:
        """Also the first collection after each gap."""
        after = {next(look for look in self.looks if look >= end) for _, end in self.torn}
        again = [
            Poll(
                at=minutes(look),
                until=minutes(look),
                before=minutes(before),
                state={HOST: self.at(look)},
            )
            for before, look in pairwise(self.looks)
            if look in after
        ]
        return super().polls() + again

    def is_torn(self, minute: float) -> bool:
        return any(begin <= minute < end for begin, end in self.torn)

    def is_doubtful(self, minute: float) -> bool:
        """Whether a gap lies between the collections around this minute."""
        before = max((look for look in self.looks if look <= minute), default=0)
        after = min((look for look in self.looks if look > minute), default=MINUTES)
        return any(before < end and begin < after for begin, end in self.torn)


def is_one_of(where: Host, held: list[Held]) -> bool:
    return any(
        one.value.ref == where.ref and one.value.is_running in (where.is_running, None)
        for one in held
    )


@pytest.mark.parametrize("seed", range(60))
def test_after_a_gap_nothing_false_is_sure_and_nothing_true_impossible(seed: int) -> None:
    life = TornLife(seed)
    held = derive(life.polls(), life.told, life.gaps)

    for minute in range(MINUTES):
        moment, truth = minutes(minute + 0.5), life.at(minute + 0.5)
        if life.is_torn(minute):
            continue
        sure = sure_at(held, moment)
        assert all(is_one_of(truth, [one]) for one in sure), minute
        assert is_one_of(truth, possible_at(held, moment)), minute
        if not life.is_doubtful(minute):
            assert [one.value for one in sure] == [truth], minute
