"""A source that is watched for real: the watch in a process of its own, collections in a thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from findings import pipeline
from inventory import ledger, sources
from inventory.models import Source, Watch
from tests.faults.workers import REPOSITORY, worker_environment
from tests.peers.vcsim import Vcsim

LEASE_SECONDS = 5.0


def add_source(vcsim: Vcsim, name: str, *, is_watched: bool = True) -> Source:
    return sources.add(
        by=None,
        name=name,
        url=vcsim.url,
        username=vcsim.username,
        password=vcsim.password,
        trust="pin",
        trust_pem=Path(vcsim.cert_pem).read_text(),
        attribute_mapping={"classification": "Classification", "owner": "Owner"},
        interval_minutes=60,
        is_watched=is_watched,
        now=datetime.now(UTC),
    )


class Watching:
    """`manage.py watch`, which can be killed and begun again."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "watch", "--every", "0.2"],
            cwd=REPOSITORY,
            env=os.environ | worker_environment(lease=LEASE_SECONDS, retry=0.2),
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=60)


@contextmanager
def watching() -> Iterator[Watching]:
    process = Watching()
    process.begin()
    try:
        yield process
    finally:
        process.end()


@contextmanager
def collecting() -> Iterator[None]:
    """Work on every run that waits, as workers and the scheduler do."""
    stopping = threading.Event()
    thread = threading.Thread(target=_collect, args=(stopping,), name="collecting")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _collect(stopping: threading.Event) -> None:
    try:
        while not stopping.wait(0.1):
            ledger.reap()
            for run_id in ledger.claimable():
                pipeline.work(run_id, now=datetime.now(UTC))
    finally:
        connection.close()


def eventually(holds: Callable[[], Any], *, seconds: float = 60) -> Any:
    """What `holds` returns, once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
    return found


def is_live(source: Source, *, since: datetime | None = None) -> bool:
    watch = Watch.objects.filter(source=source, state=Watch.State.LIVE).first()
    if watch is None or watch.confirmed_at is None:
        return False
    return since is None or watch.confirmed_at > since
