"""`manage.py up` starts everything, keeps the data, and leaves nothing behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from vmgov import embedded, env, postgres

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"^vmgov is ready at (http://127\.0\.0\.1:\d+)$", re.MULTILINE)
INFRASTRUCTURE = {
    "VMGOV_TEST_SERVER",
    "VMGOV_TEST_PASSWORD",
    "DJANGO_SETTINGS_MODULE",
    "PYTEST_CURRENT_TEST",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(var_dir: Path) -> dict[str, str]:
    ours = {name.upper() for name in env.Env.model_fields} | INFRASTRUCTURE
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "VAR_DIR": str(var_dir)}


def manage(var_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=clean_environment(var_dir),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def processes_of(var_dir: Path) -> list[str]:
    """Command lines of live processes that were started for this folder."""
    needle = f"VAR_DIR={var_dir}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            if (
                needle in (folder / "environ").read_bytes() or str(var_dir).encode() in command
            ) and command:
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


class Up:
    """A running `manage.py up`."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir
        self.output = var_dir / "up.txt"
        self.port = free_port()
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port)],
                cwd=ROOT,
                env=clean_environment(var_dir),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def await_ready(self) -> str:
        deadline = time.monotonic() + 120
        while not (found := READY.search(self.output.read_text())):
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)
        return found.group(1)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def var_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vmgov-var-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL's user has to pass through
        yield Path(folder)


@pytest.fixture
def start(var_dir: Path) -> Iterator[Callable[[], Up]]:
    started: list[Up] = []

    def starter() -> Up:
        up = Up(var_dir)
        started.append(up)
        return up

    yield starter
    for up in started:
        if up.process.poll() is None:
            up.end(signal.SIGKILL)


def eventually_nothing_runs(var_dir: Path) -> None:
    deadline = time.monotonic() + 60
    while left := processes_of(var_dir):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_gets_ready_keeps_its_data_and_leaves_no_process(
    var_dir: Path, start: Callable[[], Up], number: signal.Signals
):
    first = start()
    address = first.await_ready()
    assert httpx.get(f"{address}/health/ready").json() == {"status": "ok", "failed": []}
    created = manage(
        var_dir,
        "shell",
        "--verbosity",
        "0",
        "-c",
        "from accounts.models import Team; Team.objects.create(name='Kept')",
    )
    assert created.returncode == 0, created.stderr

    assert first.end(number) == 0
    assert processes_of(var_dir) == []

    second = start()
    second.await_ready()
    second.end(number)
    # The database is down again; the command brings it up for itself.
    names = manage(
        var_dir,
        "shell",
        "--verbosity",
        "0",
        "-c",
        "from accounts.models import Team; print(*Team.objects.all())",
    )
    assert "Kept" in names.stdout, names.stderr
    assert processes_of(var_dir) == []


def test_nothing_outlives_it_when_it_is_killed(var_dir: Path, start: Callable[[], Up]):
    up = start()
    up.await_ready()
    assert len(processes_of(var_dir)) > 4

    up.end(signal.SIGKILL)

    eventually_nothing_runs(var_dir)


def test_it_starts_again_after_it_was_killed(var_dir: Path, start: Callable[[], Up]):
    killed = start()
    killed.await_ready()
    killed.end(signal.SIGKILL)
    eventually_nothing_runs(var_dir)

    again = start()

    again.await_ready()
    assert again.end(signal.SIGTERM) == 0


def test_a_taken_port_is_named_before_anything_starts(var_dir: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        refused = manage(var_dir, "up", "--port", port)

    assert refused.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in refused.stderr
    assert not (var_dir / "postgres").exists()


def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path: Path):
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)
    deep.mkdir(parents=True)

    done = manage(deep, "migrate", "--verbosity", "0")

    assert done.returncode == 0, done.stderr
    assert processes_of(deep) == []
    if (deep / "postgres").is_symlink():  # root keeps the data where PostgreSQL's user gets at it
        shutil.rmtree((deep / "postgres").resolve())


def test_two_commands_share_the_database_and_the_last_one_stops_it(var_dir: Path):
    assert manage(var_dir, "migrate", "--verbosity", "0").returncode == 0
    slow = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", SLOW_COMMAND],
        cwd=ROOT,
        env=clean_environment(var_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert slow.stdout is not None
    assert slow.stdout.readline() == "holding\n"

    quick = manage(
        var_dir,
        "shell",
        "--verbosity",
        "0",
        "-c",
        "from accounts.models import Team; Team.objects.count()",
    )

    assert quick.returncode == 0, quick.stderr
    output, errors = slow.communicate(timeout=60)
    assert "still there" in output, errors
    assert processes_of(var_dir) == []


SLOW_COMMAND = """
import time
from accounts.models import Team
Team.objects.count()
print("holding", flush=True)
time.sleep(8)
Team.objects.count()
print("still there")
"""


def test_the_first_command_finds_a_database_that_is_ready(var_dir: Path):
    counted = manage(
        var_dir,
        "shell",
        "--verbosity",
        "0",
        "-c",
        "from accounts.models import Team; print(Team.objects.count())",
    )

    assert counted.stdout == "0\n", counted.stderr


WHO_AND_WHAT = """
from django.db import connection
from accounts.models import Team
with connection.cursor() as cursor:
    cursor.execute("SELECT current_user")
    print(*cursor.fetchone(), *Team.objects.all())
"""


def test_data_of_a_version_with_one_role_is_taken_over(var_dir: Path):
    made = "from accounts.models import Team; Team.objects.create(name='Kept')"
    assert manage(var_dir, "shell", "--verbosity", "0", "-c", made).returncode == 0
    server = embedded.server(env.Env.model_construct(var_dir=var_dir))
    with postgres.running(server), server.connect(postgres.DATABASE) as superuser:
        superuser.execute(AS_THE_VERSION_BEFORE)

    looked = manage(var_dir, "shell", "--verbosity", "0", "-c", WHO_AND_WHAT)

    assert looked.stdout == "vmgov_app Kept\n", looked.stderr
    with postgres.running(server), server.connect(postgres.DATABASE) as superuser:
        owners = superuser.execute(OWNERS).fetchall()
        changed = superuser.execute(
            "SELECT has_table_privilege('vmgov_app', 'audit_entry', 'UPDATE')"
        )
        assert changed.fetchone() == (False,)
    assert owners == [("vmgov_owner",)]


# Everything was the superuser's, and there was nobody else.
AS_THE_VERSION_BEFORE = b"""
REASSIGN OWNED BY vmgov_owner TO vmgov;
DROP OWNED BY vmgov_app;
DROP OWNED BY vmgov_owner;
DROP ROLE vmgov_owner, vmgov_app;
"""
OWNERS = b"""
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'vmgov'
"""


def test_migrations_belong_to_the_owner_and_everything_else_works_without(
    var_dir: Path, start: Callable[[], Up]
):
    start().await_ready()
    server = embedded.server(env.Env.model_construct(var_dir=var_dir))

    with server.connect(postgres.DATABASE) as superuser:
        sessions = superuser.execute(
            "SELECT DISTINCT usename FROM pg_stat_activity"
            " WHERE datname = 'vmgov' AND pid <> pg_backend_pid()"
        ).fetchall()

    assert sessions == [(postgres.APPLICATION,)]


def test_keys_are_readable_by_their_owner_alone(var_dir: Path):
    manage(var_dir, "migrate", "--verbosity", "0")

    modes = {path.stat().st_mode & 0o777 for path in (var_dir / "keys").iterdir()}
    assert modes == {0o600}
    assert (var_dir / "postgres").resolve().stat().st_mode & 0o777 == 0o700
