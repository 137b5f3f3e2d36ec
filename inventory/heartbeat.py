"""Keeping a lease alive beside the work: one thread with its own database connection."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, connection

from inventory import ledger
from inventory.errors import LeaseLost, RunCancelled
from inventory.ledger import Claim
from inventory.watching import lease
from inventory.watching.lease import Held

log = logging.getLogger(__name__)


class Pulse:
    """What the beating thread knows, asked by the working one between two steps."""

    def __init__(self, held: Claim | Held) -> None:
        self.held = held
        self.progress: dict[str, int] = {}
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def check(self) -> None:
        """Return while the run may go on, or raise LeaseLost or RunCancelled."""
        if self._lost.is_set():
            raise LeaseLost(f"{self._name} was taken away")
        if self._cancelled.is_set():
            raise RunCancelled(f"{self._name} was cancelled")

    def _beat(self) -> None:
        try:
            while not self._stop.wait(settings.SYNC_LEASE_SECONDS / 6):
                self._beat_once()
        finally:
            connection.close()

    def _beat_once(self) -> None:
        try:
            if self._extend():
                self._cancelled.set()
        except LeaseLost:
            self._lost.set()
        except DatabaseError as error:  # the next beat may succeed; the lease runs on meanwhile
            log.warning("A heartbeat of %s failed: %s", self._name, error)
            connection.close()
        if isinstance(self.held, Held):  # for days, beside many others: it holds no connection
            connection.close()

    def _extend(self) -> bool:
        """Whether a person wants an end; or raise LeaseLost."""
        if isinstance(self.held, Held):
            return lease.beat(self.held)
        return ledger.beat(self.held, progress=dict(self.progress))

    @property
    def _name(self) -> str:
        if isinstance(self.held, Held):
            return f"watch {self.held.watch_id}"
        return f"run {self.held.run_id}"


@contextmanager
def beating(held: Claim | Held) -> Iterator[Pulse]:
    """Hold the lease while the block runs."""
    pulse = Pulse(held)
    pulse._thread.start()
    try:
        yield pulse
    finally:
        pulse._stop.set()
        pulse._thread.join(timeout=settings.SYNC_LEASE_SECONDS)
