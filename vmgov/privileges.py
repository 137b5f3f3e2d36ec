"""What the application's role may do in the database: read and write rows, and nothing else.

The schema belongs to another role, which `migrate` alone uses. After each migration `give` brings
the application's privileges up to date; `excess` names everything it could do beyond them.

A model whose rows are history says `append_only = True`: its table can then be read and added to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

READ: frozenset[str] = frozenset({"SELECT"})
APPEND = READ | {"INSERT"}
WRITE = APPEND | {"UPDATE", "DELETE"}
COUNT: frozenset[str] = frozenset({"SELECT", "USAGE"})
ONE_AT_A_TIME = 0x766D676F76  # the name of an advisory lock
# Roles of PostgreSQL itself that lead past everything that is promised here.
POWERFUL = (
    "pg_database_owner",
    "pg_execute_server_program",
    "pg_maintain",
    "pg_read_server_files",
    "pg_write_all_data",
    "pg_write_server_files",
)


@contextmanager
def as_owner() -> Iterator[None]:
    """Be the schema's owner inside, on this thread's connection; without one, stay who we are."""
    owner: dict[str, Any] | None = settings.DATABASE_OWNER
    if owner is None:
        yield
        return
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError("A transaction belongs to one role.")
    wrapper = connections[DEFAULT_DB_ALIAS]
    application = wrapper.settings_dict
    wrapper.close()
    wrapper.settings_dict = {**application, **owner}
    try:
        yield
    finally:
        wrapper.close()
        wrapper.settings_dict = application


# --- giving ---------------------------------------------------------------------------------------


def wanted(relation: str, kind: str) -> frozenset[str]:
    """What the application needs of a table (r, p), view (v) or sequence (S)."""
    if kind == "S":
        return COUNT
    if kind not in {"r", "p"} or relation == MigrationRecorder.Migration._meta.db_table:
        return READ
    return APPEND if relation in append_only() else WRITE


def append_only() -> frozenset[str]:
    """The tables of the models that say so."""
    return frozenset(
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if getattr(model, "append_only", False)
    )


def give(*, to: str) -> None:
    """As the owner, give a role what it needs in our schema and take away everything else.

    Writes only what is not so yet. A table that nobody has spoken of can be read and added to.
    """
    role = sql.Identifier(to)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
        cursor.execute("SELECT current_schema()")
        schema = sql.Identifier(cursor.fetchone()[0])
        for template in FOR_WHAT_COMES:
            cursor.execute(sql.SQL(template).format(role=role, schema=schema))
        for statement in (*_changes(cursor, to), *_unpinned(cursor, schema)):
            cursor.execute(statement)


FOR_WHAT_COMES = (
    "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, USAGE ON SEQUENCES TO {role}",
)

HELD = """
SELECT c.relname, c.relkind::text, array_remove(array_agg(held.privilege_type), NULL)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
LEFT JOIN LATERAL (
    SELECT one.privilege_type FROM aclexplode(c.relacl) AS one
    WHERE one.grantee = (SELECT oid FROM pg_roles WHERE rolname = %s)
) AS held ON true
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
GROUP BY c.relname, c.relkind ORDER BY c.relname
"""


def _changes(cursor: CursorWrapper, to: str) -> list[sql.Composed]:
    cursor.execute(HELD, [to])
    role = sql.Identifier(to)
    changes = []
    for relation, kind, privileges in cursor.fetchall():
        on = sql.SQL("SEQUENCE {}" if kind == "S" else "{}").format(sql.Identifier(relation))
        held, needed = frozenset(privileges), wanted(relation, kind)
        for verb, preposition, which in (
            ("REVOKE", "FROM", held - needed),
            ("GRANT", "TO", needed - held),
        ):
            if which:
                changes.append(
                    sql.SQL("{} {} ON {} {} {}").format(
                        sql.SQL(verb),
                        sql.SQL(", ").join(sql.SQL(one) for one in sorted(which)),
                        on,
                        sql.SQL(preposition),
                        role,
                    )
                )
    return changes


UNPINNED = """
SELECT p.oid::regprocedure::text FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = current_schema()
WHERE NOT EXISTS (SELECT FROM unnest(p.proconfig) AS one
        WHERE one ~ '^search_path=pg_catalog,.* pg_temp$')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
        AND d.objid = p.oid AND d.deptype = 'e')
"""


def _unpinned(cursor: CursorWrapper, schema: sql.Identifier) -> list[sql.Composed]:
    """Functions look names up where we say: a temporary table must not stand in for a real one."""
    cursor.execute(UNPINNED)
    return [
        sql.SQL("ALTER ROUTINE {} SET search_path = pg_catalog, {}, pg_temp").format(
            sql.SQL(signature), schema
        )
        for (signature,) in cursor.fetchall()
    ]


# --- looking --------------------------------------------------------------------------------------


def excess() -> list[str]:
    """Sentences about what the present role could do beyond reading and writing rows."""
    with connection.cursor() as cursor:
        cursor.execute(ATTRIBUTES)
        attributes = [sentence for (sentence,) in cursor.fetchall()]
        cursor.execute(OWNERS, [list(POWERFUL)])
        owners = [sentence for (sentence,) in cursor.fetchall()]
        cursor.execute(LARGER)
        larger = [sentence for (sentence,) in cursor.fetchall()]
        cursor.execute(TABLES)
        tables = [
            f"It may {', '.join(sorted(extra))} on {relation}."
            for relation, kind, privileges in cursor.fetchall()
            if (extra := frozenset(privileges) - wanted(relation, kind))
        ]
    return [*attributes, *owners, *larger, *(tables if not (attributes or owners) else [])]


ATTRIBUTES = """
SELECT format('It is %s.', held.what) FROM pg_roles r CROSS JOIN LATERAL (VALUES
    (r.rolsuper, 'a superuser'), (r.rolbypassrls, 'exempt from row security'),
    (r.rolcreaterole, 'able to make roles'), (r.rolcreatedb, 'able to make databases'),
    (r.rolreplication, 'able to replicate')) AS held (so, what)
WHERE r.rolname = current_user AND held.so
"""

# Owning something, or being able to become who does, comes to the same.
OWNERS = """
WITH owned AS (
    SELECT format('table %%s', c.relname) AS what, c.relowner AS by FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    WHERE c.relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT format('function %%s', p.proname), p.proowner FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = current_schema()
    UNION ALL SELECT format('schema %%s', nspname), nspowner FROM pg_namespace
    WHERE nspname = current_schema()
    UNION ALL SELECT format('database %%s', datname), datdba FROM pg_database
    WHERE datname = current_database()
), reachable AS (
    SELECT oid, rolname FROM pg_roles r
    WHERE pg_has_role(current_user, r.oid, 'MEMBER') AND NOT EXISTS (
        SELECT FROM pg_roles me WHERE me.rolname = current_user AND me.rolsuper)
)
SELECT format(CASE WHEN r.rolname = current_user THEN 'It owns %%1$s%%3$s.'
    ELSE 'It could become %%2$s, which owns %%1$s%%3$s.' END, min(o.what), r.rolname,
    CASE WHEN count(*) > 1 THEN format(' and %%s more things', count(*) - 1) ELSE '' END)
FROM owned o JOIN reachable r ON r.oid = o.by GROUP BY r.rolname
UNION ALL
SELECT format('It could become %%s.', r.rolname) FROM reachable r JOIN pg_roles p USING (oid)
WHERE r.rolname <> current_user
    AND (p.rolsuper OR p.rolbypassrls OR p.rolcreaterole OR r.rolname = ANY (%s))
"""

LARGER = """
SELECT sentence FROM (VALUES
    (has_schema_privilege(current_schema(), 'CREATE'), 'It may make things in the schema.'),
    (has_database_privilege(current_database(), 'CREATE'), 'It may make schemas.'),
    (has_parameter_privilege('session_replication_role', 'SET'), 'It may switch triggers off.')
) AS held (so, sentence) WHERE so AND NOT (
    SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""

TABLES = """
SELECT c.relname, c.relkind::text, array_agg(p.privilege)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'),
    ('TRIGGER')) AS p (privilege)
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND CASE
    WHEN p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
    THEN has_any_column_privilege(c.oid, p.privilege) ELSE has_table_privilege(c.oid, p.privilege)
END GROUP BY c.relname, c.relkind ORDER BY c.relname
"""
