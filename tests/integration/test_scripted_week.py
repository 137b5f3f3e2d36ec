"""A week of a vCenter in a minute: what a script does to it is answered as the script knows it.

Machines are created, cloned, moved, switched, given other addresses and destroyed; collections come
now and then. Afterwards random moments are asked about, and the answers compared with the script's
own record, which never looked into the vCenter or the database.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import call_command

from accounts.models import User
from inventory.chronicle import questions
from inventory.models import Asset, MacHolding, PlatformEvent, Source, Stay
from tests.factories import UserFactory
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

STEPS = 90
COLLECTIONS = 12
MOMENTS = 200
BLINK = timedelta(milliseconds=1)
GOLDEN = "golden"
HOSTS = ("DC0_C0_H0", "DC0_C0_H1", "DC0_C0_H2")


class Machine(msgspec.Struct):
    host: str
    is_running: bool
    macs: list[str]


class Script:
    """Does things to the vCenter, and writes down what is true from when on."""

    def __init__(self, vcsim: Vcsim, seed: int) -> None:
        self.vcsim = vcsim
        self.lots = random.Random(seed)  # noqa: S311
        self.machines: dict[str, Machine] = {}
        self.record: list[tuple[datetime, datetime, dict[str, Machine]]] = []
        self.done: list[str] = []
        self._count = 0

    def begin(self) -> None:
        self.vcsim.apply(ops=[{"op": "destroy", "target": {"type": "VirtualMachine"}}])
        self.machines[GOLDEN] = Machine(HOSTS[0], False, [])
        self._apply(
            "create", {"op": "create_vm", "name": GOLDEN, "host": HOSTS[0], "nics": [], "on": False}
        )
        for _ in range(8):
            self._create()

    def step(self) -> None:
        """One thing that happens to one machine."""
        acts = [self._move] * 6 + [self._switch] * 4 + [self._readdress] * 3
        acts += [self._create] * 2 + [self._clone] * 2 + [self._snapshot] + [self._destroy]
        self.lots.choice(acts)()

    def _apply(self, what: str, *ops: dict[str, Any]) -> None:
        began = datetime.now(UTC)
        self.vcsim.apply(ops=list(ops))
        time.sleep(0.002)
        self.record.append((began, datetime.now(UTC), deepcopy(self.machines)))
        self.done.append(what)

    def _some(self) -> str:
        return self.lots.choice(sorted(set(self.machines) - {GOLDEN}))

    def _address(self) -> str:
        self._count += 1
        return f"00:50:56:ff:{self._count // 256:02x}:{self._count % 256:02x}"

    def _create(self) -> None:
        name, mac = f"vm-{len(self.done):03}", self._address()
        host, on = self.lots.choice(HOSTS), self.lots.random() < 0.7
        self.machines[name] = Machine(host, on, [mac])
        self._apply(
            "create",
            {"op": "create_vm", "name": name, "host": host, "on": on, "nics": [{"mac": mac}]},
        )

    def _clone(self) -> None:
        name = f"vm-{len(self.done):03}"
        host, mac = self.lots.choice(HOSTS), self._address()
        self.machines[name] = Machine(host, False, [mac])
        self._apply(
            "clone",
            {"op": "clone_vm", "source": GOLDEN, "name": name, "host": host},
            {"op": "add_nic", "vm": name, "mac": mac},
        )

    def _move(self) -> None:
        name = self._some()
        there = self.lots.choice([h for h in HOSTS if h != self.machines[name].host])
        self.machines[name].host = there
        self._apply("move", {"op": "migrate", "vm": name, "host": there})

    def _switch(self) -> None:
        name = self._some()
        machine = self.machines[name]
        machine.is_running = not machine.is_running
        on = machine.is_running
        self._apply("switch", {"op": "power_on" if on else "power_off", "vm": name})

    def _readdress(self) -> None:
        """The address of the card changes, and the platform says so."""
        name, mac = self._some(), self._address()
        old, self.machines[name].macs = self.machines[name].macs[0], [mac]
        told = {"_typeName": "VmMacChangedEvent", "adapter": "NIC", "oldMac": old, "newMac": mac}
        card = {"type": "VirtualMachine", "match": {"exact": name}}
        path = f"config.hardware.device[macAddress={old}].macAddress"
        self._apply(
            "readdress",
            {"op": "set", **card, "values": {path: mac}},
            {"op": "post_event", "vm": name, "event": told},
        )

    def _snapshot(self) -> None:
        self._apply("snapshot", {"op": "create_snapshot", "vm": self._some(), "name": "before"})

    def _destroy(self) -> None:
        if len(self.machines) > 5:
            name = self._some()
            del self.machines[name]
            self._apply("destroy", {"op": "destroy", "target": name})

    # --- what is true ---------------------------------------------------------------------------

    def at(self, moment: datetime) -> dict[str, Machine] | None:
        """The machines at a moment; None while something was being done."""
        known = None
        for began, ended, machines in self.record:
            if began <= moment <= ended:
                return None
            if ended < moment:
                known = machines
        return known


@pytest.fixture
def vcsim() -> Iterator[Vcsim]:
    with start_vcsim(cluster=1, host=3, standalone_host=0, vm=1, seed="week") as running:
        yield running


@pytest.fixture
def source(vcsim: Vcsim, tmp_path: Path) -> Source:
    password = tmp_path / "password"
    password.write_text(vcsim.password + "\n")
    call_command(
        *("source", "add", "vsphere", "--name", "vc-week"),
        *("--url", vcsim.url, "--username", vcsim.username),
        *("--password-file", str(password), "--pin-file", str(vcsim.cert_pem)),
    )
    return Source.objects.get(name="vc-week")


@pytest.fixture
def analyst(db: None) -> User:
    person: User = UserFactory(roles=["analyst"])
    return person


@pytest.mark.parametrize("seed", [1, 2])
def test_a_scripted_week_is_answered_as_it_was(
    vcsim: Vcsim, source: Source, analyst: User, seed: int
) -> None:
    script = Script(vcsim, seed)
    script.begin()
    call_command("sync", "vc-week")
    looks = set(script.lots.sample(range(STEPS), COLLECTIONS))
    for number in range(STEPS):
        script.step()
        if number in looks:
            call_command("sync", "vc-week")
    call_command("sync", "vc-week")
    source.refresh_from_db()

    first, last = script.record[8][1], source.published_at
    assert last is not None
    assert PlatformEvent.objects.filter(source=source).count() > STEPS
    asked = 0
    while asked < MOMENTS:
        moment = first + script.lots.random() * (last - first)
        true = script.at(moment)
        if true is None:
            continue
        asked += 1
        _compare_places(true, moment)
        _compare_neighbours(true, moment, analyst)
        _compare_addresses(true, moment)
    assert not source.blind_intervals.exists()


def _compare_places(true: dict[str, Machine], moment: datetime) -> None:
    """Where each machine was, and whether it ran: every one known by events, to the millisecond."""
    found = {
        stay.vm.name: (stay.place.name if stay.place else None, stay.is_running)
        for stay in Stay.objects.filter(place_kind="host").at(moment).with_places()
    }
    assert found == {name: (one.host, one.is_running) for name, one in true.items()}, moment


def _compare_neighbours(true: dict[str, Machine], moment: datetime, user: User) -> None:
    name = sorted(true)[len(true) // 2]
    vm = Asset.objects.select_related("source").get(kind="vm", name=name)
    window = questions.Window(moment, moment + BLINK)
    found = questions.neighbours(vm, user, window=window, place="host", now=datetime.now(UTC))
    here = true[name]
    beside = {
        other
        for other, one in true.items()
        if other != name and one.host == here.host and one.is_running and here.is_running
    }
    assert {one.vm.name for one in found.rows} == beside, (name, moment)


def _compare_addresses(true: dict[str, Machine], moment: datetime) -> None:
    """Who may have had an address includes who had it; who surely had it did."""
    truly = {(mac, name) for name, one in true.items() for mac in one.macs}
    held = list(MacHolding.objects.at(moment).select_related("vm").defer("vm__record"))
    possibly = {(one.mac, one.vm.name) for one in held}
    surely = {
        (one.mac, one.vm.name)
        for one in held
        if one.valid_from <= moment and (one.sure_until is None or one.sure_until > moment)
    }
    assert truly <= possibly, moment
    assert surely <= truly, moment
