"""What crashes is started again, patiently; what hangs is killed."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from vmgov.supervisor import Child, stop

QUICK_TO_DIE = "raise SystemExit(3)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
OBEDIENT = "import time; time.sleep(60)"


def a_child(code: str, log: Path) -> Child:
    return Child(
        name="The worker", command=[sys.executable, "-c", code], environment=os.environ, log=log
    )


def test_a_crash_is_reported_and_the_wait_doubles(tmp_path: Path):
    child = a_child(QUICK_TO_DIE, tmp_path / "log")
    child.start()
    assert child.process is not None
    child.process.wait()

    first = child.look(now=100.0)
    too_early = child.look(now=100.5)
    child.look(now=101.0)
    child.process.wait()
    second = child.look(now=102.0)

    assert first is not None
    assert "ended (3) and starts again in 1 s" in first
    assert str(tmp_path / "log") in first
    assert too_early is None
    assert second is not None
    assert "in 2 s" in second
    assert child.restarts == 1


def test_stopping_ends_the_obedient_and_kills_the_stubborn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vmgov.supervisor.STOP_SECONDS", 1.0)
    children = [a_child(code, tmp_path / "log") for code in (OBEDIENT, STUBBORN)]
    for child in children:
        child.start()
    time.sleep(0.5)

    stop(children)

    codes = [child.process.returncode for child in children if child.process is not None]
    assert codes == [-signal.SIGTERM, -signal.SIGKILL]
