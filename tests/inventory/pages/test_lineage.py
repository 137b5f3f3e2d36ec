"""What pages and the interface say about where a machine comes from."""

from __future__ import annotations

import json
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from inventory.models import Asset, Source
from tests.factories import SourceFactory, TeamFactory, UserFactory
from tests.inventory.chronicle.lives import at, collect, event, vm
from tests.inventory.chronicle.test_lineage import VMTX, deployed, item, template
from tests.inventory.pages.world import HOSTILE

pytestmark = pytest.mark.django_db
A_DOZEN = 12
SHELF: Any = (item(1, "rhel9"), item(2, "rhel9", library="Old"), template(1, behind="item-1"))


@pytest.fixture
def source(db: None) -> Source:
    """Two machines from one item: by its id, and by the template behind it. One that is out."""
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    detail = {"srcTemplate.ref": "vm-91", "srcTemplate.name": "gold-1"}
    told = (
        deployed("item-1", type_=VMTX, hours=0.5),
        event(2, "VmDeployedEvent", 0.4, ref="vm-2", detail=detail),
        event(3, "VmDeployedEvent", 0.4, ref="vm-3", detail=detail),
        deployed("rhel9", n=3, key=4, type_=VMTX),
        event(5, "VmMigratedEvent", 0.8, host_ref="host-1"),
        deployed("item-1", n=4, key=6, hours=0.2, type_="com.vmware.vmtx.LibraryItemCreateEvent"),
    )
    machines = [vm(1), vm(2), vm(3, library_item="item-2"), vm(4)]
    collect(source, *machines, *SHELF, hours=1, events=told)
    return source


@pytest.fixture
def client(source: Source) -> Client:
    return client_of(UserFactory(roles=["analyst"]))


def client_of(user: User) -> Client:
    client = Client()
    with time_machine.travel(at(2), tick=False):
        client.force_login(user)
    return client


def pk(name: str, **where: Any) -> int:
    return Asset.objects.get(name=name, **where).pk


def page(client: Client, address: str, **query: str) -> str:
    with time_machine.travel(at(2), tick=False):
        answer = client.get(address, query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def of_asset(client: Client, number: int, card: str) -> str:
    """A card of an asset's page."""
    html = page(client, reverse("inventory:asset", args=[number]))
    return html.split(f'aria-labelledby="{card}"')[1].split("</section>")[0]


def test_a_machine_says_what_it_was_made_from_and_how_that_is_known(client: Client) -> None:
    one, two = of_asset(client, pk("web-1"), "origin"), of_asset(client, pk("web-2"), "origin")

    assert reverse("inventory:asset", args=[pk("rhel9", uid="item-1")]) in one
    assert "of the library <bdi" in one
    assert "by the id that its event tells" in one
    assert "by the event of its making" in two
    assert "by the template, which is behind that item" in two
    assert "no event says" in of_asset(client, pk("web-4"), "origin")


def test_an_item_says_what_was_made_from_it(client: Client) -> None:
    made = of_asset(client, pk("rhel9", uid="item-1"), "made")
    other = of_asset(client, pk("rhel9", uid="item-2"), "made")
    template = of_asset(client, pk("gold-1"), "made")

    assert "web-1" in made
    assert "web-2" in made
    assert made.split("</p>")[0].count("web-4") == 1  # which it was itself made from
    assert "web-4" not in made.split("</p>")[1]
    assert "web-3" in other
    assert "by its configuration" in other
    assert "web-3" in template
    assert "web-1" not in template


def test_a_template_says_which_item_it_is_behind(client: Client) -> None:
    html = page(client, reverse("inventory:asset", args=[pk("gold-1")]))
    facts = html.split('aria-label="Content library"')[1].split("</section>")[0]

    assert reverse("inventory:asset", args=[pk("rhel9", uid="item-1")]) in facts
    assert "Copy of the item" not in facts


def test_who_else_is_of_the_same_item(client: Client) -> None:
    html = page(client, reverse("inventory:asset-neighbours", args=[pk("web-1")]), by="template")

    assert "web-2" in html
    assert "its origin" in html
    assert "web-4" not in html


def test_the_interface_tells_of_origins_siblings_and_what_was_made(client: Client) -> None:
    rhel9 = pk("rhel9", uid="item-1")

    def asked(number: int) -> Any:
        return json.loads(page(client, f"/api/v1/assets/{number}/lineage/"))

    machine, image = asked(pk("web-1")), asked(rhel9)
    [origin] = machine["origins"]
    assert (origin["asset"], origin["name"], origin["library"]) == (rhel9, "rhel9", "Gold")
    assert origin["known_by"] == "id"
    assert {one["vm_name"]: one["known_by"] for one in machine["siblings"]} == {
        "web-2": "template",
        "web-3": "template",
    }
    assert machine["made"] == []
    assert [one["name"] for one in image["origins"]] == ["web-4"]
    assert image["siblings"] == []
    assert {one["vm_name"] for one in image["made"]} == {"web-1", "web-2", "web-3"}
    with time_machine.travel(at(2), tick=False):
        assert client.get(f"/api/v1/assets/{pk('esx-1')}/lineage/").status_code == 404


def test_of_others_nothing_is_told(source: Source) -> None:
    team = TeamFactory()
    Asset.objects.filter(name__in=("web-1", "web-2")).update(team=team)
    owner = client_of(UserFactory(roles=["remediator"], scope="teams", teams=[team]))

    for name in ("web-1", "web-2"):
        address = reverse("inventory:asset-neighbours", args=[pk(name)])
        told = of_asset(owner, pk(name), "origin") + page(owner, address, by="template")
        told += page(owner, f"/api/v1/assets/{pk(name)}/lineage/")
        for secret in ("rhel9", "gold-1", "item-1", "web-3"):
            assert secret not in told, (name, secret)
    assert "is not shown to you" in of_asset(owner, pk("web-1"), "origin")
    with time_machine.travel(at(2), tick=False):
        answer = owner.get(f"/api/v1/assets/{pk('rhel9', uid='item-1')}/lineage/")
    assert answer.status_code == 404


def test_names_of_items_and_libraries_are_inert(source: Source, client: Client) -> None:
    shelf: Any = (*SHELF, item(3, HOSTILE, library=HOSTILE))
    told = (deployed("item-3", n=4, key=9, hours=1.5),)
    collect(source, *(vm(n) for n in range(1, 5)), *shelf, hours=1.9, events=told)

    for html in (
        of_asset(client, pk("web-4"), "origin"),
        page(client, reverse("inventory:asset-neighbours", args=[pk("web-4")]), by="template"),
    ):
        assert "<script>alert(1)" not in html
        assert "script" in html
        assert "\u202e" not in html


def questions(client: Client, address: str) -> int:
    page(client, address)
    with CaptureQueriesContext(connection) as asked:
        page(client, address)
    return len([q for q in asked if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))])


@pytest.mark.parametrize("name", ["web-1", "web-2", "web-3"])
def test_where_a_machine_comes_from_costs_two_questions_more(client: Client, name: str) -> None:
    """Of which items there were, or which is behind the template; who made it is always asked."""
    untold = questions(client, reverse("inventory:asset", args=[pk("web-4")]))

    told = questions(client, reverse("inventory:asset", args=[pk(name)]))
    assert told <= untold + 2 + (name == "web-3")


@pytest.mark.parametrize("name", ["web-1", "web-2", "web-3", "web-4"])
def test_who_is_related_is_asked_in_a_dozen_questions(client: Client, name: str) -> None:
    address = reverse("inventory:asset-neighbours", args=[pk(name)]) + "?by=template"

    assert questions(client, address) <= A_DOZEN


@pytest.mark.parametrize("uid", ["t1", "item-1"])
def test_what_was_made_is_asked_in_a_dozen_questions(client: Client, uid: str) -> None:
    number = Asset.objects.get(uid=uid).pk

    assert questions(client, reverse("inventory:asset", args=[number])) <= A_DOZEN
