"""Embedded mode: without DATABASE_URL, the database comes with the application."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import django
from django.core.management import call_command

from vmgov import env, keys, postgres

# Commands that touch no database, or bring their own.
WITHOUT_DATABASE = frozenset(
    {
        "check",
        "collect",
        "collectstatic",
        "compilemessages",
        "configuration_reference",
        "database_roles",
        "diffsettings",
        "findstatic",
        "help",
        "makemigrations",
        "makemessages",
        "new_key",
        "spectacular",
        "startapp",
        "test",
        "up",
        "version",
    }
)

# Commands that look at or change the schema themselves.
ABOUT_THE_SCHEMA = frozenset(
    {"dbshell", "inspectdb", "migrate", "prepare", "showmigrations", "sqlmigrate"}
)


def server(environment: env.Env) -> postgres.Server:
    """Return the embedded server of this installation, not started."""
    var_dir = environment.var_dir.resolve()
    return postgres.Server(var_dir=var_dir, password=keys.embedded(var_dir).database_password)


@contextmanager
def database(environment: env.Env) -> Iterator[None]:
    """Have the embedded database running, bound to this process; not with DATABASE_URL."""
    if not environment.is_embedded:
        yield
        return
    running = server(environment)
    running.start(bound_to_this_process=True)
    try:
        yield
    finally:
        running.stop()


@contextmanager
def database_for(argv: Sequence[str]) -> Iterator[None]:
    """Have the embedded database running while a command needs it, and leave no trace after."""
    command = argv[1] if len(argv) > 1 else "help"
    wants_help = {"--help", "-h", "--version"} & set(argv)
    if command in WITHOUT_DATABASE or wants_help:
        yield
        return
    environment = env.load()
    if not environment.is_embedded:
        yield
        return
    with postgres.running(server(environment)) as held:
        if command not in ABOUT_THE_SCHEMA and not _is_prepared(held):
            _prepare()
        yield


def _is_prepared(held: postgres.Server) -> bool:
    with held.connect(postgres.DATABASE) as connection:
        row = connection.execute(
            "SELECT has_table_privilege(%s, to_regclass('django_migrations'), 'SELECT')",
            [postgres.APPLICATION],
        ).fetchone()
    return row is not None and row[0] is True  # null: there is no such table


def _prepare() -> None:
    """Fill a new database, so that the first command need not be `up`."""
    django.setup()
    call_command("prepare", stdout=io.StringIO())  # what is printed belongs to the command
