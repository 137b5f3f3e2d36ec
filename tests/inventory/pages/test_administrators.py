"""The page and the interface about who administered a machine and what else they had."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.models import Asset, Source
from tests.factories import SourceFactory, TeamFactory, UserFactory
from tests.inventory.chronicle.lives import at
from tests.inventory.chronicle.test_administrators import (
    ANNA,
    OPS,
    WEB_AND_LAB,
    collect,
    machine,
    on,
)
from tests.inventory.pages.test_assets import text_of
from tests.inventory.pages.test_chronicle import client_of
from tests.policies.builders import a_principal

pytestmark = pytest.mark.django_db
BO, ROOT = r"HALDEN\bo", r"HALDEN\root"


@pytest.fixture
def source(db: None) -> Source:
    """Anna by a group that she leaves, Root by a grant at the root; and many other machines."""
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    others = [machine(n, "lab") for n in range(10, 130)]
    grants = (on("web", OPS), on("root", ROOT))
    for hours, members in ((0, (ANNA, BO)), (1, (ANNA, BO)), (2, (BO,))):
        collect(source, *WEB_AND_LAB, *others, *grants, a_principal(OPS, *members), hours=hours)
    return source


@pytest.fixture
def client(source: Source) -> Client:
    return client_of(UserFactory(roles=["analyst"]))


def pk(name: str) -> int:
    return Asset.objects.get(kind="vm", name=name).pk


def page(client: Client, **query: Any) -> str:
    address = reverse("inventory:asset-neighbours", args=[pk("web-1")])
    with time_machine.travel(at(3), tick=False):
        answer = client.get(address, {"by": "administrator", **query})
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode()


def ask(client: Client, path: str, **query: Any) -> Any:
    with time_machine.travel(at(3), tick=False):
        return client.get(f"/api/v1/assets/{pk('web-1')}/{path}/", query)


def uid_of(client: Client, name: str) -> str:
    told = ask(client, "administrators").json()["administrators"]
    return next(str(one["uid"]) for one in told if one["name"] == name)


def test_each_administrator_stands_with_their_way_and_how_many_machines(client: Client) -> None:
    text = text_of(page(client))

    assert "3 administrators had it between" in text
    assert rf"{ROOT}enter2 h2 heverything of this source: 122role-201 on the root" in text
    assert f"member of {OPS}" in text
    assert "at a datastore" not in text


def test_the_machines_of_one_administrator_come_in_pages(client: Client) -> None:
    who = uid_of(client, ROOT)
    first, second = page(client, who=who), page(client, who=who, start="100")

    assert "also administered everything else of this source, 122 other machines" in first
    assert "1 to 100 of 122." in first
    assert "101 to 122 of 122." in second
    assert "web-9" not in first.split("<tbody>")[1]


def test_the_proof_stands_beside_the_administrators_own(client: Client) -> None:
    text = text_of(page(client, who=uid_of(client, ANNA), **{"with": str(pk("web-2"))}))

    assert (
        rf"{ANNA} administered it and web-2 at the same time, 1 h surely and 2 h possibly." in text
    )
    assert text.count(f"member of {OPS}") == 2


def test_an_administrator_of_another_time_leads_to_all(client: Client) -> None:
    text = page(client, who=uid_of(client, ANNA), **{"from": "2026-03-10T14:00"})

    assert "Not an administrator in this time" in text


def test_whoever_sees_a_part_is_told_nothing_of_grants(source: Source) -> None:
    team = TeamFactory()
    Asset.objects.filter(name="web-1").update(team=team)
    owner = client_of(UserFactory(roles=["analyst"], scope="teams", teams=[team]))

    text = page(owner)

    assert "they are not shown to you" in text
    assert ANNA not in text
    assert ask(owner, "administrators").status_code == HTTPStatus.NOT_FOUND
    assert ask(owner, "neighbours", by="administrator").status_code == HTTPStatus.NOT_FOUND


def test_the_interface_tells_the_same(client: Client) -> None:
    told = ask(client, "administrators").json()
    by_name = {one["name"]: one for one in told["administrators"]}

    assert told["total"] == 3
    assert (by_name[ANNA]["minutes"], by_name[ANNA]["possible_minutes"]) == (60, 120)
    assert by_name[ANNA]["tenures"][0]["ways"][0]["groups"] == [OPS]
    assert (by_name[ROOT]["everything"], by_name[ROOT]["machines"]) == (True, 122)
    found = ask(client, "neighbours", by="administrator", who=by_name[ANNA]["uid"]).json()
    assert [(one["vm_name"], one["minutes"]) for one in found["neighbours"]] == [("web-2", 60)]
    assert found["total"] == 1


@pytest.mark.parametrize("query", [{}, {"who": "nobody"}, {"who": "x", "start": "y"}])
def test_the_interface_wants_to_know_which_administrator(
    client: Client, query: dict[str, str]
) -> None:
    answer = ask(client, "neighbours", by="administrator", **query)

    assert answer.status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(("name", "other"), [("", ""), (ROOT, ""), (ANNA, ""), (ANNA, "web-2")])
def test_it_asks_a_dozen_questions_at_most(client: Client, name: str, other: str) -> None:
    query = {"who": uid_of(client, name)} if name else {}
    query |= {"with": str(pk(other))} if other else {}
    page(client, **query)
    with CaptureQueriesContext(connection) as asked:
        page(client, **query)

    assert len(asked) <= 12 + 1  # one of them is this test's own
