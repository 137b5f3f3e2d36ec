"""What holds even without the triggers, or for whoever may do more than the application."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from tests.factories import FindingFactory, UserFactory
from tests.findings.waivers.cast import approved, asked


def refused_by(constraint: str, sql: str, *params: Any) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic(), connection.cursor() as c:
        c.execute(sql, params)
    cause: Any = refusal.value.__cause__
    assert cause.diag.constraint_name == constraint


def test_the_constraints_alone_refuse_two_hats(superuser: CursorWrapper):
    both = UserFactory(roles=["analyst", "approver"])
    waiver = asked(FindingFactory(), by=both)
    superuser.execute("SET CONSTRAINTS ALL IMMEDIATE")
    superuser.execute("ALTER TABLE findings_waiver DISABLE TRIGGER findings_guard_waiver")

    refused_by(
        "waiver_four_eyes",
        "UPDATE findings_waiver SET status = 'approved', decided_by_id = %s, decided_at = now(),"
        " at_most = 1, gravest = 0 WHERE id = %s",
        both.pk,
        waiver.pk,
    )
    refused_by(
        "waiver_reviewed_by_another",
        "UPDATE findings_waiver SET reviewer_id = %s WHERE id = %s",
        both.pk,
        waiver.pk,
    )


def test_a_finding_is_covered_once(superuser: CursorWrapper):
    approved(FindingFactory())

    refused_by(
        "covered_once",
        "INSERT INTO findings_waivercover (waiver_id, finding_id, since)"
        " SELECT waiver_id, finding_id, since FROM findings_waivercover",
    )


def test_nobody_removes_or_rewrites_what_was_decided(superuser: CursorWrapper):
    approved(FindingFactory())
    superuser.execute("SET CONSTRAINTS ALL IMMEDIATE")

    refused_by("waiver_kept", "DELETE FROM findings_waiver")
    refused_by("waiver_kept", "UPDATE findings_waiverevent SET why = 'x'")
    refused_by("waiver_kept", "DELETE FROM findings_waiverevent")
    refused_by("waiver_kept", "TRUNCATE findings_waiver CASCADE")
    refused_by("waiver_kept", "TRUNCATE findings_waiverevent")


@pytest.mark.django_db  # also what has the database of these tests made, if they run alone
def test_the_application_owns_none_of_it():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE 'findings_waiver%'"
            " AND tableowner = current_user"
        )
        assert cursor.fetchall() == []
