"""Two people at once: one wins, the other is told, and nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections

from accounts.models import User
from findings.models import BulkAct, Finding, FindingEvent
from findings.triage import bulk
from findings.triage.acts import AddLabel, SetStatus, Take
from findings.triage.bulk import Choice
from findings.triage.decisions import decide
from findings.triage.deeds import Actor
from findings.triage.errors import Outdated
from tests.factories import NOW, FindingFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 8


def at_once(work: Any, count: int = PEOPLE) -> list[Any]:
    """What each of them got, an exception included; all begin connected and together."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(20)
            return work(number)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_several_who_looked_at_the_same_version_one_wins() -> None:
    finding: Finding = FindingFactory()
    people: list[User] = [UserFactory(roles=["analyst"]) for _ in range(PEOPLE)]

    answers = at_once(
        lambda number: decide(
            finding_id=finding.pk,
            acts=[SetStatus(to="triaged"), AddLabel(label="mine")],
            by=people[number],
            now=NOW,
            version=0,
        )
    )

    assert sum(isinstance(answer, Finding) for answer in answers) == 1
    assert sum(isinstance(answer, Outdated) for answer in answers) == PEOPLE - 1
    finding.refresh_from_db()
    assert finding.version == 2
    assert FindingEvent.objects.count() == 2


def test_of_several_who_take_it_one_has_it() -> None:
    finding: Finding = FindingFactory()
    people: list[User] = [UserFactory(roles=["remediator"]) for _ in range(PEOPLE)]

    answers = at_once(
        lambda number: decide(finding_id=finding.pk, acts=[Take()], by=people[number], now=NOW)
    )

    [winner] = [number for number, answer in enumerate(answers) if isinstance(answer, Finding)]
    finding.refresh_from_db()
    assert (finding.assignee, finding.version) == (people[winner], 1)
    assert FindingEvent.objects.count() == 1


def test_a_new_label_is_made_once_however_many_make_it() -> None:
    findings: list[Finding] = FindingFactory.create_batch(PEOPLE)
    person = UserFactory(roles=["analyst"])

    answers = at_once(
        lambda number: decide(
            finding_id=findings[number].pk, acts=[AddLabel(label="new")], by=person, now=NOW
        )
    )

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert {tuple(f.labels.values_list("name", flat=True)) for f in findings} == {("new",)}


def test_acts_on_many_and_on_one_meet_without_a_deadlock_or_a_lost_update() -> None:
    findings: list[Finding] = FindingFactory.create_batch(30)
    ids = [finding.pk for finding in findings]
    person = UserFactory(roles=["analyst"])

    def work(number: int) -> Any:
        backwards = tuple(reversed(ids)) if number % 2 else tuple(ids)
        return bulk.do(
            act=AddLabel(label=f"label {number}"),
            choice=Choice(ids=backwards),
            actor=Actor(user=person, now=NOW),
        )

    answers = at_once(work)

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert set(Finding.objects.values_list("version", flat=True)) == {PEOPLE}


def test_an_act_is_undone_once_however_often_it_is_asked() -> None:
    finding: Finding = FindingFactory()
    actor = Actor(user=UserFactory(roles=["analyst"]), now=NOW)
    done = bulk.do(act=SetStatus(to="triaged"), choice=Choice(ids=(finding.pk,)), actor=actor)

    answers = at_once(lambda _: bulk.undo(bulk_id=done.act.pk, actor=actor))

    assert sum(isinstance(answer, bulk.Undone) for answer in answers) == 1
    assert BulkAct.objects.get().restored == 1
    finding.refresh_from_db()
    assert (finding.triage, finding.version) == ("new", 2)
