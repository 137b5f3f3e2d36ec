"""The demo has an exception in every state, and each says what its state means."""

from datetime import datetime

import pytest

from accounts.models import User
from findings.models import Finding, Waiver
from findings.waivers import listing, states

pytestmark = pytest.mark.django_db


def by_state(now: datetime) -> dict[str, list[Waiver]]:
    found: dict[str, list[Waiver]] = {}
    for waiver in Waiver.objects.all():
        found.setdefault(states.state_of(waiver, now=now), []).append(waiver)
    return found


def test_there_is_one_in_every_state_but_in_review(estate: datetime) -> None:
    assert set(by_state(estate)) == set(states.State) - {"in_review"}


def test_the_recovery_site_is_covered_by_a_filter(estate: datetime) -> None:
    [waiver] = Waiver.objects.filter(query__contains="vm-encrypted")
    told = listing.detail(waiver, user=User.objects.get(username="viewer"), now=estate)

    assert told.state == "effective"
    assert told.covers == told.matches > 4
    assert told.more == 0


def test_what_ended_yesterday_is_back(estate: datetime) -> None:
    [expired] = by_state(estate)["expired"]
    covered = Finding.objects.open().filter(covers__waiver=expired)

    assert covered.exists()
    assert not covered.excepted(now=estate).exists()
    assert all(finding.events.filter(kind="returned").exists() for finding in covered)
    assert {"warned", "expired"} <= set(expired.events.values_list("kind", flat=True))


def test_one_has_outgrown_what_was_approved(estate: datetime) -> None:
    [outgrown] = Waiver.objects.filter(states.is_in("outgrown", now=estate))

    assert outgrown.check_id == "vm-owner"
    assert outgrown.covers.count() == outgrown.at_most


def test_one_has_lapsed_with_its_control(estate: datetime) -> None:
    [lapsed] = by_state(estate)["lapsed"]
    told = listing.detail(lapsed, user=User.objects.get(username="viewer"), now=estate)

    assert told.control is not None
    assert not told.control.holds


def test_one_waits_for_the_approver_of_the_demo(estate: datetime) -> None:
    [asked] = by_state(estate)["requested"]

    assert asked.requested_by.username == "remediator"
    assert asked.asked_count > 1
