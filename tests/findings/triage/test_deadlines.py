"""Due dates: warned of once, missed once, never under an exception that counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Team, User
from findings.models import Announcement, Finding, FindingEvent
from findings.triage import deadlines
from findings.triage.acts import SetDue
from findings.triage.decisions import decide
from tests.factories import NOW, AssetFactory, FindingFactory
from tests.findings.waivers.cast import approved

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def due(web: Team) -> Any:
    asset = AssetFactory(team=web)

    def make(in_days: float | None, **more: Any) -> Finding:
        moment = None if in_days is None else NOW + in_days * DAY
        return FindingFactory(asset=asset, due_at=moment, **more)

    return make


def told() -> list[tuple[int, str]]:
    return list(FindingEvent.objects.order_by("id").values_list("finding_id", "kind"))


def test_each_is_warned_of_once_and_missed_once(due: Any) -> None:
    soon, late, _later, _never = due(2), due(-1), due(9), due(None)

    assert deadlines.look(now=NOW) == (1, 1)
    assert deadlines.look(now=NOW) == (0, 0)
    assert told() == [(soon.pk, "warned"), (late.pk, "breached")]
    soon.refresh_from_db()
    late.refresh_from_db()
    assert (soon.warned_at, soon.breached_at) == (NOW, None)
    assert (late.warned_at, late.breached_at) == (None, late.due_at)
    assert sorted(Announcement.objects.values_list("topic", "subject_id")) == [
        ("finding.breached", late.pk),
        ("finding.due-soon", soon.pk),
    ]

    deadlines.look(now=NOW + 3 * DAY)
    assert told()[2:] == [(soon.pk, "breached")]


def test_what_is_resolved_is_neither(due: Any) -> None:
    due(-1, state="resolved", resolved_at=NOW)
    due(1, state="resolved", resolved_at=NOW)

    assert deadlines.look(now=NOW) == (0, 0)


def test_an_exception_spares_it_while_it_counts_and_no_longer(due: Any) -> None:
    late = due(-1)
    cover(late, until=NOW + DAY)

    assert deadlines.look(now=NOW) == (0, 0)
    assert deadlines.look(now=NOW + DAY) == (0, 1)


def test_a_breach_stays_and_a_later_date_can_be_missed_as_well(due: Any, ingrid: User) -> None:
    late = due(-1)
    deadlines.look(now=NOW)

    decide(finding_id=late.pk, acts=[SetDue(at=NOW + DAY, why="Once more.")], by=ingrid, now=NOW)
    late.refresh_from_db()
    assert late.breached_at == NOW - DAY

    assert deadlines.look(now=NOW) == (1, 0)
    assert deadlines.look(now=NOW + 2 * DAY) == (0, 1)
    late.refresh_from_db()
    assert late.breached_at == NOW + DAY


def test_more_than_a_batch_are_told_in_one_look(due: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "BATCH", 2)
    for _ in range(5):
        due(-1)

    assert deadlines.look(now=NOW) == (0, 5)


def cover(finding: Finding, *, until: datetime) -> None:
    """An exception of this finding that was approved some days ago."""
    approved(finding, now=NOW - 9 * DAY, expires_at=until)
