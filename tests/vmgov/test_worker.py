"""A worker listens to a real Redis."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(redis_url: str) -> dict[str, str]:
    return os.environ | {"REDIS_URL": redis_url, "VMGOV_PROCESS": "worker", "LOG_LEVEL": "INFO"}


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = ["-m", "celery", "-A", "vmgov", "worker", "--queues", "interactive,sync"]
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--concurrency", "1", "--hostname", "tested@%h"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        yield process
        process.kill()
        process.wait(10)


def test_it_answers_and_ends_when_asked(
    worker: subprocess.Popen[bytes], environment: dict[str, str]
):
    deadline = time.monotonic() + 40
    while not _answers(environment):
        assert worker.poll() is None
        assert time.monotonic() < deadline

    worker.terminate()

    assert worker.wait(20) == 0


def _answers(environment: dict[str, str]) -> bool:
    asked = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "vmgov", "inspect", "ping", "--timeout", "2"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
    )
    return b"pong" in asked.stdout
