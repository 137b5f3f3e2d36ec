"""Several people act at random through pages, API and SQL while time passes (P8 to P10).

After each step everything that always has to hold is looked at. A failure names its seed and the
fewest steps found that still show it:

    VMGOV_WALK_SEED=17 pytest tests/findings/test_random_walk.py

VMGOV_WALK_SEEDS and VMGOV_WALK_STEPS make it longer or shorter; `make exhaustive` takes 52,000
steps.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import time_machine
from django.db import transaction

from tests.findings.walking.invariants import Broken
from tests.findings.walking.steps import Step, Walk, walk_of
from tests.findings.walking.world import START

pytestmark = pytest.mark.django_db
EXHAUSTIVE = "EXHAUSTIVE" in os.environ
STEPS = int(os.environ.get("VMGOV_WALK_STEPS", "520"))
SEEDS = (
    [int(os.environ["VMGOV_WALK_SEED"])]
    if "VMGOV_WALK_SEED" in os.environ
    else list(range(int(os.environ.get("VMGOV_WALK_SEEDS", "100" if EXHAUSTIVE else "25"))))
)
_SHORTENING_SECONDS = 60.0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def walk(steps: list[Step]) -> tuple[Counter[str], int, str]:
    """Take the steps in a world of their own: what was done, how far it came, what broke."""
    with transaction.atomic():
        with time_machine.travel(START, tick=False) as traveller:
            walking, number, problem = Walk(traveller), 0, ""
            try:
                for step in steps:
                    walking.take(step)
                    number += 1
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
        transaction.set_rollback(True)
    return walking.done, number, problem


def shortened(steps: list[Step]) -> list[Step]:
    """Fewer steps that still break something: leave out halves, quarters, single ones."""
    deadline, size = time.monotonic() + _SHORTENING_SECONDS, len(steps) // 2
    while size and time.monotonic() < deadline:
        position = 0
        while position < len(steps) and time.monotonic() < deadline:
            fewer = steps[:position] + steps[position + size :]
            _, number, problem = walk(fewer)
            if problem:
                steps = fewer[: number + 1]
            else:
                position += size
        size //= 2
    return steps


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_people_do_in_whatever_order(seed: int):
    steps = walk_of(seed, STEPS)

    _, number, problem = walk(steps)

    if problem:
        few = shortened(steps[: number + 1])
        _, _, still = walk(few)
        told = "\n".join(f"  {step}" for step in few)
        raise Broken(f"seed {seed}, step {number}: {problem}\n{len(few)} steps:\n{told}\n{still}")


def test_the_walk_gets_everywhere():
    """Or it would prove nothing: every act is accepted now and then, by page and by API."""
    done: Counter[str] = Counter()
    for seed in range(3):
        done += walk(walk_of(seed, 400))[0]

    for name in ("ask", "review", "approve", "reject", "withdraw", "revoke", "extend", "sort"):
        assert done[name], (name, done)
    assert done["ask on page"]
    assert done["act on page"]
    assert done["refused by the database"] > 50


def test_a_walk_is_the_same_each_time_it_is_taken():
    steps = walk_of(5, 120)

    assert walk(steps) == walk(steps)
