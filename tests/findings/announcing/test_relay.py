"""Who is told of what, once, and nobody of what they may not see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from accounts.models import User
from audit.trail import NotInTransaction
from findings.announcing import outbox, preferences, recipients, relay, words
from findings.announcing.outbox import Topic
from findings.announcing.preferences import Mail, Wish
from findings.models import Announcement, Finding, FindingEvent, Notice, Waiver
from tests.factories import NOW, UserFactory
from tests.findings.announcing.cast import SOON, Cast, announce, moved, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return Cast()


def test_new_findings_are_told_to_analysts_and_to_their_own_team(cast: Cast):
    moved(cast, "opened", cast.of_web, cast.of_labs)

    told = tell()

    assert told == {
        "alice": ["opened"],
        "bob": ["opened"],
        "charlie": ["opened"],
        "dana": ["opened"],
    }
    counts = dict(Notice.objects.values_list("user__username", "detail__count"))
    assert counts == {"alice": 1, "bob": 1, "charlie": 1, "dana": 2}


def test_a_team_hears_nothing_of_another_teams_findings(cast: Cast):
    moved(cast, "opened", cast.of_labs)

    assert set(tell()) == {"charlie", "dana"}


def test_an_assignee_hears_that_a_fix_did_not_hold(cast: Cast):
    Finding.objects.filter(pk=cast.of_web.pk).update(assignee=cast.alice)
    moved(cast, "refuted", cast.of_web)

    assert tell() == {"alice": ["refuted"]}
    assert Notice.objects.get().finding_id == cast.of_web.pk


def test_whoever_said_it_was_fixed_hears_that_nobodys_finding_was_not(cast: Cast):
    for person in (cast.bob, cast.alice):
        FindingEvent.objects.create(finding=cast.of_web, kind="claimed", at=NOW, by=person)
    moved(cast, "refuted", cast.of_web)

    assert tell() == {"alice": ["refuted"]}


def test_an_assignee_who_may_no_longer_see_it_is_not_told(cast: Cast):
    Finding.objects.filter(pk=cast.of_web.pk).update(assignee=cast.charlie)
    moved(cast, "resolved", cast.of_web)

    assert tell() == {}


def test_nobody_is_told_of_what_they_did(cast: Cast):
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.alice, to=[cast.alice.pk, cast.bob.pk])

    assert tell() == {"bob": ["assigned"]}


def test_a_mention_reaches_only_who_may_see_the_finding(cast: Cast):
    announce(Topic.FINDING_MENTIONED, cast.of_web, by=cast.dana, to=[cast.bob.pk, cast.charlie.pk])

    assert tell() == {"bob": ["mentioned"]}


def test_many_given_at_once_are_told_as_one_with_their_number(cast: Cast):
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk], count=12)
    tell()

    [line] = words.told(Notice.objects.filter(user=cast.bob), user=cast.bob)
    assert line.sentence.endswith("And 11 more.")


def test_a_missed_due_date_of_nobodys_finding_is_told_to_its_team(cast: Cast):
    announce(Topic.FINDING_BREACHED, cast.of_web)

    assert set(tell()) == {"alice", "bob"}


def test_a_request_is_told_to_approvers_but_not_to_whoever_asks(cast: Cast):
    asker = UserFactory(username="asker", roles=["analyst", "approver"])
    UserFactory(username="decider", roles=["approver"])
    UserFactory(username="asleep", roles=["approver"], is_active=False)
    announce(Topic.WAIVER_REQUESTED, _waiver(cast, asker), by=asker)

    assert tell() == {"decider": ["waiver_requested"]}


def test_the_same_is_told_once_however_often_it_is_relayed(cast: Cast):
    announcement = moved(cast, "opened", cast.of_web)
    tell()
    Announcement.objects.filter(pk=announcement.pk).update(relayed_at=None)  # died before noting it

    assert tell()["dana"] == ["opened"]


def test_one_that_cannot_be_told_blocks_no_other(cast: Cast):
    announce(Topic.FINDINGS_MOVED, cast.source)  # without its events
    moved(cast, "opened", cast.of_web)

    assert "dana" in tell()
    bad = Announcement.objects.get(relayed_at__isnull=True)
    assert (bad.attempts, bad.next_at) == (1, SOON + timedelta(seconds=10))
    assert "KeyError" in bad.problem
    for _ in range(20):
        Announcement.objects.filter(pk=bad.pk).update(next_at=None)
        relay.relay(now=SOON)
    bad.refresh_from_db()
    assert bad.attempts == relay.MOST_ATTEMPTS


@pytest.mark.django_db(transaction=True)
def test_an_announcement_outside_the_act_is_refused():
    with pytest.raises(NotInTransaction):
        outbox.announce(
            Topic.FINDING_BREACHED, subject_type="finding", subject_id=1, by=None, at=NOW
        )


def test_what_is_rolled_back_is_not_told(cast: Cast):
    with transaction.atomic():
        moved(cast, "opened", cast.of_web)
        transaction.set_rollback(True)

    assert tell() == {}


def test_every_topic_has_somebody_who_looks_for_its_people():
    assert set(recipients._BY_TOPIC) == set(Topic)


def test_who_wants_neither_is_not_told(cast: Cast):
    nothing = {kind: Wish(in_product=False, mail=Mail.OFF) for kind in Notice.Kind.values}
    with transaction.atomic():
        preferences.choose(user=cast.dana, wanted=nothing)
    moved(cast, "opened", cast.of_web)

    assert "dana" not in tell()


def _waiver(cast: Cast, asker: User) -> Waiver:
    return Waiver.objects.create(
        scope="finding",
        finding=cast.of_web,
        ground="accepted",
        reason="The machine is replaced in May.",
        due_after="keep",
        requested_by=asker,
        requested_at=NOW,
        starts_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )
