"""The two roles of the database: one owns the schema, one works in it.

Promises that constraints and triggers make hold against whoever has the application's role only as
long as that role cannot remove them.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

SCRAM_ITERATIONS = 4096


@dataclass(frozen=True, kw_only=True)
class Login:
    """A role that may sign in."""

    name: str
    password: str


def derived(name: str, *, secret: str) -> Login:
    """The login of a role whose password follows from another secret, which it does not tell."""
    digest = hmac.digest(secret.encode(), f"database role {name}".encode(), "sha256")
    return Login(name=name, password=base64.urlsafe_b64encode(digest).decode().rstrip("="))


def script(*, owner: Login, application: Login, database: str) -> str:
    """SQL for an administrator in `database`: make both roles, and let the owner own everything.

    It may be run again, changes the passwords to these, and never holds them in the clear.
    """
    return (
        sql.SQL(SCRIPT)
        .format(
            owner=sql.Identifier(owner.name),
            owner_text=sql.Literal(owner.name),
            owner_password=sql.Literal(_verifier(owner.password)),
            application=sql.Identifier(application.name),
            application_text=sql.Literal(application.name),
            application_password=sql.Literal(_verifier(application.password)),
            database=sql.Identifier(database),
            everything=sql.SQL(EVERYTHING),
        )
        .as_string(None)
    )


def are_apart(connection: psycopg.Connection, *, owner: str, application: str) -> bool:
    """Whether `script` has nothing to do in this database but to change passwords."""
    row = connection.execute(
        sql.SQL(ARE_APART).format(
            owner=owner, application=application, everything=sql.SQL(EVERYTHING)
        )
    ).fetchone()
    return row is not None and row[0] is True


def _verifier(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), so that no log of statements holds it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt_64, stored_64, server_64 = (
        base64.b64encode(part).decode() for part in (salt, stored_key, server_key)
    )
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt_64}${stored_64}:{server_64}"


# What is in our schema and whose it is. Sequences of columns follow their table.
EVERYTHING: LiteralString = """
SELECT format('TABLE %s', c.oid::regclass) AS thing, pg_get_userbyid(c.relowner) AS owner
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
UNION ALL
SELECT format('ROUTINE %s', p.oid::regprocedure), pg_get_userbyid(p.proowner)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'public'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
        AND d.objid = p.oid AND d.deptype = 'e')
"""

ARE_APART: LiteralString = """
SELECT (SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ({owner}, {application}))
    AND (SELECT pg_get_userbyid(datdba) = {owner} FROM pg_database
        WHERE datname = current_database())
    AND NOT EXISTS (SELECT FROM ({everything}) AS found WHERE found.owner <> {owner})
"""

SCRIPT: LiteralString = """\
DO $roles$
DECLARE
    stranger record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {owner_text}) THEN
        CREATE ROLE {owner};
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {application_text}) THEN
        CREATE ROLE {application};
    END IF;
    ALTER ROLE {owner} LOGIN PASSWORD {owner_password};
    ALTER ROLE {application} LOGIN PASSWORD {application_password};
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT {owner} TO CURRENT_USER;  -- only who could become it may give it something
    END IF;
    ALTER DATABASE {database} OWNER TO {owner};
    REVOKE CREATE ON DATABASE {database} FROM PUBLIC, {application};
    GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {application};
    IF (SELECT nspowner <> 'pg_database_owner'::regrole FROM pg_namespace
            WHERE nspname = 'public') THEN
        ALTER SCHEMA public OWNER TO {owner};
    END IF;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC, {application};
    FOR stranger IN
        SELECT thing FROM ({everything}) AS found WHERE found.owner <> {owner_text}
    LOOP
        EXECUTE format('ALTER %s OWNER TO %I', stranger.thing, {owner_text});
    END LOOP;
END
$roles$;
"""
