"""Whoever has the application's role in the database cannot undo what the database promises (P21).

Each attempt is made at a prompt of the role itself, on a database that the owner has migrated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import errors

from vmgov import postgres, privileges

OF_THE_LOG = (
    "UPDATE audit_entry SET action = 'x'",
    "DELETE FROM audit_entry",
    "WITH gone AS (DELETE FROM audit_entry RETURNING 1) SELECT count(*) FROM gone",
    "MERGE INTO audit_entry USING (SELECT 1) AS one (id) ON audit_entry.id = one.id"
    " WHEN MATCHED THEN DELETE",
    "INSERT INTO audit_entry SELECT * FROM audit_entry ON CONFLICT (id) DO UPDATE SET action = 'x'",
    "SELECT * FROM audit_entry FOR UPDATE",
    "TRUNCATE audit_entry",
    "TRUNCATE audit_entry RESTART IDENTITY CASCADE",
    "DROP TABLE audit_entry",
    "DROP TABLE audit_entry CASCADE",
    "LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "ALTER TABLE audit_entry DISABLE TRIGGER audit_append_only",
    "ALTER TABLE audit_entry RENAME TO forgotten",
    "ALTER TABLE audit_entry ADD COLUMN more text",
    "ALTER TABLE audit_entry ALTER COLUMN action TYPE text USING 'x'",
    "ALTER TABLE audit_entry OWNER TO vmgov_app",
    "ALTER TABLE audit_entry SET SCHEMA pg_temp",
    "ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY nobody ON audit_entry USING (false)",
    "CREATE RULE nothing AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
    "CREATE INDEX ON audit_entry ((1 / 0))",
    "CREATE TEMP TABLE child () INHERITS (audit_entry)",
    "SELECT setval(pg_get_serial_sequence('audit_entry', 'id'), 1, false)",
    "ALTER TABLE audit_entry ALTER COLUMN id RESTART WITH 1",
    "COPY audit_entry FROM '/etc/hostname'",
    "COPY audit_entry TO '/tmp/vmgov-stolen'",
    "COPY audit_entry TO PROGRAM 'cat'",
)

OF_ITS_TRIGGERS = (
    "DROP TRIGGER audit_append_only ON audit_entry",
    "DROP TRIGGER audit_no_truncate ON audit_entry",
    "ALTER TRIGGER audit_append_only ON audit_entry RENAME TO x",
    "CREATE TRIGGER swallow BEFORE INSERT ON audit_entry FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN OLD; END'",
    "CREATE OR REPLACE FUNCTION accounts_separate_duties() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NEW; END'",
    "ALTER FUNCTION audit_refuse() RENAME TO x",
    "ALTER FUNCTION audit_refuse() OWNER TO vmgov_app",
    "ALTER FUNCTION accounts_separate_duties() SET search_path = pg_temp",
    "DROP FUNCTION audit_refuse() CASCADE",
    "DROP FUNCTION accounts_separate_duties() CASCADE",
    "ALTER TABLE accounts_roleassignment DISABLE TRIGGER USER",
    "SET session_replication_role = replica",
    "SET LOCAL session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "ALTER ROLE vmgov_app SET session_replication_role = replica",
    "ALTER DATABASE CURRENT SET session_replication_role = replica",
)

OF_THE_REST = (
    "CREATE TABLE mine (id int)",
    "CREATE UNLOGGED TABLE mine (id int)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE SEQUENCE mine",
    "CREATE TYPE mine AS ENUM ('x')",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "CREATE EXTENSION vector",  # comes with the wheel
    "DROP EXTENSION plpgsql CASCADE",
    "CREATE LANGUAGE mine HANDLER plpgsql_call_handler",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION audit_refuse()",
    "DROP SCHEMA public CASCADE",
    "ALTER SCHEMA public RENAME TO x",
    "ALTER SCHEMA public OWNER TO vmgov_app",
    "ALTER DATABASE CURRENT RENAME TO x",
    "ALTER DEFAULT PRIVILEGES FOR ROLE vmgov_owner GRANT ALL ON TABLES TO vmgov_app",
    "REASSIGN OWNED BY vmgov_owner TO vmgov_app",
    "DROP OWNED BY vmgov_owner",
    "SET ROLE vmgov_owner",
    "SET ROLE vmgov",
    "SET ROLE pg_database_owner",
    "SET SESSION AUTHORIZATION vmgov_owner",
    "GRANT vmgov_owner TO vmgov_app",
    "ALTER ROLE vmgov_app SUPERUSER",
    "ALTER ROLE vmgov_app BYPASSRLS",
    "ALTER ROLE vmgov_app CREATEROLE",
    "ALTER ROLE vmgov_owner PASSWORD 'x'",
    "UPDATE django_migrations SET name = 'x'",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())",
    "DELETE FROM django_migrations",
    "TRUNCATE accounts_team CASCADE",
    "ALTER TABLE accounts_team DROP COLUMN name",
    "CREATE TRIGGER mine BEFORE INSERT ON accounts_team FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "UPDATE pg_class SET relowner = 10",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/vmgov-stolen')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_reload_conf()",
)


@pytest.mark.parametrize("statement", OF_THE_LOG + OF_ITS_TRIGGERS + OF_THE_REST)
def test_the_application_is_refused(application_role: psycopg.Connection, statement: str):
    refused(application_role, statement)


@pytest.mark.parametrize(
    "statement",
    ["CREATE DATABASE mine", "ALTER SYSTEM SET fsync = off", "CREATE TABLESPACE x LOCATION '/x'"],
)
def test_the_application_is_refused_outside_of_transactions(
    application_role: psycopg.Connection, statement: str
):
    with pytest.raises(errors.InsufficientPrivilege):
        application_role.execute(statement.encode())


@pytest.mark.parametrize("to", ["vmgov_app", "PUBLIC"])
def test_the_application_cannot_give_itself_anything(application_role: psycopg.Connection, to: str):
    """PostgreSQL answers with a warning that nothing was granted."""
    with undone(application_role):
        application_role.execute(f"GRANT ALL ON audit_entry TO {to}".encode())
        with pytest.raises(errors.InsufficientPrivilege):
            application_role.execute("UPDATE audit_entry SET action = 'x'")


def refused(role: psycopg.Connection, statement: str) -> None:
    name = connection.settings_dict["NAME"]
    with pytest.raises(errors.InsufficientPrivilege), undone(role):
        role.execute(statement.replace("DATABASE CURRENT", f"DATABASE {name}").encode())


@contextmanager
def undone(role: psycopg.Connection) -> Iterator[None]:
    with role.transaction(force_rollback=True):
        yield


def test_the_application_may_read_and_write_rows(application_role: psycopg.Connection):
    with undone(application_role):
        application_role.execute("INSERT INTO accounts_team (name) VALUES ('Kept')")
        application_role.execute("UPDATE accounts_team SET name = 'Other'")
        application_role.execute("DELETE FROM accounts_team")
        application_role.execute(AN_ENTRY)
        assert application_role.execute("SELECT action FROM audit_entry").fetchall() == [("x",)]
        assert application_role.execute("SELECT count(*) FROM django_migrations").fetchone()


AN_ENTRY = """
INSERT INTO audit_entry (at, actor_label, via, action, target_type, target_id, target_label,
    request_id) VALUES (now(), 'x', 'x', 'x', 'x', 'x', 'x', 'x')
"""


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entry SET action = 'y'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"],
)
def test_the_trigger_refuses_even_the_owner(owner_role: psycopg.Connection, statement: str):
    with undone(owner_role):
        owner_role.execute(AN_ENTRY)
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            owner_role.execute(statement.encode())


# --- the whole schema -----------------------------------------------------------------------------


def test_the_application_could_do_nothing_else(db: None):
    assert connection.settings_dict["USER"] == postgres.APPLICATION
    assert privileges.excess() == []


@pytest.mark.parametrize(
    ("defect", "sentence"),
    [
        ("GRANT UPDATE ON audit_entry TO vmgov_app", "It may UPDATE on audit_entry."),
        ("GRANT UPDATE (action) ON audit_entry TO vmgov_app", "It may UPDATE on audit_entry."),
        ("GRANT DELETE ON audit_entry TO PUBLIC", "It may DELETE on audit_entry."),
        (
            "GRANT TRIGGER, TRUNCATE ON accounts_team TO vmgov_app",
            "It may TRIGGER, TRUNCATE on accounts_team.",
        ),
        ("GRANT INSERT ON django_migrations TO vmgov_app", "It may INSERT on django_migrations."),
        ("GRANT CREATE ON SCHEMA public TO vmgov_app", "It may make things in the schema."),
        ("GRANT vmgov_owner TO vmgov_app", "It could become vmgov_owner, which owns "),
        ("GRANT pg_write_server_files TO vmgov_app", "It could become pg_write_server_files."),
        ("ALTER TABLE accounts_team OWNER TO vmgov_app", "It owns table accounts_team."),
        ("ALTER FUNCTION audit_refuse() OWNER TO vmgov_app", "It owns function audit_refuse."),
        ("ALTER ROLE vmgov_app BYPASSRLS", "It is exempt from row security."),
        ("ALTER ROLE vmgov_app SUPERUSER", "It is a superuser."),
        (
            "GRANT SET ON PARAMETER session_replication_role TO vmgov_app",
            "It may switch triggers off.",
        ),
    ],
)
def test_what_it_could_do_beyond_is_said(superuser: CursorWrapper, defect: str, sentence: str):
    superuser.execute(defect)
    superuser.execute("SET LOCAL ROLE vmgov_app")

    said = privileges.excess()

    assert any(one.startswith(sentence) for one in said), said


def test_functions_look_names_up_where_they_were_told_and_run_as_who_calls_them(db: None):
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS)
        functions = cursor.fetchall()

    assert len(functions) > 2
    for name, runs_as_owner, settings in functions:
        path = [one for one in settings or [] if one.startswith("search_path=pg_catalog, ")]
        assert path, f"{name} looks names up wherever its caller says"
        assert path[0].endswith(", pg_temp"), f"{name} takes a temporary table for a real one"
        assert not runs_as_owner or name in RUN_AS_OWNER, name


FUNCTIONS = """
SELECT p.proname, p.prosecdef, p.proconfig FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'
"""
RUN_AS_OWNER = {"inventory_analyze"}  # nobody but a table's owner may ANALYZE it before 17


def test_a_temporary_table_does_not_stand_in_for_a_real_one(application_role: psycopg.Connection):
    with pytest.raises(errors.CheckViolation, match="may not hold both"), undone(application_role):
        application_role.execute(TWO_ROLES_BEHIND_A_SCREEN)


# The trigger on role assignments asks which other roles somebody holds.
TWO_ROLES_BEHIND_A_SCREEN = b"""
INSERT INTO accounts_user (id, username, full_name, email, password, scope, is_active,
    session_generation, must_change_password, created_at)
VALUES (-1, 'mallory', '', '', '', 'all', true, 0, false, now());
INSERT INTO accounts_roleassignment (user_id, role, granted_at) VALUES (-1, 'auditor', now());
CREATE TEMP TABLE accounts_roleassignment (id bigint, user_id bigint, role text);
INSERT INTO public.accounts_roleassignment (user_id, role, granted_at)
VALUES (-1, 'operator', now());
"""


def test_the_application_may_have_the_planner_told(application_role: psycopg.Connection):
    with undone(application_role):
        application_role.execute("INSERT INTO accounts_team (name) VALUES ('One'), ('Two')")
        application_role.execute("SELECT inventory_analyze('accounts_team')")
        counted = application_role.execute(
            "SELECT reltuples FROM pg_class WHERE relname = 'accounts_team'"
        ).fetchone()
    assert counted == (2,)


def test_history_is_kept_by_a_trigger_and_by_a_lack_of_rights(db: None):
    """One without the other is a promise half kept: `append_only = True` belongs to the model."""
    with connection.cursor() as cursor:
        cursor.execute(REFUSING)
        refusing = {table for (table,) in cursor.fetchall()}
        cursor.execute(REFUSING + "AND p.prosrc !~* 'return'")
        always = {table for (table,) in cursor.fetchall()}

    assert "audit_entry" in always
    assert always <= privileges.append_only() <= refusing


# Triggers before UPDATE and DELETE, in the bits of tgtype.
REFUSING = """
SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgenabled = 'O' AND t.tgtype & 26 = 26
"""


def test_what_was_given_in_error_is_taken_back_by_the_next_migration(superuser: CursorWrapper):
    for defect in (
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO vmgov_app",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO vmgov_app",
        "GRANT CREATE ON SCHEMA public TO vmgov_app",
        "ALTER FUNCTION audit_refuse() RESET search_path",
        "ALTER FUNCTION accounts_separate_duties() SET search_path = public",
    ):
        superuser.execute(defect)
    superuser.execute("SET LOCAL ROLE vmgov_owner")

    privileges.give(to=postgres.APPLICATION)

    superuser.execute(FUNCTIONS)
    assert all(settings[0].endswith(", pg_temp") for _, _, settings in superuser.fetchall())
    superuser.execute("SELECT has_sequence_privilege('vmgov_app', 'audit_entry_id_seq', 'UPDATE')")
    assert superuser.fetchone() == (False,)
    superuser.execute("SET LOCAL ROLE vmgov_app")
    assert privileges.excess() == []


def test_a_table_nobody_has_spoken_of_counts_as_history(
    owner_role: psycopg.Connection, application_role: psycopg.Connection
):
    owner_role.execute("CREATE TABLE nobody_spoke (id bigint)")
    try:
        application_role.execute("INSERT INTO nobody_spoke VALUES (1)")
        refused(application_role, "UPDATE nobody_spoke SET id = 2")
        refused(application_role, "DELETE FROM nobody_spoke")
    finally:
        owner_role.execute("DROP TABLE nobody_spoke")
