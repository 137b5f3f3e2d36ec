"""Pages of policies show what was kept, and that is what counting everything would say."""

from __future__ import annotations

from random import Random

import pytest

from findings.trends import reading, rollup
from policies import coverage
from tests.factories import NOW, UserFactory
from tests.findings.trends import estates

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("is_kept", [True, False])
def test_what_is_kept_of_each_check_is_what_counting_says(seed: int, is_kept: bool) -> None:
    _, teams = estates.build(Random(seed), now=NOW)  # noqa: S311
    people = [
        UserFactory(),
        UserFactory(scope="teams", teams=teams[:1]),
        UserFactory(scope="teams"),
    ]
    if is_kept:
        rollup.keep_all(now=NOW)

    for person in people:
        kept, counted = coverage.check_lines(person), coverage.counted_lines(person)
        assert kept == counted
        assert kept == reading.check_lines(person)


def test_counting_the_estate_of_such_a_test_finds_something() -> None:
    estates.build(Random(0), now=NOW)  # noqa: S311

    tally = coverage.add(line.tally for line in coverage.check_lines(UserFactory()).values())

    assert tally.failed
    assert tally.passed
    assert tally.unknown
