"""One vCenter serves several teams: what its facts and findings say of others stays with them (P5).

Alice's machine and Bob's stand on one host, have one MAC address and share a disk. Everything that
Alice may read is read, and nothing in it is Bob's.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from accounts.roles import Role
from findings import pipeline
from findings.models import Finding
from inventory import ledger
from inventory.connectors.base import BlindSpot, Count, Doubt, Item, Unreadable
from inventory.heartbeat import Pulse
from inventory.models import Asset, Source, SyncRun
from inventory.records import (
    AnyRecord,
    Cluster,
    Datastore,
    Disk,
    Grant,
    Host,
    Kind,
    Network,
    Nic,
    Platform,
    PowerState,
    VirtualMachine,
)
from tests.architecture.routes import World, all_routes
from tests.factories import NOW, SourceFactory, TeamFactory, UserFactory
from tests.inventory.fakes import FakeConnector, role

pytestmark = pytest.mark.django_db

CANARY = re.compile(rb"bobs|vm-66|zebra", re.IGNORECASE)
ON = Platform.VSPHERE


def machine(name: str, ref: str, team: str, classification: str) -> VirtualMachine:
    return VirtualMachine(
        platform=ON,
        uid=f"uuid-of-{name}",
        ref=ref,
        name=name,
        team=team,
        owner=f"{name}@example.org",
        classification=classification,
        criticality="low",
        host_ref="host-1",
        power_state=PowerState.ON,
        connection_state="connected",
        datastore_refs=("datastore-1",),
        network_refs=("network-1",),
        nics=(Nic(key="4000", mac="00:50:56:00:00:01", network_ref="network-1"),),
        disks=(Disk(key="2000", file="[ds] quorum.vmdk"),),
    )


def records() -> list[AnyRecord]:
    refs = ("vm-1", "vm-66")
    return [
        machine("alices-machine", "vm-1", "Alices", "internal"),
        machine("bobs-machine", "vm-66", "Bobs", "zebra"),
        Host(platform=ON, uid="h", ref="host-1", name="bobs-host", connection_state="connected"),
        Cluster(platform=ON, uid="c", ref="domain-c1", name="bobs-cluster"),
        Network(
            platform=ON,
            uid="n",
            ref="network-1",
            name="bobs-network",
            type="standard",
            vm_refs=refs,
        ),
        Datastore(platform=ON, uid="d", ref="datastore-1", name="bobs-datastore", vm_refs=refs),
        role("-2", "bobs-role"),
        Grant(
            platform=ON,
            uid="g",
            ref="vm-66",
            name="BOBS\\bob",
            principal="BOBS\\bob",
            is_group=False,
            propagate=True,
            entity_ref="vm-66",
            entity_name="bobs-machine",
            role_id=-2,
        ),
    ]


@pytest.fixture
def source(db: None) -> Iterator[Source]:
    logging.disable(logging.CRITICAL)
    World()
    TeamFactory(name="Alices")
    TeamFactory(name="Bobs")
    source = SourceFactory(
        name="shared", complete_at=None, published_at=None, evaluated_at=None, url="https://bobs/"
    )
    odd = Unreadable(kind=Kind.VM, ref="vm-667", name="bobs-broken", reason="Bobs has none.")
    spot = BlindSpot(
        kind=Kind.HOST, property="config.option", count=1, example="bobs-host", explanation="No."
    )
    doubt = Doubt(kind=Kind.HOST, code="odd", message="bobs-host did not answer.")
    extras: list[list[Item]] = [[odd, spot, Count(kind=Kind.VM, expected=3)], [spot, doubt]]
    for extra in extras:
        run = SyncRun.objects.create(source=source, requested_at=NOW)
        held = ledger.claim(run.pk)
        assert held is not None
        pipeline.see_through(
            held, pulse=Pulse(held), now=NOW, connector=FakeConnector(*records(), extra=extra)
        )
    yield source
    logging.disable(logging.NOTSET)


def alice(role: Role) -> User:
    team = Team.objects.get(name="Alices")
    person: User = UserFactory(username="alice", roles=[role], scope=User.Scope.TEAMS, teams=[team])
    return person


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR, Role.ANALYST], ids=str)
def test_nothing_of_another_team_is_told(source: Source, role: Role) -> None:
    person = alice(role)
    client = Client(raise_request_exception=False)
    client.force_login(person)
    own = Asset.objects.get(name="alices-machine")
    foreign = Asset.objects.exclude(pk=own.pk).filter(source=source)
    findings = Finding.objects.filter(asset=own)
    assert {"vm-duplicate-mac", "vm-disk-single-classification"} <= {
        finding.check_id for finding in findings
    }
    plain = [
        route.name
        for route in all_routes()
        if not route.parameters and route.declared is not None and not _is_about_people(route.name)
    ]
    addresses = [
        *(f"/inventory/{name}/" for name in LISTS),
        *(f"/inventory/{name}/export/" for name in LISTS),
        *(f"/inventory/vms/?{a.kind}={a.pk}" for a in foreign),
        *(f"/api/v1/assets/?{a.kind}={a.pk}" for a in foreign),
        *(f"/findings/?asset={a.pk}" for a in foreign),
        *(f"/findings/{finding.pk}/" for finding in findings),
        *(f"/api/v1/findings/{finding.pk}/" for finding in findings),
        *(f"/api/v1/findings/{finding.pk}/events/" for finding in findings),
        f"/inventory/assets/{own.pk}/",
        f"/inventory/assets/{own.pk}/?as_of=2036-01-01",
        f"/inventory/assets/{own.pk}/?as_of=2026-03-10T12:00Z",
        f"/api/v1/assets/{own.pk}/",
        f"/api/v1/assets/{own.pk}/history/",
        f"/sources/{source.pk}/",
        f"/api/v1/sources/{source.pk}/",
        "/findings/answers/?check=vm-duplicate-mac&outcome=fail",
        "/findings/answers/?check=vm-duplicate-mac&outcome=unknown",
        "/policies/checks/vm-duplicate-mac/",
        "/policies/SEC-6/",
        "/findings/?kind=vm&state=any",
        "/findings/export/?state=any",
        *(reverse_plain(name) for name in plain),
    ]
    told = {}
    for address in addresses:
        response = client.get(address)
        assert response.status_code < 500, address
        if response.status_code == 200:
            body = response.getvalue()
            told[address] = [match.group() for match in CANARY.finditer(body)]
            if told[address]:
                at = CANARY.search(body)
                assert at is not None
                told[address] = [body[max(0, at.start() - 80) : at.end() + 40]]

    assert {address: what for address, what in told.items() if what} == {}
    assert len(told) > 20


@pytest.mark.parametrize("fragment", ["bobs", "zebra", "vm-66"])
@time_machine.travel(NOW, tick=False)  # pages say the minute they are of
def test_no_search_tells_that_another_team_has_something(source: Source, fragment: str) -> None:
    client = Client()
    client.force_login(alice(Role.ANALYST))

    for address in ("/findings/", "/api/v1/findings/", "/inventory/vms/", "/api/v1/assets/"):
        found, absent = (
            client.get(address, {"q": text}).content.replace(text.encode(), b"")
            for text in (fragment, "x" * len(fragment))
        )
        assert _plain(found) == _plain(absent), address


def test_a_collection_asked_for_by_a_part_of_the_estate_tells_nothing_of_the_rest(
    source: Source,
) -> None:
    client = Client()
    client.force_login(alice(Role.OPERATOR))
    SyncRun.objects.create(
        source=source,
        requested_at=NOW,
        counts={"vm": {"seen": 66}},
        causes=[{"code": "x", "message": "bobs-host", "advice": ""}],
    )

    answer = client.post(f"/api/v1/sources/{source.pk}/sync/")

    assert answer.status_code == 202
    assert answer.json()["counts"] == {}
    assert answer.json()["causes"] == []


def _is_about_people(name: str) -> bool:
    return name.startswith(("accounts:", "audit:", "api:user", "api:team", "api:audit"))


def _plain(content: bytes) -> bytes:
    content = re.sub(rb'csrfmiddlewaretoken" value="\w+"', b"", content)
    return re.sub(rb'"X-CSRFToken": "\w+"', b"", content)


LISTS = ("vms", "hosts", "clusters", "networks", "switches", "datastores", "images", "access")


def reverse_plain(name: str) -> str:
    return reverse(name)
