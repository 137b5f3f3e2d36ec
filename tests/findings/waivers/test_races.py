"""Several people at once, on connections of their own: exactly one wins (P10)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts import people
from accounts.errors import NotPossible
from accounts.models import User
from accounts.roles import Role
from findings.models import Finding, Waiver, WaiverEvent
from findings.waivers import covering, deciding, requesting, scopes
from findings.waivers.errors import Overtaken
from tests.factories import NOW, AssetFactory, FindingFactory, SourceFactory
from tests.findings.waivers.cast import DAY, MONTH, analyst, approved, approver, asked

pytestmark = pytest.mark.django_db(transaction=True)
Act = Callable[[], object]


@pytest.fixture
def finding() -> Finding:
    return FindingFactory(severity="medium", check_id="vm-snapshot-age")


def at_once(acts: list[Act]) -> list[str]:
    """Do all of them at the same moment; what came of each."""
    start, came = threading.Barrier(len(acts)), [""] * len(acts)

    def one(number: int, act: Act) -> None:
        connection.ensure_connection()
        start.wait()
        try:
            act()
            came[number] = "done"
        except Overtaken:
            came[number] = "overtaken"
        except NotPossible:
            came[number] = "refused"
        except Exception as error:
            came[number] = repr(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def verb(name: str, waiver: Waiver, by: User, version: int) -> Act:
    told: dict[str, Any] = {"waiver_id": waiver.pk, "version": version, "by": by, "now": NOW}
    match name:
        case "withdraw":
            return lambda: requesting.withdraw(**told)
        case "extend":
            return lambda: requesting.extend(
                **told, reason="More.", expires_at=waiver.expires_at + MONTH
            )
    return lambda: getattr(deciding, name)(**told, reason="Because.")


@pytest.mark.parametrize("many", [2, 5, 20])
def test_of_many_decisions_one_counts(finding: Finding, many: int):
    person = analyst()
    waiver = asked(finding, by=person)
    names = ["approve", "reject", "withdraw"]
    acts = [
        verb(name, waiver, person if name == "withdraw" else approver(), 0)
        for name in (names * many)[:many]
    ]

    came = at_once(acts)

    assert Counter(came) == {"done": 1, "overtaken": many - 1}
    waiver.refresh_from_db()
    assert waiver.version == 1
    assert WaiverEvent.objects.filter(waiver=waiver).count() == 2


@pytest.mark.parametrize("many", [2, 10])
def test_of_many_revocations_and_extensions_one_counts(finding: Finding, many: int):
    person = analyst()
    waiver = approved(finding, by=person)
    acts = [
        verb(name, waiver, analyst() if name == "extend" else approver(), 1)
        for name in (["revoke", "extend"] * many)[:many]
    ]

    came = at_once(acts)

    assert Counter(came) == {"done": 1, "overtaken": many - 1}
    assert (
        Waiver.objects.filter(extends=waiver).count()
        + (Waiver.objects.filter(pk=waiver.pk, status="revoked").count())
        == 1
    )


def test_a_form_sent_ten_times_asks_once(finding: Finding):
    person = analyst()

    came = at_once([lambda: asked(finding, by=person)] * 10)

    assert Counter(came) == {"done": 1, "refused": 9}
    assert Waiver.objects.count() == 1


def test_a_role_taken_away_at_that_moment_is_gone_or_was_there(finding: Finding):
    for _ in range(6):
        waiver, boss = asked(FindingFactory()), approver()

        came = at_once(
            [
                lambda w=waiver, b=boss: verb("approve", w, b, 0)(),  # type: ignore[misc]
                lambda b=boss: people.revoke_role(  # type: ignore[misc]
                    user_id=b.pk, role=Role.APPROVER, by=None
                ),
            ]
        )

        waiver.refresh_from_db()
        assert came[1] == "done"
        assert (came[0], waiver.status) in {("done", "approved"), ("refused", "requested")}


def test_an_account_disabled_at_that_moment_decides_before_or_not_at_all(finding: Finding):
    for _ in range(4):
        waiver, boss = asked(FindingFactory()), approver()

        came = at_once(
            [
                verb("approve", waiver, boss, 0),
                lambda b=boss: people.disable(user_id=b.pk, by=None),  # type: ignore[misc]
            ]
        )

        waiver.refresh_from_db()
        assert (came[0], waiver.status) in {("done", "approved"), ("refused", "requested")}


def test_sources_judged_at_once_never_overfill_an_exception():
    sources = [SourceFactory() for _ in range(5)]
    for source in sources:
        FindingFactory(asset=AssetFactory(source=source), check_id="vm-snapshot-age")
    person = analyst()
    waiver = approved(scopes.of_check("vm-snapshot-age", user=person), by=person)
    for source in sources:
        for _ in range(3):
            FindingFactory(asset=AssetFactory(source=source), check_id="vm-snapshot-age")
    Finding.objects.filter(pk__in=list(Finding.objects.values_list("pk", flat=True)[:2])).update(
        state="resolved", resolved_at=NOW
    )

    def judge(pk: int) -> Act:
        def act() -> None:
            with transaction.atomic():
                covering.cover(source_id=pk, now=NOW + DAY)

        return act

    came = at_once([judge(source.pk) for source in sources] * 2)

    assert set(came) == {"done"}
    assert waiver.covers.count() == waiver.at_most


def test_deciding_and_judging_at_once_ends_in_one_of_two_orders():
    source = SourceFactory()
    for _ in range(20):
        FindingFactory(asset=AssetFactory(source=source), check_id="vm-snapshot-age")
    person = analyst()

    for number in range(5):
        waiver = asked(
            scopes.of_query(
                f"check=vm-snapshot-age&opened_before=20{30 + number}-01-01T00:00:00Z",
                user=person,
                now=NOW,
            ),
            by=person,
        )

        def judge() -> None:
            with transaction.atomic():
                # As reconciliation does: findings first, then what covers them.
                mine = Finding.objects.filter(source=source)
                list(mine.order_by("pk").select_for_update(no_key=True))
                mine.update(confirmed_at=NOW)
                covering.cover(source_id=source.pk, now=NOW + DAY)

        came = at_once([verb("approve", waiver, approver(), 0), judge, judge])

        assert set(came) == {"done"}, came
        assert waiver.covers.count() == 20


def test_nobody_waits_for_ever():
    """What holds the row too long is answered, not waited for: the web's lock timeout."""
    finding = FindingFactory()
    waiver = asked(finding)
    boss = approver()
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Waiver.objects.select_for_update().get(pk=waiver.pk)
                holding.set()
                done.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        with pytest.raises(OperationalError):
            verb("approve", waiver, boss, 0)()
    finally:
        done.set()
        thread.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert not Finding.objects.excepted(now=NOW).exists()
