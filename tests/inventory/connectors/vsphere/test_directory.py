"""Members of groups, from a simulated user directory that refuses as vCenter's does."""

from collections.abc import Iterator
from typing import Any

import pytest

from inventory.connectors.base import BlindSpot, Count, Doubt, Item
from inventory.connectors.vsphere import directory
from inventory.records import Kind, Member, Principal
from tests.inventory.connectors.vsphere.conftest import Build
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration
EMPTY = {"dc": 0, "cluster": 0, "host": 0, "standalone_host": 0, "vm": 0, "ds": 0, "pg": 0}
READER = {"username": "vmgov@vsphere.local", "password": "battery staple"}


def group(name: str, *groups: str, **users: str) -> dict[str, Any]:
    return {
        "op": "group",
        "name": rf"CORP\{name}",
        "users": {rf"CORP\{user}": full for user, full in users.items()},
        "groups": [rf"CORP\{inner}" for inner in groups],
    }


def grant(name: str, *, is_group: bool = True) -> dict[str, Any]:
    return {"op": "grant", "principal": rf"CORP\{name}", "group": is_group, "role": "ReadOnly"}


@pytest.fixture
def vcenter() -> Iterator[Vcsim]:
    with start_vcsim(**EMPTY, seed="directory") as running:
        yield running


def collected(connector_to: Build, vcenter: Vcsim, **account: str) -> list[Item]:
    items = list(connector_to(vcenter, **account).collect())
    assert [item for item in items if isinstance(item, Doubt)] == []
    return items


def principals(items: list[Item]) -> dict[str, Principal]:
    found = [item for item in items if isinstance(item, Principal)]
    assert Count(kind=Kind.PRINCIPAL, expected=len(found)) in items
    return {one.name.removeprefix("CORP\\"): one for one in found if one.name.startswith("CORP")}


def blind_spots(items: list[Item]) -> list[BlindSpot]:
    return [item for item in items if isinstance(item, BlindSpot) and item.kind is Kind.PRINCIPAL]


def test_groups_are_followed_to_the_people_in_them(vcenter: Vcsim, connector_to: Build) -> None:
    vcenter.apply(
        ops=[
            grant("Ops"),
            group("Ops", "Nights", anna="Anna Berg"),
            group("Nights", "Ops", bo=""),  # each in the other
            group("Strangers", cy=""),
        ]
    )

    items = collected(connector_to, vcenter)
    found = principals(items)

    assert set(found) == {"Ops", "Nights", "anna", "bo"}
    assert found["Ops"].members == (
        Member(name=r"CORP\Nights", is_group=True),
        Member(name=r"CORP\anna", is_group=False),
    )
    assert found["anna"].full_name == "Anna Berg"
    assert found["anna"].members == ()
    assert blind_spots(items) == []


def test_a_group_without_members_is_empty(vcenter: Vcsim, connector_to: Build) -> None:
    vcenter.apply(ops=[grant("Ops"), group("Ops")])

    assert principals(collected(connector_to, vcenter))["Ops"].members == ()


def test_a_group_that_the_directory_does_not_know_is_one_of_unknown_members(
    vcenter: Vcsim, connector_to: Build
) -> None:
    vcenter.apply(ops=[grant("Ops"), grant("Gone"), group("Ops", anna="")])

    items = collected(connector_to, vcenter)

    assert principals(items)["Gone"].members is None
    assert principals(items)["Ops"].members
    [spot] = blind_spots(items)
    assert (spot.property, spot.count, spot.example) == ("members", 1, r"CORP\Gone")
    assert "NotFound" in spot.explanation


def test_an_account_that_may_not_ask_is_refused_once_and_it_is_said(
    vcenter: Vcsim, connector_to: Build
) -> None:
    vcenter.apply(ops=[grant("Ops"), grant("anna", is_group=False), group("Ops", anna="")])
    vcenter.forget_calls()

    items = collected(connector_to, vcenter, **READER)

    assert principals(items)["Ops"].members is None
    assert principals(items)["anna"].members == ()
    [spot] = blind_spots(items)
    assert spot.count == 2  # VSPHERE.LOCAL\Administrators as well
    assert "Authorization.ModifyPermissions" in spot.explanation
    assert vcenter.calls()["RetrieveUserGroups"] == 1


def test_the_privilege_on_one_object_is_enough(vcenter: Vcsim, connector_to: Build) -> None:
    vcenter.apply(
        ops=[
            grant("Ops"),
            group("Ops", anna=""),
            {"op": "create_datacenter", "name": "vmgov"},
            {"op": "create_role", "name": "D", "privileges": ["Authorization.ModifyPermissions"]},
            {"op": "grant", "entity": "vmgov", "principal": READER["username"], "role": "D"},
        ]
    )

    assert principals(collected(connector_to, vcenter, **READER))["Ops"].members


def test_groups_too_deep_or_too_many_are_unknown_not_empty(
    vcenter: Vcsim, connector_to: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    vcenter.apply(
        ops=[grant("A"), group("A", "B"), group("B", "C"), group("C", "D"), group("D", anna="")]
    )

    monkeypatch.setattr(directory, "DEEPEST", 2)
    items = collected(connector_to, vcenter)
    assert principals(items)["B"].members
    assert principals(items)["C"].members is None
    assert "2 deep" in blind_spots(items)[0].explanation

    monkeypatch.setattr(directory, "MOST_GROUPS", 2)  # Administrators is the other
    items = collected(connector_to, vcenter)
    assert principals(items)["A"].members
    assert principals(items)["B"].members is None


def test_a_list_that_may_be_cut_off_is_unknown(
    vcenter: Vcsim, connector_to: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "MOST_MEMBERS", 2)
    vcenter.apply(ops=[grant("Ops"), group("Ops", anna="", bo="")])

    items = collected(connector_to, vcenter)

    assert principals(items)["Ops"].members is None
    assert "anna" not in principals(items)
    assert "cut off" in blind_spots(items)[0].explanation
