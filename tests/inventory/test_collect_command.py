"""`manage.py collect`: the way from a vCenter to a signed file, where there is no database."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command

from inventory.connectors import sealed, signing
from inventory.connectors.base import NOTES, Event, EventsRead
from inventory.connectors.vsphere import events
from inventory.models import Asset, SyncRun
from tests.inventory.carried import bundle_source
from tests.peers.certificates import self_signed
from tests.peers.vcsim import REPOSITORY, Vcsim, start_vcsim

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def vcenter() -> Iterator[Vcsim]:
    with start_vcsim(cluster=1, host=2, vm=4, seed="carried") as running:
        yield running


class Desk:
    """A machine that reaches the vCenter and has nothing else: no database, no settings of ours."""

    def __init__(self, folder: Path, vcenter: Vcsim) -> None:
        self.folder = folder
        self.vcenter = vcenter
        (folder / "password").write_text(f"{vcenter.readonly_password}\n")

    def arguments(self, **changed: str) -> list[str]:
        given = {
            "--url": self.vcenter.url,
            "--username": self.vcenter.readonly_username,
            "--password-file": str(self.folder / "password"),
            "--pin-file": str(self.vcenter.cert_pem),
            "--signing-key": str(self.folder / "key"),
            "--out": str(self.folder / "out" / "estate.vmgov"),
            **changed,
        }
        return [part for pair in given.items() for part in pair]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "collect", *arguments],
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], "VAR_DIR": str(self.folder / "var")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        told, complaint = process.communicate(timeout=120)
        return process.returncode, told, complaint

    def written(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "out").iterdir())


@pytest.fixture
def desk(tmp_path: Path, vcenter: Vcsim) -> Desk:
    made = Desk(tmp_path, vcenter)
    (tmp_path / "out").mkdir()
    status, _, complaint = made.run("--new-key", str(tmp_path / "key"))
    assert status == 0, complaint
    return made


def test_a_key_is_for_its_owner_alone_and_never_overwritten(desk: Desk):
    key, public = desk.folder / "key", (desk.folder / "key.pub").read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()

    status, _, complaint = desk.run("--new-key", str(key))

    assert status == 1
    assert "cannot be written" in complaint
    assert key.read_bytes() == before
    assert signing.public_pem(signing.read_private(before)) == public


@pytest.mark.django_db
def test_what_is_collected_there_is_what_is_known_here(desk: Desk):
    status, told, complaint = desk.run(*desk.arguments())
    assert status == 0, complaint
    assert "COMPLETE" in told
    assert not (desk.folder / "var" / "postgres").exists()
    bundle = desk.folder / "out" / "estate.vmgov"
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    assert desk.vcenter.readonly_password.encode() not in bundle.read_bytes()
    source = bundle_source(name="far", trusted_key=(desk.folder / "key.pub").read_text())

    call_command("source", "import", "far", str(bundle))

    run = SyncRun.objects.get()
    assert run.state == SyncRun.State.COMPLETE
    with bundle.open("rb") as file:
        seal = sealed.verified(file, key=signing.read_public(source.trusted_key))
        items = list(sealed.CarriedConnector(file, seal).collect())
    assert run.collected_at == seal.collected_at
    records = [item for item in items if not isinstance(item, NOTES)]
    assert Asset.objects.count() == len(records) == sum(seal.counts.values())
    assert Asset.objects.filter(kind="vm", source=source).count() == seal.counts["vm"]
    assert not any("correct horse" in str(item) or "battery" in str(item) for item in items)


def test_what_is_known_of_the_log_may_be_left_out(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "OVERLAP", timedelta())
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    told = desk.arguments(**{"--events-since": datetime.now(UTC).isoformat()})

    call_command("collect", *told)

    key = signing.read_public((desk.folder / "key.pub").read_text())
    with (desk.folder / "out" / "estate.vmgov").open("rb") as file:
        items = list(sealed.CarriedConnector(file, sealed.verified(file, key=key)).collect())
    assert [item for item in items if isinstance(item, EventsRead)]
    assert "VmCreatedEvent" not in {item.type for item in items if isinstance(item, Event)}


def test_a_moment_without_a_zone_is_none(desk: Desk):
    status, _, complaint = desk.run(*desk.arguments(**{"--events-since": "2026-01-31T12:00"}))

    assert status != 0
    assert "--events-since" in complaint


def test_a_failure_leaves_no_file_and_says_why(desk: Desk):
    (desk.folder / "password").write_text("wrong\n")

    status, _, complaint = desk.run(*desk.arguments())

    assert status == 1
    assert "password" in complaint
    assert desk.written() == []


def test_an_older_bundle_stays_when_a_newer_one_fails(desk: Desk):
    target = desk.folder / "out" / "estate.vmgov"
    target.write_bytes(b"yesterday's")
    (desk.folder / "password").write_text("wrong\n")

    assert desk.run(*desk.arguments())[0] == 1
    assert target.read_bytes() == b"yesterday's"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--signing-key": "/nowhere/key"}, "cannot be read"),
        ({"--out": "/nowhere/estate.vmgov"}, "no folder"),
        ({"--url": "http://vcenter"}, "https://"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_asked(
    desk: Desk, changed: dict[str, str], said: str
):
    status, _, complaint = desk.run(*desk.arguments(**changed))

    assert status == 1
    assert said in complaint
    assert "Traceback" not in complaint
    assert desk.written() == []


def test_a_certificate_that_is_not_the_pinned_one_gets_no_password(desk: Desk, tmp_path: Path):
    other = self_signed(tmp_path)

    status, _, complaint = desk.run(*desk.arguments(**{"--pin-file": str(other.cert_pem)}))

    assert status == 1
    assert "certificate" in complaint
    assert desk.written() == []


def test_a_collection_that_is_stopped_logs_out_and_leaves_no_file(tmp_path: Path):
    slow = {"method": "RetrieveAllPermissions", "delay_ms": 60_000}
    with start_vcsim(cluster=1, host=1, vm=1, faults=[slow]) as vcenter:
        desk = Desk(tmp_path, vcenter)
        (tmp_path / "out").mkdir()
        desk.run("--new-key", str(tmp_path / "key"))
        process = desk.start(*desk.arguments())
        while vcenter.sessions() == 0 or "RetrieveAllPermissions" not in vcenter.calls():
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)

        process.terminate()
        process.communicate(timeout=60)

        assert process.returncode == 1
        assert desk.written() == []
        assert vcenter.sessions() == 0


def test_an_account_that_sees_a_part_ends_partial_with_its_own_exit_code(tmp_path: Path):
    withheld = {"method": "RetrieveAllPermissions", "fault": "NoPermission"}
    with start_vcsim(cluster=1, host=1, vm=1, faults=[withheld]) as vcenter:
        desk = Desk(tmp_path, vcenter)
        (tmp_path / "out").mkdir()
        desk.run("--new-key", str(tmp_path / "key"))

        status, told, complaint = desk.run(*desk.arguments())

    assert (status, "PARTIAL" in told) == (2, True), complaint
    assert desk.written() == ["estate.vmgov"]
