"""Who may do what, as a script asks it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from inventory.models import Asset
from inventory.records import AnyRecord
from tests.factories import NOW, SourceFactory, TeamFactory, UserFactory
from tests.inventory.pages.world import change, publish
from tests.policies.builders import a_datastore, a_grant, a_principal, a_role, a_vm, an_image

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
OPS = r"HALDEN\Ops"


@pytest.fixture
def estate() -> dict[str, Asset]:
    """A machine that Anna can enter by way of a group, since a day before now."""
    source = SourceFactory(name="vc")
    records: list[AnyRecord] = [
        a_role(102, "VirtualMachine.Interact.ConsoleInteract"),
        a_grant(OPS, 102),
        a_principal(OPS, r"HALDEN\anna"),
        a_principal(full_name="Anna Berg"),
        a_vm(
            ancestors=("group-v7", "dc", "root"),
            pool_ancestors=("pool", "dc", "root"),
            datastore_refs=(),
        ),
    ]
    return {one.name: publish(source, one, at=NOW - DAY) for one in records}


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(roles=["analyst"]))
    return client


def told(client: Client, address: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1/{address}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_machine_says_who_can_enter_it_by_which_way(
    client: Client, estate: dict[str, Asset]
) -> None:
    found = told(client, f"assets/{estate['app-01'].pk}/access/")

    assert found["whole"] is True
    [holder] = found["holders"]
    assert holder["name"] == r"HALDEN\anna"
    assert holder["full_name"] == "Anna Berg"
    assert holder["principal"] == estate[r"HALDEN\anna"].pk
    assert holder["duties"] == ["vm-access"]
    [way] = holder["ways"]
    assert way["groups"] == [OPS]
    assert (way["role"], way["on"]) == ("role-102", "/Oslo/vm/Web")
    assert way["grant"] == Asset.objects.get(kind="grant").pk


def test_an_image_says_who_holds_the_datastore_its_files_are_on(
    client: Client, estate: dict[str, Asset]
) -> None:
    source = estate["app-01"].source
    publish(source, a_datastore(ancestors=("stores", "dc", "root")), at=NOW)
    publish(source, a_role(107, "Datastore.FileManagement"), at=NOW)
    grant = {"is_group": False, "entity_ref": "stores", "entity_path": "/Oslo/datastore"}
    publish(source, a_grant(r"HALDEN\anna", 107, at_root=False, **grant), at=NOW)
    above = ("group-v7", "dc", "root")
    image = publish(source, an_image(ancestors=above, datastore_refs=("datastore-gold",)), at=NOW)

    found = told(client, f"assets/{image.pk}/access/")

    assert [one["duties"] for one in found["holders"]] == [["file-admin"]]
    assert found["whole"] is True
    elsewhere = publish(source, an_image("b", ancestors=above, datastore_refs=("gone",)), at=NOW)
    assert told(client, f"assets/{elsewhere.pk}/access/")["whole"] is False


def test_it_can_be_asked_of_the_past(client: Client, estate: dict[str, Asset]) -> None:
    change(estate[OPS], at=NOW, members=())
    address = f"assets/{estate['app-01'].pk}/access/"
    before, after = (NOW - DAY / 2).isoformat(), (NOW - 2 * DAY).isoformat()

    assert told(client, address)["holders"] == []
    assert len(told(client, address, as_of=before)["holders"]) == 1
    assert client.get(f"/api/v1/{address}", {"as_of": after}).status_code == 404
    assert client.get(f"/api/v1/{address}", {"as_of": "then"}).status_code == 400


def test_what_the_last_complete_collection_did_not_find_gives_nothing(
    client: Client, estate: dict[str, Asset]
) -> None:
    grant = Asset.objects.get(kind="grant")
    Asset.objects.filter(pk=grant.pk).update(missing_since=NOW)
    grant.versions.update(missing_since=NOW)
    address = f"assets/{estate['app-01'].pk}/access/"

    assert told(client, address)["holders"] == []
    assert told(client, address, as_of=NOW.isoformat())["holders"] == []
    assert len(told(client, address, as_of=(NOW - DAY / 2).isoformat())["holders"]) == 1


def test_principals_are_listed_with_members_or_null(
    client: Client, estate: dict[str, Asset]
) -> None:
    change(estate[OPS], at=NOW, members=None)

    rows = {row["name"]: row for row in told(client, "principals/")["results"]}

    assert set(rows) == {OPS, r"HALDEN\anna"}
    assert rows[OPS]["members"] is None
    assert rows[r"HALDEN\anna"]["members"] == []
    assert [row["name"] for row in told(client, "principals/", q="anna")["results"]] == [
        r"HALDEN\anna"
    ]


def test_a_principal_says_what_it_holds_and_what_of_it_conflicts(
    client: Client, estate: dict[str, Asset]
) -> None:
    source = estate[OPS].source
    publish(source, a_role(103, "Host.Config.Network"), at=NOW)
    own = {"is_group": False, "entity_ref": "group-h1", "entity_path": "/Oslo/host"}
    publish(source, a_grant(r"HALDEN\anna", 103, **own), at=NOW)

    anna = estate[r"HALDEN\anna"]
    found = told(client, f"principals/{anna.pk}/")

    assert found["principal"]["full_name"] == "Anna Berg"
    assert found["groups"] == [OPS]
    assert {(one["on"], *one["ways"][0]["duties"]) for one in found["scopes"]} == {
        ("/Oslo/host", "host-admin"),
        ("/Oslo/vm/Web", "vm-access"),
    }
    assert found["conflicts"] == [{"one": "host-admin", "two": "vm-access", "where": "Oslo"}]
    assert found["whole"] is True


def test_what_has_no_access_of_its_own_is_not_there(
    client: Client, estate: dict[str, Asset]
) -> None:
    assert client.get(f"/api/v1/assets/{estate[OPS].pk}/access/").status_code == 404
    assert client.get(f"/api/v1/principals/{estate['app-01'].pk}/").status_code == 404


def test_who_sees_a_part_of_the_estate_is_told_nothing(estate: dict[str, Asset]) -> None:
    team = TeamFactory()
    Asset.objects.filter(pk=estate["app-01"].pk).update(team=team)
    client = Client()
    client.force_login(UserFactory(roles=["analyst"], teams=[team], scope=User.Scope.TEAMS))

    assert client.get(f"/api/v1/assets/{estate['app-01'].pk}/").status_code == 200
    assert client.get(f"/api/v1/assets/{estate['app-01'].pk}/access/").status_code == 404
    assert told(client, "principals/")["results"] == []
    assert client.get(f"/api/v1/principals/{estate[OPS].pk}/").status_code == 404
