"""A day's rows say what is true: the same as counting every row by hand, at each grain."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findings.models import Burden, DailyPosture, PostureDay
from findings.trends import counting, rollup
from inventory.models import Source
from tests.factories import NOW, AssetFactory, FindingFactory
from tests.findings.trends import estates

pytestmark = pytest.mark.django_db
Key = tuple[Any, Any, str]


def stored(source: Source, grain: str) -> dict[Key, Counter[str]]:
    rows = DailyPosture.objects.filter(source=source, day=NOW.date(), grain=grain)
    return {
        (row.team_id, row.classification, row.check_id): counts
        for row in rows
        if (counts := +Counter({name: getattr(row, name) for name in counting.COUNTS}))
    }


def folded(cells: dict[Key, Counter[str]], keep: tuple[int, ...]) -> dict[Key, Counter[str]]:
    blank: list[Any] = [None, None, ""]
    found: dict[Key, Counter[str]] = {}
    for key, counts in cells.items():
        wanted = tuple(key[n] if n in keep else blank[n] for n in range(3))
        found.setdefault((wanted[0], wanted[1], wanted[2]), Counter()).update(counts)
    return found


@given(seed=st.integers(min_value=0, max_value=10**9))
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_days_rows_are_what_counting_by_hand_gives(db: None, seed: int) -> None:
    with transaction.atomic():
        _compare(Random(seed))  # noqa: S311
        transaction.set_rollback(True)


def _compare(rng: Random) -> None:
    sources, _ = estates.build(rng, now=NOW)
    for source in sources:
        rollup.keep(source.pk, checks=estates.checks(), now=NOW)

        by_hand = estates.by_hand(source, now=NOW)

        for grain, keep in (("check", (2,)), ("team", (0, 2)), ("class", (0, 1))):
            found, wanted = stored(source, grain), folded(by_hand, keep)
            for counts in (*found.values(), *wanted.values()):
                counts["fix_seconds"] = counts["fix_seconds"] // 60  # rounded per finding or once
            assert found.keys() == wanted.keys()
            for key, counts in wanted.items():
                off = abs(found[key].pop("fix_seconds", 0) - counts.pop("fix_seconds", 0))
                assert off <= 1
                assert +found[key] == +counts, (grain, key)


def test_counting_the_day_again_replaces_it_and_leaves_other_days_alone() -> None:
    sources, _ = estates.build(Random(5), now=NOW)  # noqa: S311
    source = sources[0]
    rollup.keep(source.pk, checks=estates.checks(), now=NOW - estates.DAY)
    yesterday = list(DailyPosture.objects.filter(source=source).order_by("pk").values())
    rollup.keep(source.pk, checks=estates.checks(), now=NOW)
    first = stored(source, "team")

    rollup.keep(source.pk, checks=estates.checks(), now=NOW)

    assert stored(source, "team") == first
    kept = DailyPosture.objects.filter(source=source, day=(NOW - estates.DAY).date())
    assert list(kept.order_by("pk").values()) == yesterday
    assert PostureDay.objects.filter(source=source).count() == 2


def test_the_worst_assets_of_each_team_are_kept_gravest_first() -> None:
    sources, teams = estates.build(Random(3), now=NOW, size=0)  # noqa: S311
    source = sources[0]
    for n in range(counting.WORST_KEPT + 3):
        asset = AssetFactory(source=source, team=teams[0])
        for _ in range(n + 1):
            FindingFactory(asset=asset, severity="low")
    grave = AssetFactory(source=source, team=teams[0])
    FindingFactory(asset=grave, severity="critical")
    FindingFactory(asset=AssetFactory(source=source, team=teams[1]), severity="info")

    rollup.keep(source.pk, checks=estates.checks(), now=NOW)

    kept = Burden.objects.filter(source=source, team=teams[0]).order_by("rank", "-serious", "-open")
    assert kept[0].asset_id == grave.pk
    assert [row.open for row in kept[1:]] == [11, 10, 9, 8, 7, 6, 5]
    assert Burden.objects.filter(source=source, team=teams[1]).count() == 1
