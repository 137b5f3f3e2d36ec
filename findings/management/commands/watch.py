"""`manage.py watch`: be told of changes by every source that can tell, until SIGTERM."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection

from findings import watching
from inventory.connectors.base import Watch
from inventory.watching import lease

log = structlog.get_logger(__name__)
LOOK_SECONDS = 5.0
MOST = 50  # sources a process watches; further processes take the others


class Command(BaseCommand):
    help = "Watch the sources that nobody watches yet, each over one session, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, default=LOOK_SECONDS, metavar="SECONDS")
        parser.add_argument(
            "--heartbeat", type=Path, metavar="FILE", help="touch this file after each good look"
        )

    def handle(self, *, every: float, heartbeat: Path | None, **_: Any) -> None:
        """Look for sources to watch until told to stop; then end every session."""
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        watchers: list[Watcher] = []
        while not stopping.is_set():
            watchers = [watcher for watcher in watchers if watcher.thread.is_alive()]
            if _look(watchers, stopping) and heartbeat is not None:
                heartbeat.touch()
            stopping.wait(every)
        for watcher in watchers:
            watcher.interrupt()
        for watcher in watchers:
            watcher.thread.join()


class Watcher:
    """One watch in a thread of its own."""

    def __init__(self, held: lease.Held, stopping: threading.Event) -> None:
        self._held = held
        self._stopping = stopping
        self._platform: Watch | None = None
        self.thread = threading.Thread(target=self._run, name=f"watch {held.watch_id}")
        self.thread.start()

    def interrupt(self) -> None:
        """Do not let it wait for the platform's answer."""
        if self._platform is not None:
            self._platform.interrupt()

    def _run(self) -> None:
        try:
            watching.watch(self._held, stopping=self._stopping.is_set, opened=self._opened)
        except Exception:  # not even its end could be noted: the lease runs out by itself
            log.exception("A watch ended", watch=self._held.watch_id)
        finally:
            connection.close()

    def _opened(self, platform: Watch) -> None:
        self._platform = platform


def _look(watchers: list[Watcher], stopping: threading.Event) -> bool:
    """Take what nobody watches; False when the database did not answer."""
    try:
        close_old_connections()
        while len(watchers) < MOST and (held := lease.claim()) is not None:
            watchers.append(Watcher(held, stopping))
        return True
    except Exception:  # it outlives a database that restarts
        log.exception("Nothing could be found to watch")
        connection.close()
        return False
