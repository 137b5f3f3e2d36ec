"""`manage.py database_roles` prints SQL that makes two roles, in a fresh database or an old one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from vmgov import env, keys, postgres

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """A server as an administrator has it."""
    with tempfile.TemporaryDirectory(prefix="vmgov-var-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL's user has to pass through
        server = postgres.Server(var_dir=Path(folder), password="a-password")
        with postgres.running(server):
            yield server


@pytest.fixture
def site(server: postgres.Server) -> Iterator[Site]:
    with server.connect("postgres") as superuser:
        superuser.execute("CREATE DATABASE site")
        superuser.execute("CREATE ROLE administrator LOGIN CREATEROLE CREATEDB PASSWORD 'a'")
        superuser.execute("ALTER DATABASE site OWNER TO administrator")
    yield Site(server)
    with server.connect("postgres") as superuser:
        superuser.execute("DROP DATABASE site")
        for role in ("site_owner", "site-app", "administrator"):
            superuser.execute(f'DROP ROLE IF EXISTS "{role}"')


class Site:
    """An installation with a database of its own in somebody's server."""

    def __init__(self, server: postgres.Server) -> None:
        self.server = server
        self.application = self.url("site-app", "it's%20a$secret")
        self.owner = self.url("site_owner", "another")

    def url(self, role: str, password: str) -> str:
        where = postgres.socket_folder(self.server.var_dir)
        return f"postgresql://{role}:{password}@/site?host={where}"

    def manage(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        ours = {name.upper() for name in env.Env.model_fields}
        ours |= {"DJANGO_SETTINGS_MODULE", "DJANGO_ALLOW_ASYNC_UNSAFE"}
        inherited = {name: value for name, value in os.environ.items() if name not in ours}
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=inherited | PRODUCTION | {"DATABASE_URL": self.application} | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def make_roles(self, *, by: str) -> None:
        printed = self.manage("database_roles", DATABASE_OWNER_URL=self.owner)
        assert printed.returncode == 0, printed.stderr
        assert "it's" not in printed.stdout
        with psycopg.connect(by, autocommit=True) as administrator:
            administrator.execute(printed.stdout.encode())

    def superuser(self) -> str:
        return self.url(postgres.SUPERUSER, self.server.password)


PRODUCTION = {
    "REDIS_URL": "redis://broker.invalid",
    "PUBLIC_URL": "https://vmgov.example.org",
    "SECRET_KEY": "".join(chr(33 + n) for n in range(60)),
    "TOKEN_PEPPER": "".join(chr(40 + n) for n in range(60)),
    "CREDENTIAL_KEYS": keys.new_credential_key(),
    "PROXY_COUNT": "1",
}
COUNT_TEAMS = "from accounts.models import Team; print(Team.objects.count())"
STRICT = ("check", "--deploy", "--fail-level", "WARNING")


def test_a_superuser_or_a_managed_services_administrator_makes_the_roles(site: Site):
    for by in (site.url("administrator", "a"), site.superuser()):  # the second time changes nothing
        site.make_roles(by=by)

    refused = site.manage("migrate")
    assert refused.returncode == 1  # the application makes no tables
    prepared = site.manage("prepare", DATABASE_OWNER_URL=site.owner)
    assert prepared.returncode == 0, prepared.stderr
    counted = site.manage("shell", "--verbosity", "0", "-c", COUNT_TEAMS)
    assert counted.stdout == "0\n", counted.stderr
    checked = site.manage(*STRICT)
    assert checked.returncode == 0, checked.stderr
    assert site.manage("prepare", DATABASE_OWNER_URL=site.owner).returncode == 0


def test_a_database_with_one_role_works_is_refused_and_can_be_split(site: Site):
    everything = {"DATABASE_URL": site.superuser()}
    assert site.manage("prepare", **everything).returncode == 0
    counted = site.manage("shell", "--verbosity", "0", "-c", COUNT_TEAMS, **everything)
    assert counted.stdout == "0\n", counted.stderr
    refused = site.manage(*STRICT, **everything)
    assert refused.returncode == 1
    assert "vmgov.E010" in refused.stderr
    assert "It is a superuser." in refused.stderr

    site.make_roles(by=site.superuser())

    assert "vmgov.E010" not in site.manage(*STRICT).stderr
    assert site.manage("prepare", DATABASE_OWNER_URL=site.owner).returncode == 0
    counted = site.manage("shell", "--verbosity", "0", "-c", COUNT_TEAMS)
    assert counted.stdout == "0\n", counted.stderr
    assert site.manage(*STRICT).returncode == 0


def test_tables_of_somebody_else_are_named_before_anything_is_migrated(site: Site):
    site.make_roles(by=site.superuser())
    with psycopg.connect(site.superuser(), autocommit=True) as superuser:
        superuser.execute("CREATE TABLE accounts_team (id bigint)")

    refused = site.manage("migrate", DATABASE_OWNER_URL=site.owner)

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "accounts_team" in refused.stderr
    assert "database_roles" in refused.stderr


def test_roles_for_nobody_are_not_printed(site: Site):
    refused = site.manage("database_roles")

    assert refused.returncode == 1
    assert "Set DATABASE_OWNER_URL" in refused.stderr
