"""Workers that are killed while they work, and what brings their run to its end all the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.db import connection

from inventory import ledger
from inventory.models import Source, SyncRun

KILLS_A_RUN = 2  # the third attempt has to succeed, or the run is quarantined
LEASE_SECONDS = 1.0
REPOSITORY = Path(__file__).resolve().parents[2]


class Workers:
    """A process that is already up and forks a worker for each run, so that a kill falls into the
    work and not into the start.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"],
            cwd=REPOSITORY,
            env=os.environ | worker_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, run_id: int) -> int:
        """Have a worker begin the run; returns its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{run_id}\n")
        self._process.stdin.flush()
        word, pid = self._line().split()
        assert word == "begins"
        return int(pid)

    def wait(self) -> None:
        assert self._line() == "ended"

    def stop(self) -> None:
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line: str = self._process.stdout.readline()
        return line.strip()


def worker_environment(*, lease: float = LEASE_SECONDS, retry: float = 0) -> dict[str, str]:
    database: dict[str, Any] = connection.settings_dict
    where = urlencode({"host": database["OPTIONS"]["host"]})
    return {
        "DATABASE_URL": f"postgresql://{database['USER']}:{database['PASSWORD']}@/"
        f"{database['NAME']}?{where}",
        "SYNC_LEASE_SECONDS": str(lease),
        "SYNC_RETRY_SECONDS": str(retry),
        "RETIRE_AFTER_INTERVALS": "0",
        "VMGOV_PROCESS": "worker",
    }


def collect_under_fire(
    source: Source, workers: Workers, *, within: float, chance: random.Random
) -> int:
    """Kill the worker at two random moments, then let the third finish. Returns the kills."""
    run = SyncRun.objects.create(source=source, requested_at=datetime.now(UTC))
    kills = 0
    while not run.is_over:
        pid = workers.begin(run.pk)
        if kills < KILLS_A_RUN:
            time.sleep(chance.uniform(0, within))
            with suppress(ProcessLookupError):  # it was quicker than we
                os.kill(pid, signal.SIGKILL)
                kills += 1
        workers.wait()
        wait_until_reaped(run)
    assert run.state == SyncRun.State.COMPLETE, (run.state, run.causes)
    return kills


def wait_until_reaped(run: SyncRun) -> None:
    """As the scheduler does it: look again until the silent worker has lost the run."""
    for _ in range(600):
        ledger.reap()
        run.refresh_from_db()
        if run.state != SyncRun.State.RUNNING:
            return
        assert run.lease_expires_at is not None
        assert run.heartbeat_at is not None
        assert (run.lease_expires_at - run.heartbeat_at).total_seconds() <= LEASE_SECONDS
        time.sleep(0.05)
    raise AssertionError(f"run {run.pk} is stuck")
