"""Who may do what: the page of a machine, of a user or group, and who is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from inventory.models import Asset
from inventory.records import Grant
from tests.inventory.pages.test_assets import page, text_of
from tests.inventory.pages.world import HOSTILE, World, change, person, publish
from tests.policies.builders import a_datastore, a_grant, a_principal, a_role

PLACE = {"ancestors": ("group-v3", "dc", "root"), "pool_ancestors": ("pool", "dc", "root")}


@pytest.fixture
def analyst(client: Client, world: World) -> Client:
    client.force_login(person("analyst"))
    return client


def on(principal: str, role_id: int, ref: str, path: str, **facts: Any) -> Grant:
    return a_grant(
        principal,
        role_id,
        uid=f"{principal[:80]} {ref}",
        ref=f"{principal[:80]} {ref}",
        **{"entity_ref": ref, "entity_path": path, "entity_name": path, **facts},
    )


def placed(world: World) -> Asset:
    """A machine of which all that is above it is known."""
    since = world.now - timedelta(days=2)
    datastore = Asset.objects.get(kind="datastore")
    change(datastore, at=since, ancestors=("stores", "dc", "root"))
    return change(world["web-01"], at=since, **PLACE)


def a_contractor(world: World) -> Asset:
    """Somebody in two groups, one for hosts and one for machines."""
    for record in (
        a_role(102, "Host.Config.Network"),
        on(r"HALDEN\Host Admins", 102, "group-h1", "/Oslo/host"),
        a_principal(r"HALDEN\Host Admins", groups=(r"HALDEN\Vendors",)),
        a_principal(r"HALDEN\Vendors", r"HALDEN\jonas"),
    ):
        publish(world.source, record, at=world.now)
    group = Asset.objects.get(kind="principal", name=r"HALDEN\vm-operators")
    change(
        group,
        at=world.now,
        members=a_principal("x", r"HALDEN\anna", r"HALDEN\jonas").members,
    )
    return publish(world.source, a_principal(r"HALDEN\jonas"), at=world.now)


def test_a_machine_names_who_can_enter_it_and_by_which_way(analyst: Client, world: World):
    html = page(analyst, placed(world))
    text = text_of(html)

    assert "Who can enter, run or copy it1" in text  # not "at least 1"
    assert r"HALDEN\anna" in text
    assert r"on /Oslo/vm, member of HALDEN\vm-operators" in text
    for kind in ("grant", "principal"):
        for asset in Asset.objects.filter(kind=kind):
            assert f'href="/inventory/assets/{asset.pk}/"' in html


def test_where_something_is_not_known_they_are_at_least_these(analyst: Client, world: World):
    silent = publish(world.source, a_principal(r"HALDEN\Nights", is_group=True), at=world.now)
    publish(world.source, on(silent.name, 101, "dc", "/Oslo"), at=world.now)
    placed_text = text_of(page(analyst, placed(world)))
    older_text = text_of(page(analyst, world["db-pay-02"]))

    assert "These are at least those who can. The members of 1 group are not known." in placed_text
    assert r"HALDEN\Nightswhoever is in this group" in placed_text
    assert "Not all that is above it was collected." in older_text
    assert r"HALDEN\anna" in older_text


def test_where_its_files_were_once_lets_nobody_copy_it_now(analyst: Client, world: World):
    machine = placed(world)
    for record in (
        a_role(104, "Datastore.Browse"),
        a_datastore("old", ancestors=("old-stores", "dc", "root")),
        on(r"HALDEN\bo", 104, "old-stores", "/Oslo/datastore/old", is_group=False),
    ):
        publish(world.source, record, at=world.now - timedelta(days=2))
    now = machine.record["datastore_refs"]
    change(machine, at=world.now - timedelta(days=1), datastore_refs=("datastore-old",))
    before = text_of(page(analyst, machine))
    change(machine, at=world.now, datastore_refs=tuple(now))

    assert r"HALDEN\bo" in before
    assert r"HALDEN\bo" not in text_of(page(analyst, machine))


def test_a_role_without_privileges_reads_unknown_not_nothing(analyst: Client, world: World):
    publish(world.source, on(r"HALDEN\bo", 109, "dc", "/Oslo", is_group=False), at=world.now)

    assert "(its privileges are unknown)" in text_of(page(analyst, placed(world)))


def test_the_page_of_a_person_shows_what_two_groups_add_up_to(analyst: Client, world: World):
    jonas = a_contractor(world)

    text = text_of(page(analyst, jonas))

    assert "They may administer hosts and enter machines. Some of this should not be" in text
    assert "Conflict may administer hosts and enter machines in Oslo" in text
    assert r"on /Oslo/host, member of HALDEN\Vendors, in HALDEN\Host Admins" in text
    assert r"HALDEN\Host Admins by way of HALDEN\Vendors" in text


def test_a_persons_own_grant_takes_the_place_of_a_groups(analyst: Client, world: World):
    anna = Asset.objects.get(kind="principal", name=r"HALDEN\anna")
    own = on(anna.name, 103, "group-v3", "/Oslo/vm", is_group=False)
    for record in (a_role(103, "System.Read"), own):
        publish(world.source, record, at=world.now)

    text = text_of(page(analyst, anna))

    assert "They may do nothing that is sensitive" in text
    assert "nothing: their own grant here takes its place" in text


def test_a_group_lists_its_members_or_says_that_they_are_unknown(analyst: Client, world: World):
    told = Asset.objects.get(kind="principal", name=r"HALDEN\vm-operators")
    silent = publish(world.source, a_principal(r"HALDEN\Nights", is_group=True), at=world.now)
    empty = publish(
        world.source, a_principal(r"HALDEN\Old", is_group=True, members=()), at=world.now
    )

    assert "Members1" in text_of(page(analyst, told)).replace(" ", "")
    assert "did not tell who is in this group" in text_of(page(analyst, silent))
    assert "Nobody is in it." in text_of(page(analyst, empty))


def test_a_grant_leads_to_who_holds_it(analyst: Client, world: World):
    holder = Asset.objects.get(kind="principal", name=r"HALDEN\vm-operators")

    html = page(analyst, Asset.objects.get(kind="grant"))

    assert f'href="/inventory/assets/{holder.pk}/"' in html


def test_principals_are_listed_under_access(analyst: Client, world: World):
    html = analyst.get("/inventory/access/?show=principals").content.decode()
    csv = analyst.get("/inventory/access/export/?show=principals")

    assert "2 users and groups" in text_of(html)
    assert "Anna Berg" in html
    assert 'name="show" value="principals"' in html
    assert rb"HALDEN\anna (user)" in b"".join(csv)


def test_names_from_outside_are_shown_as_text(analyst: Client, world: World):
    who = publish(world.source, a_principal(HOSTILE, is_group=True), at=world.now)
    publish(world.source, on(HOSTILE, 101, "dc", HOSTILE), at=world.now)

    for asset in (who, placed(world)):
        html = page(analyst, asset)
        assert "<script>alert" not in html
        assert "\u202e" not in html


def test_who_sees_a_part_of_the_estate_is_told_nobody(client: Client, world: World):
    a_contractor(world)
    machine = placed(world)
    client.force_login(person("analyst", teams=(world.web,)))

    html = page(client, machine)
    listed = client.get("/inventory/access/?show=principals").content.decode()

    assert "Grants belong to the whole platform" in html
    for name in ("jonas", "anna", "Host Admins", "vm-operators", "role-101"):
        assert name not in html
        assert name not in listed
    for asset in Asset.objects.filter(kind="principal"):
        assert client.get(f"/inventory/assets/{asset.pk}/").status_code == 404
