"""The command line says in a sentence what stops it, and production is refused until it is safe."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.db import connection

from vmgov import env, keys
from vmgov.management.commands.up import _without_the_owner

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment in which only these variables of ours are set."""
    ours = {name.upper() for name in env.Env.model_fields} | {
        "DJANGO_SETTINGS_MODULE",
        "DJANGO_ALLOW_ASYNC_UNSAFE",
    }
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=inherited | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def url_of_the_test_database() -> str:
    given = connection.settings_dict
    query = urlencode({"host": given["OPTIONS"]["host"]})
    return f"postgresql://{given['USER']}:{given['PASSWORD']}@/{given['NAME']}?{query}"


@pytest.fixture
def production(django_db_setup: None) -> dict[str, str]:
    return {
        "DATABASE_URL": url_of_the_test_database(),
        "REDIS_URL": "redis://broker.invalid",
        "PUBLIC_URL": "https://vmgov.example.org",
        "SECRET_KEY": "".join(chr(33 + n) for n in range(60)),
        "TOKEN_PEPPER": "".join(chr(40 + n) for n in range(60)),
        "CREDENTIAL_KEYS": keys.new_credential_key(),
        "PROXY_COUNT": "1",
    }


def test_a_safe_production_passes_every_check_without_a_warning(production: dict[str, str]):
    checked = manage("check", "--deploy", "--fail-level", "WARNING", **production)

    assert checked.returncode == 0, checked.stderr


def test_an_unsafe_one_is_refused(production: dict[str, str]):
    checked = manage("check", "--deploy", **production | {"PUBLIC_URL": "http://vmgov.example.org"})

    assert checked.returncode == 1
    assert "vmgov.E003" in checked.stderr


def test_a_database_that_cannot_be_asked_is_no_safe_one(production: dict[str, str]):
    nowhere = {"DATABASE_URL": "postgresql://vmgov:secret@127.0.0.1:1/vmgov"}

    checked = manage("check", "--deploy", **production | nowhere)

    assert checked.returncode == 1
    assert "vmgov.E011" in checked.stderr
    assert "secret" not in checked.stderr


def test_processes_that_are_started_are_not_told_the_owner():
    told = _without_the_owner(
        {"DATABASE_URL": "a", "DATABASE_OWNER_URL": "b", "DATABASE_OWNER_URL_FILE": "c"}
    )

    assert told == {"DATABASE_URL": "a"}


def test_an_unusable_environment_is_told_without_a_traceback(production: dict[str, str]):
    refused = manage("check", **production | {"SECRET_KEY": "hunter2", "LOG_FORMAT": "xml"})

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "SECRET_KEY must have 32 characters or more" in refused.stderr
    assert "LOG_FORMAT must be" in refused.stderr
    assert "hunter2" not in refused.stderr


def test_a_database_that_cannot_start_is_told_without_a_traceback(tmp_path: Path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9.6\n")
    for name in ("secret-key", "credential-keys", "token-pepper", "database-password"):
        keys.write_secret(tmp_path / "keys" / name, keys.new_credential_key())

    refused = manage("showmigrations", VAR_DIR=str(tmp_path))

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "The embedded PostgreSQL does not answer" in refused.stderr
