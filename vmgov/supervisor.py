"""Keeps a handful of processes running: starts them, restarts what crashes, stops them in order."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vmgov.processes import dying_with

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
HEALTHY_AFTER_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass
class Child:
    """One process to keep running.

    `orphan_signal` is what the kernel sends it when the supervisor itself is killed.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    wait: float = FIRST_WAIT_SECONDS
    restarts: int = field(default=0)

    def start(self) -> None:
        """Start it in its own session, so that Ctrl-C reaches the supervisor alone."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with(os.getpid(), self.orphan_signal),
            )
        self.started_at = time.monotonic()

    def ask_to_stop(self) -> None:
        """Send the signal on which it finishes what it does and ends."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def end(self, *, by: float) -> None:
        """Wait until then for its end; after that it and what it started are killed."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, by - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def look(self, *, now: float) -> str | None:
        """Restart it if it has ended and its turn has come; say what happened, if anything."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                if now - self.started_at > HEALTHY_AFTER_SECONDS:
                    self.wait = FIRST_WAIT_SECONDS
                return None
            self.process = None
            self.start_again_at = now + self.wait
            said = (
                f"{self.name} ended ({code}) and starts again in {self.wait:.0f} s. "
                f"What it said is in {self.log}."
            )
            self.wait = min(self.wait * 2, LONGEST_WAIT_SECONDS)
            return said
        if now >= self.start_again_at:
            self.start()
            self.restarts += 1
        return None


def stop(children: Sequence[Child]) -> None:
    """Stop all of them, however long each one takes, within one common time."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        child.end(by=deadline)
