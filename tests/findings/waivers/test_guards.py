"""The database refuses by itself what the code refuses in words (P8): raw SQL at every guard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from findings.models import Finding, Waiver
from findings.waivers import deciding, requesting, scopes
from tests.factories import NOW, AssetFactory, FindingFactory, TeamFactory, UserFactory
from tests.findings.waivers.cast import MONTH, analyst, approved, approver, asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding() -> Finding:
    return FindingFactory(severity="medium", check_id="vm-snapshot-age")


def refused_by(constraint: str, sql: str, *params: Any) -> None:
    """The statement fails, and for this reason."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic(), connection.cursor() as c:
        c.execute(sql, params)
    assert constraint in _reason(refusal.value)


def _reason(error: IntegrityError) -> str:
    cause: Any = error.__cause__
    return str(cause.diag.constraint_name)


DECIDE = """
UPDATE findings_waiver SET status = 'approved', decided_by_id = %s, decided_at = now(),
    at_most = 1, gravest = 0, approved_count = 1, version = version + 1 WHERE id = %s
"""


def test_an_approver_may(finding: Finding):
    waiver = asked(finding)

    with connection.cursor() as cursor:
        cursor.execute(DECIDE, [approver().pk, waiver.pk])

    waiver.refresh_from_db()
    assert waiver.status == "approved"


def test_nobody_approves_what_they_asked_for(finding: Finding):
    both = UserFactory(roles=["analyst", "approver"])
    refused_by("waiver_four_eyes", DECIDE, both.pk, asked(finding, by=both).pk)


def test_nobody_approves_by_a_second_account(finding: Finding):
    waiver = asked(finding, by=analyst(email="ada@example.org"))
    refused_by("waiver_four_eyes", DECIDE, approver(email="ADA@example.org").pk, waiver.pk)


def test_only_an_active_approver_approves(finding: Finding):
    waiver = asked(finding)
    for person in (analyst(), UserFactory(), approver(is_active=False)):
        refused_by("waiver_decided_by_approver", DECIDE, person.pk, waiver.pk)


def test_nobody_reviews_what_they_asked_for(finding: Finding):
    sql = "UPDATE findings_waiver SET status = 'in_review', reviewer_id = %s WHERE id = %s"
    both = UserFactory(roles=["analyst", "approver"])
    waiver = asked(finding, by=both)

    refused_by("waiver_four_eyes", sql, both.pk, waiver.pk)
    refused_by("waiver_decided_by_approver", sql, analyst().pk, waiver.pk)


INSERT = """
INSERT INTO findings_waiver (scope, check_id, query, ground, reason, controls, control_check_id,
    evidence, due_after, status, requested_by_id, requested_at, decision, end_reason, starts_at,
    expires_at, asked_count, version, finding_id, decided_by_id, decided_at, at_most, gravest)
SELECT 'finding', '', '', 'accepted', 'x', '', '', '', 'keep', %s, %s, now(), '', '', now(),
    now() + interval '9 days', 1, 0, %s, %s, %s, %s, %s
"""


def test_nothing_begins_approved(finding: Finding):
    person, boss = analyst(), approver()
    born = [person.pk, finding.pk]

    refused_by("waiver_begins_as_request", INSERT, "approved", *born, boss.pk, NOW, 1, 0)
    refused_by("waiver_begins_as_request", INSERT, "requested", *born, None, None, 1, None)
    refused_by("waiver_begins_as_request", INSERT, "in_review", *born, None, None, None, None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("requested_by_id", "(SELECT max(id) FROM accounts_user)"),
        ("requested_at", "now()"),
        ("scope", "'check', check_id = 'x', finding_id = NULL"),
        ("teams", "ARRAY[1]::bigint[]"),
        ("extends_id", "id"),
    ],
)
def test_who_asked_and_for_what_does_not_change(finding: Finding, column: str, value: str):
    waiver = asked(finding)
    analyst()

    refused_by(
        "waiver_request_stays",
        f"UPDATE findings_waiver SET {column} = {value} WHERE id = %s",  # noqa: S608
        waiver.pk,
    )


def test_nothing_is_lengthened_or_moved(finding: Finding):
    for waiver in (asked(finding), approved(FindingFactory())):
        for change in (
            "expires_at = expires_at + interval '1 second'",
            "starts_at = starts_at - interval '1 second'",
        ):
            refused_by(
                "waiver_never_lengthened",
                f"UPDATE findings_waiver SET {change} WHERE id = %s",  # noqa: S608
                waiver.pk,
            )


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'another'",
        "ground = 'false_positive'",
        "controls = 'others'",
        "control_check_id = 'x'",
        "evidence = 'none'",
        "due_after = 'restart'",
        "decided_by_id = (SELECT max(id) FROM accounts_user)",
        "decided_at = now()",
        "decision = 'another'",
        "reviewer_id = (SELECT max(id) FROM accounts_user)",
        "expires_at = expires_at - interval '1 second'",
        "approved_count = 99",
        "asked_count = 99",
        "at_most = 99",
        "gravest = 1",
    ],
)
def test_what_was_decided_does_not_change(finding: Finding, change: str):
    waiver = approved(finding)
    approver()

    refused_by(
        "waiver_decision_stays",
        f"UPDATE findings_waiver SET {change} WHERE id = %s",  # noqa: S608
        waiver.pk,
    )


TRANSITIONS = {
    "requested": {"in_review", "approved", "rejected", "withdrawn"},
    "in_review": {"requested", "approved", "rejected", "withdrawn"},
    "approved": {"revoked"},
    "rejected": set(),
    "withdrawn": set(),
    "revoked": set(),
}


@pytest.mark.parametrize("at", sorted(TRANSITIONS))
def test_no_state_leads_anywhere_it_should_not(finding: Finding, at: str):
    waiver = _in_status(finding, at)
    boss = approver()

    for to in sorted(set(TRANSITIONS) - TRANSITIONS[at] - {at}):
        refused_by(
            "waiver_",
            "UPDATE findings_waiver SET status = %s, ended_by_id = %s, ended_at = now(),"
            " decided_by_id = coalesce(decided_by_id, %s), decided_at = now(), at_most = 1,"
            " gravest = 0 WHERE id = %s",
            to,
            boss.pk,
            boss.pk,
            waiver.pk,
        )


def _in_status(finding: Finding, status: str) -> Waiver:
    person, boss = analyst(), approver()
    waiver = asked(finding, by=person)
    told: dict[str, Any] = {"waiver_id": waiver.pk, "version": 0, "now": NOW}
    match status:
        case "in_review":
            deciding.review(by=boss, **told)
        case "approved":
            deciding.approve(by=boss, reason="Yes.", **told)
        case "rejected":
            deciding.reject(by=boss, reason="No.", **told)
        case "withdrawn":
            requesting.withdraw(by=person, **told)
        case "revoked":
            deciding.approve(by=boss, reason="Yes.", **told)
            deciding.revoke(by=boss, reason="No.", **{**told, "version": 1})
    waiver.refresh_from_db()
    assert waiver.status == status
    return waiver


def test_a_decision_has_a_person_and_a_bound(finding: Finding):
    waiver, boss = asked(finding), approver()

    refused_by(
        "waiver_decision_has_a_person",
        "UPDATE findings_waiver SET status = 'approved', at_most = 1, gravest = 0 WHERE id = %s",
        waiver.pk,
    )
    refused_by(
        "waiver_decision_has_a_person",
        "UPDATE findings_waiver SET decided_by_id = %s, decided_at = now() WHERE id = %s",
        boss.pk,
        waiver.pk,
    )
    for unbound in ("at_most = NULL, gravest = 0", "at_most = 1, gravest = NULL"):
        refused_by(
            "waiver_covers_at_most",
            DECIDE.replace("at_most = 1, gravest = 0", unbound),
            boss.pk,
            waiver.pk,
        )
    refused_by(
        "waiver_end_has_a_person",
        "UPDATE findings_waiver SET status = 'withdrawn' WHERE id = %s",
        waiver.pk,
    )


def test_an_end_is_an_end(finding: Finding):
    waiver = _in_status(finding, "revoked")
    for change in ("ended_by_id = (SELECT max(id) FROM accounts_user)", "ended_at = now()"):
        approver()
        refused_by(
            "waiver_ends_once",
            f"UPDATE findings_waiver SET {change} WHERE id = %s",  # noqa: S608
            waiver.pk,
        )
    refused_by(
        "waiver_ends_once",
        "UPDATE findings_waiver SET ended_at = now() WHERE id = %s",
        approved(FindingFactory()).pk,
    )


def test_a_length_has_an_end_that_no_rule_moves(finding: Finding):
    person = analyst()
    sql = INSERT.replace("interval '9 days'", "interval '367 days'")
    refused_by("waiver_has_an_end", sql, "requested", person.pk, finding.pk, None, None, None, None)
    sql = INSERT.replace("interval '9 days'", "interval '0 days'")
    refused_by("waiver_has_an_end", sql, "requested", person.pk, finding.pk, None, None, None, None)


def test_a_scope_is_one_thing(finding: Finding):
    person = analyst()
    sql = INSERT.replace("'finding', '', ''", "'finding', '', 'severity=low'")
    refused_by(
        "waiver_scope_is_one_thing", sql, "requested", person.pk, finding.pk, None, None, None, None
    )
    sql = INSERT.replace("'finding', '', ''", "'check', '', ''")
    refused_by(
        "waiver_scope_is_one_thing", sql, "requested", person.pk, None, None, None, None, None
    )


def test_exceptions_and_their_history_are_kept(finding: Finding):
    waiver = approved(finding)

    for sql in (
        f"DELETE FROM findings_waiver WHERE id = {waiver.pk}",  # noqa: S608
        "TRUNCATE findings_waiver CASCADE",
        "UPDATE findings_waiverevent SET why = 'x'",
        "DELETE FROM findings_waiverevent",
        "TRUNCATE findings_waiverevent",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def test_versions_are_counted_upwards(finding: Finding):
    refused_by(
        "waiver_version_counts",
        "UPDATE findings_waiver SET version = 0 WHERE id = %s",
        approved(finding).pk,
    )


COVER = "INSERT INTO findings_waivercover (waiver_id, finding_id, since) VALUES (%s, %s, now())"


def test_a_cover_lies_within_what_was_approved(finding: Finding):
    other = FindingFactory(check_id="vm-owner")
    person, team = analyst(), TeamFactory()
    limited = analyst(scope="teams", teams=[team])
    own = FindingFactory(asset=AssetFactory(team=team), check_id="vm-classified")
    exceptions = [
        asked(FindingFactory()),
        approved(finding),
        approved(scopes.of_asset(finding.asset_id, user=person), by=person),
        approved(scopes.of_check("vm-snapshot-age", user=person), by=person),
        approved(scopes.of_check("vm-classified", user=limited), by=limited),
    ]

    for waiver in exceptions:
        refused_by("cover_within_scope", COVER, waiver.pk, other.pk)
    assert own.covers.count() == 1
    graver = FindingFactory(check_id="vm-snapshot-age", severity="critical", asset=finding.asset)
    for waiver in exceptions[2:4]:
        refused_by("cover_within_scope", COVER, waiver.pk, graver.pk)
    refused_by(
        "cover_within_scope", COVER, exceptions[4].pk, FindingFactory(check_id="vm-classified").pk
    )


def test_a_cover_is_one_of_no_more_than_were_approved(finding: Finding):
    person = analyst()
    waiver = approved(scopes.of_check("vm-snapshot-age", user=person), by=person)
    second = FindingFactory(check_id="vm-snapshot-age")

    refused_by("cover_at_most", COVER, waiver.pk, second.pk)


def test_a_cover_is_not_moved(finding: Finding):
    approved(finding)
    refused_by("cover_not_moved", "UPDATE findings_waivercover SET since = now()")


def test_an_extension_is_asked_for_once_at_a_time(finding: Finding):
    person = analyst()
    old = approved(finding, by=person)
    requesting.extend(
        waiver_id=old.pk,
        version=1,
        by=person,
        reason="More.",
        expires_at=old.expires_at + MONTH,
        now=NOW,
    )
    sql = INSERT.replace("(scope,", "(extends_id, scope,").replace(
        "SELECT 'f", f"SELECT {old.pk}, 'f"
    )

    refused_by(
        "waiver_extended_once", sql, "requested", person.pk, finding.pk, None, None, None, None
    )


def test_only_a_search_is_limited_to_teams(finding: Finding):
    sql = INSERT.replace("(scope,", "(teams, scope,").replace("SELECT 'f", "SELECT '{1}', 'f")
    refused_by(
        "waiver_teams_limit_a_search",
        sql,
        "requested",
        analyst().pk,
        finding.pk,
        None,
        None,
        None,
        None,
    )


def test_every_guard_is_looked_at():
    """A new constraint or trigger of these tables is named in this file."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u') AND conrelid IN"
            " ('findings_waiver'::regclass, 'findings_waivercover'::regclass)"
            " AND (conname LIKE 'waiver%' OR conname LIKE 'cover%')"
        )
        names = {name for (name,) in cursor.fetchall()}
    here = Path(__file__)
    text = here.read_text("utf-8") + here.with_name("test_below_the_code.py").read_text("utf-8")

    assert {name for name in names if name not in text} == set()
