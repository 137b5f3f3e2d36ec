"""The audit log is written in the act's transaction and never changed afterwards (P20, P21)."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from audit import trail
from audit.models import Entry
from tests.factories import TeamFactory, UserFactory

pytestmark = pytest.mark.django_db

# Who has the right meets a trigger: tests/architecture/test_database_role.py.
REFUSED = "permission denied for table audit_entry"


def an_entry() -> Entry:
    with transaction.atomic():
        return trail.record(None, "tests:thing:do")


def refused(statement: str) -> None:
    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
        connection.cursor().execute(statement)


def test_an_entry_says_who_did_what_to_what():
    alice = UserFactory(full_name="Alice Aas")
    team = TeamFactory(name="Finance")

    with transaction.atomic():
        entry = trail.record(
            alice, "tests:thing:do", team, before={"name": "Money"}, after={"name": "Finance"}
        )

    entry.refresh_from_db()
    assert (entry.actor_id, entry.actor_label) == (alice.pk, "Alice Aas")
    assert (entry.target_type, entry.target_id) == ("accounts.team", str(team.pk))
    assert (entry.target_label, entry.before, entry.after) == (
        "Finance",
        {"name": "Money"},
        {"name": "Finance"},
    )


def test_an_entry_cannot_be_updated_by_a_queryset():
    an_entry()

    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
        Entry.objects.update(actor_label="somebody else")


def test_an_entry_cannot_be_saved_again():
    entry = an_entry()
    entry.action = "tests:other:do"

    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
        entry.save()


def test_an_entry_cannot_be_deleted_by_a_queryset():
    an_entry()

    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
        Entry.objects.all().delete()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET action = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "TRUNCATE audit_entry CASCADE",
        "WITH gone AS (DELETE FROM audit_entry RETURNING 1) SELECT count(*) FROM gone",
        "INSERT INTO audit_entry (id, at, actor_label, via, action, target_type, target_id,"
        " target_label, request_id) SELECT id, at, actor_label, via, action, target_type,"
        " target_id, target_label, request_id FROM audit_entry LIMIT 1"
        " ON CONFLICT (id) DO UPDATE SET action = 'x'",
    ],
)
def test_sql_cannot_change_an_entry(statement: str):
    an_entry()

    refused(statement)

    assert Entry.objects.get().action == "tests:thing:do"


@pytest.mark.django_db(transaction=True)
def test_flushing_the_database_is_refused():
    an_entry()

    with pytest.MonkeyPatch.context() as patch:
        # Undo what lets the tests clean up after themselves.
        patch.setattr(type(connection.ops), "execute_sql_flush", _plain_flush)
        with pytest.raises(CommandError):
            call_command("flush", interactive=False, verbosity=0)

    assert Entry.objects.count() == 1


def _plain_flush(self, sql_list):
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in sql_list:
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_entry():
    with transaction.atomic():
        trail.record(None, "tests:thing:do")
        transaction.set_rollback(True)

    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_recording_apart_from_the_act_is_refused():
    with pytest.raises(trail.NotInTransaction):
        trail.record(None, "tests:thing:do")

    assert not Entry.objects.exists()


def test_an_entry_keeps_where_the_act_came_from():
    where = trail.Origin(via="api", request_id="r-1", address="192.0.2.7")

    with trail.origin(where):
        entry = an_entry()

    assert (entry.via, entry.request_id, entry.address) == ("api", "r-1", "192.0.2.7")
    assert an_entry().via == "system"
