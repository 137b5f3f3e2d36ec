"""`manage.py scheduler`: the tick that makes due work start."""

import signal
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection
from django.utils import timezone

from accounts import open_sessions
from findings.tasks import tick
from inventory.watching import increments

log = structlog.get_logger(__name__)
TICK_SECONDS = 10.0
SWEEP_SECONDS = 3600.0


class Command(BaseCommand):
    help = "Look at the ledger every few seconds and have due work started, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=float, default=TICK_SECONDS, metavar="SECONDS")
        parser.add_argument(
            "--heartbeat", type=Path, metavar="FILE", help="touch this file after each good tick"
        )

    def handle(self, *, every: float, heartbeat: Path | None, **_: Any) -> None:
        """Tick until told to stop. A tick that fails is logged and the next one tries again."""
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        swept_at = time.monotonic()
        while not stopping.is_set():
            if _tick() and heartbeat is not None:
                heartbeat.touch()
            if time.monotonic() - swept_at > SWEEP_SECONDS and _sweep():
                swept_at = time.monotonic()
            stopping.wait(every)


def _tick() -> bool:
    return _survives(tick, "The scheduler's tick failed")


def _sweep() -> bool:
    return all(
        [
            _survives(open_sessions.purge, "Sessions that are over could not be forgotten"),
            _survives(increments.forget, "Increments of no consequence could not be forgotten"),
        ]
    )


def _survives(work: Callable[..., object], complaint: str) -> bool:
    try:
        close_old_connections()
        work(now=timezone.now())
        return True
    except Exception:  # the scheduler outlives a database that restarts
        log.exception(complaint)
        connection.close()
        return False
