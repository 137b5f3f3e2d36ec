"""A week of a vCenter in a minute: what a script does to it is answered as the script knows it.

Machines are created, cloned, deployed from a library, moved, switched, reconfigured, filed
elsewhere, given other addresses, snapshots and destroyed; roles, grants and groups change;
collections come now and then. Afterwards random moments are asked about. What events tell has to be
true to the moment; what only collections can see has to be as the last one before that moment saw
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts.models import User
from inventory.models import PlatformEvent, Source
from tests.factories import UserFactory
from tests.peers.vcsim import Vcsim, start_vcsim
from tests.week.asking import Asking
from tests.week.script import Script

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

STEPS = 100
COLLECTIONS = 13
MOMENTS = 200


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
    script = Script(vcsim, seed, with_library=True)
    script.begin()
    _look(script)
    looks = set(script.lots.sample(range(STEPS), COLLECTIONS))
    for number in range(STEPS):
        script.step()
        if number in looks:
            _look(script)
    _look(script)

    record = script.record
    assert PlatformEvent.objects.filter(source=source).count() > STEPS
    asking = Asking(analyst)
    for moment in record.moments(script.lots, MOMENTS):
        truth, seen = record.at(moment), record.looks_before(moment)
        asking.places(truth, moment)
        asking.neighbours(truth, moment)
        asking.addresses(truth, seen[0], moment)
        asking.inventory(seen, moment)
        asking.access(seen[0], moment)
    asking.origins(script.origins)
    assert script.items
    asking.items(script.items)
    assert not source.blind_intervals.exists()


def _look(script: Script) -> None:
    began = datetime.now(UTC)
    call_command("sync", "vc-week")
    script.record.note_look(began, is_whole=True)
