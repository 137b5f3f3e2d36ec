"""`manage.py up`: everything on this machine, started and stopped together."""

import hashlib
import http.client
import json
import os
import signal
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from vmgov import embedded, postgres
from vmgov.env import Env
from vmgov.supervisor import Child, stop

READY_SECONDS = 90
HOST = "127.0.0.1"


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C or SIGTERM."""


class Command(BaseCommand):
    help = "Run vmgov on this machine: database, web, worker, scheduler and watcher, until Ctrl-C."
    requires_system_checks = ()  # they may want the database, which is what this starts

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument(
            "--demo", action="store_true", help="load the demo estate and the demo users"
        )

    def handle(self, *, port: int, demo: bool, **_: Any) -> None:
        """Start everything, say when it is ready, and stop everything at the end."""
        environment: Env = settings.ENV
        if demo:  # its people and their passwords are public
            os.environ.setdefault("REQUIRE_SECOND_FACTOR", "false")
        _refuse_a_taken_port(port)
        with _stopping_on_signals():
            try:
                self._run(environment, port=port, demo=demo)
            except Stopped:
                self.stdout.write("vmgov has stopped.")
            except postgres.PostgresFailed as error:
                raise CommandError(str(error)) from error

    def _run(self, environment: Env, *, port: int, demo: bool) -> None:
        with embedded.database(environment):
            self._prepare(demo=demo)
            children = _children(environment, port)
            try:
                for child in children:
                    child.start()
                self._await_ready(children, port)
                self._announce(port, demo=demo)
                self._watch(children)
            finally:
                stop(children)

    def _prepare(self, *, demo: bool) -> None:
        self._say("Preparing the database …")
        for folder in ("messages", "control"):
            (settings.VAR_DIR / "broker" / folder).mkdir(parents=True, exist_ok=True)
        call_command("prepare")
        self._say("Preparing pages …")
        _collect_static()
        if demo:
            self._say("Loading the demo estate …")
            call_command("load_demo")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _await_ready(self, children: list[Child], port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not _is_ready(port):
            self._look(children)
            if time.monotonic() > deadline:
                raise CommandError(
                    f"vmgov did not become ready. {settings.VAR_DIR / 'log'} says why."
                )
            time.sleep(0.1)

    def _watch(self, children: list[Child]) -> None:
        while True:
            self._look(children)
            time.sleep(0.5)

    def _look(self, children: list[Child]) -> None:
        for child in children:
            if said := child.look(now=time.monotonic()):
                self.stderr.write(said)

    def _announce(self, port: int, *, demo: bool) -> None:
        self.stdout.write(f"vmgov is ready at http://{HOST}:{port}")
        if demo:
            self._show_users(settings.VAR_DIR / "demo-users.json")
        self._say("Ctrl-C stops it.")

    def _show_users(self, path: Path) -> None:
        if not path.exists():
            return
        users = json.loads(path.read_text(encoding="utf-8"))
        width = max(len(user["username"]) for user in users)
        for user in users:
            self.stdout.write(f"  {user['username']:{width}}  {user['password']}  ({user['role']})")


def _children(environment: Env, port: int) -> list[Child]:
    def process(name: str, *command: str, role: str, orphan_signal: signal.Signals) -> Child:
        return Child(
            name=name,
            command=[sys.executable, *command],
            environment={**_without_the_owner(os.environ), "VMGOV_PROCESS": role},
            log=log_folder / f"{name.removeprefix('The ').replace(' ', '-')}.log",
            orphan_signal=orphan_signal,
        )

    log_folder = _log_folder()
    manage = str(settings.BASE_DIR / "manage.py")
    return [
        process(
            "The web server",
            *("-m", "gunicorn", "vmgov.wsgi:application"),
            *("--chdir", str(settings.BASE_DIR)),
            *("--bind", f"{HOST}:{port}", "--workers", "1", "--worker-class", "gthread"),
            *("--threads", str(environment.web_threads), "--timeout", "60"),
            *("--graceful-timeout", "10", "--keep-alive", "5", "--log-level", "warning"),
            "--no-control-socket",
            role="web",
            orphan_signal=signal.SIGTERM,
        ),
        process(
            "The worker",
            *("-m", "celery", "--workdir", str(settings.BASE_DIR), "-A", "vmgov", "worker"),
            *("--queues", "interactive,sync", "--hostname", f"worker-{port}@%h"),
            *("--concurrency", str(environment.worker_processes), "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            role="worker",
            orphan_signal=signal.SIGKILL,  # what it was doing stays in the ledger
        ),
        process("The scheduler", manage, "scheduler", role="worker", orphan_signal=signal.SIGKILL),
        process("The watcher", manage, "watch", role="worker", orphan_signal=signal.SIGTERM),
    ]


def _without_the_owner(variables: Mapping[str, str]) -> dict[str, str]:
    """What the processes may know: who owns the schema is of interest to migrations alone."""
    return {
        name: value
        for name, value in variables.items()
        if name.upper().removesuffix("_FILE") != "DATABASE_OWNER_URL"
    }


def _log_folder() -> Path:
    """Where the processes write; what the last start but one wrote is forgotten."""
    folder = Path(settings.VAR_DIR) / "log"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))
    return folder


def _refuse_a_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} of {HOST} cannot be used: {error.strerror}. "
                "Choose another one with --port, or with PORT for `make demo`."
            ) from error


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _collect_static() -> None:
    """Collect and compress static files, unless none has changed since the last time."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".stamp"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        stamp.write_text(digest.hexdigest())


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into Stopped; further ones do not disturb the stopping."""

    def raise_stopped(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {
        number: signal.signal(number, raise_stopped)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
