"""Content libraries over REST: read, refused, spoilt on the way, gone meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from inventory.connectors.base import BlindSpot, Count, Doubt, Item
from inventory.connectors.vsphere.mapping.libraries import image, library
from inventory.connectors.vsphere.methods import (
    REST_FILES,
    REST_ITEMS,
    REST_LIBRARIES,
    MethodRefused,
    require_allowed_rest,
)
from inventory.parts import Library
from inventory.records import Image, Kind, PlatformSettings
from tests.inventory.connectors.vsphere.conftest import Build
from tests.inventory.connectors.vsphere.pages import an_estate
from tests.peers.fault_proxy import Fault, FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration

STORE = {"type": "Datastore", "name": "LocalDS_0"}
LIBRARIES = [
    {"op": "library", "name": "Gold", "datastore": STORE, "published": True, "login": "BASIC"},
    {"op": "library", "name": "Empty", "datastore": STORE},
    {"op": "library_item", "library": "Gold", "name": "rhel9", "type": "ovf"},
    {"op": "library_item", "library": "Gold", "name": "boot", "type": "iso", "content": "1234567"},
]


@pytest.fixture(scope="module")
def vcenter() -> Iterator[Vcsim]:
    with start_vcsim(cluster=0, standalone_host=1, vm=2, scenario={"ops": LIBRARIES}) as running:
        yield running


def libraries(items: list[Item]) -> dict[str, Library] | None:
    [platform] = [item for item in items if isinstance(item, PlatformSettings)]
    told = platform.libraries
    return None if told is None else {one.name: one for one in told}


def images(items: list[Item]) -> dict[str, Image]:
    return {item.name: item for item in items if isinstance(item, Image)}


def notes(items: list[Item]) -> list[BlindSpot | Doubt]:
    return [item for item in items if isinstance(item, BlindSpot | Doubt)]


def counted(items: list[Item]) -> int:
    return [item.expected for item in items if isinstance(item, Count) and item.kind == "image"][-1]


def test_libraries_are_told_with_how_they_are_handed_out(connector_to: Build) -> None:
    items = list(connector_to().collect())

    told = libraries(items)
    assert told is not None
    gold, empty = told["Gold"], told["Empty"]
    assert (gold.type, gold.published, gold.publish_login) == ("local", True, "basic")
    assert (gold.subscribed_from, gold.security_policy) == ("", "")
    assert len(gold.datastore_refs or ()) == 1
    assert (empty.published, empty.publish_login) == (False, None)
    assert notes(items) == []


def test_items_are_images_with_where_they_come_from(connector_to: Build) -> None:
    items = list(connector_to().collect())

    found = images(items)
    assert set(found) == {"rhel9", "boot"}
    assert counted(items) == 2
    boot = found["boot"]
    assert (boot.type, boot.library_name, boot.taken_from) == ("iso", "Gold", "")
    assert boot.uid == boot.ref
    assert boot.created_at is not None
    assert boot.modified_at is not None
    [file] = boot.item_files or ()
    assert (file.name, file.size_bytes) == ("boot.iso", 7)
    assert file.checksum == ""
    assert found["rhel9"].item_files == ()


def test_no_password_of_a_library_is_kept(connector_to: Build) -> None:
    told = repr(list(connector_to().collect()))

    assert "hand-out" not in told


@pytest.mark.parametrize(("status", "why"), [(404, "does not offer"), (401, "may not use")])
def test_an_interface_that_refuses_makes_libraries_unknown_not_none(
    vcenter: Vcsim, connector_to: Build, status: int, why: str
) -> None:
    vcenter.apply(ops=[{"op": "rest", "status": status}])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(ops=[{"op": "rest", "status": 0}])

    assert libraries(items) is None
    blind = [note for note in notes(items) if getattr(note, "property", "") == "libraries"]
    assert {note.kind for note in blind} == {Kind.PLATFORM, Kind.IMAGE}
    assert all(isinstance(note, BlindSpot) and why in note.explanation for note in blind)


def test_an_account_that_may_have_tags_alone_is_blind_to_libraries(
    vcenter: Vcsim, connector_to: Build
) -> None:
    vcenter.apply(ops=[{"op": "rest", "status": 403, "below": REST_LIBRARIES}])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(ops=[{"op": "rest", "status": 0}])

    assert libraries(items) is None
    assert [type(note) for note in notes(items)] == [BlindSpot, BlindSpot]


@pytest.mark.parametrize("below", [REST_LIBRARIES, REST_ITEMS, REST_FILES])
def test_an_interface_that_is_ill_is_a_doubt_about_images(
    vcenter: Vcsim, connector_to: Build, below: str
) -> None:
    vcenter.apply(ops=[{"op": "rest", "status": 503, "below": below}])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(ops=[{"op": "rest", "status": 0}])

    assert libraries(items) is None
    assert images(items) == {}
    [doubt] = notes(items)
    assert isinstance(doubt, Doubt)
    assert doubt.kind is Kind.IMAGE


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATE, Fault.EMPTY, Fault.HTTP_500])
def test_a_spoilt_answer_is_a_doubt_and_the_rest_is_read(
    proxy: FaultProxy, connector_to: Build, fault: Fault
) -> None:
    injected = proxy.inject(fault, method=f"GET {REST_LIBRARIES}")

    items = list(connector_to(proxy).collect())

    assert injected.applied
    assert libraries(items) is None
    assert [(type(note), note.kind) for note in notes(items)] == [(Doubt, Kind.IMAGE)]


def test_a_library_that_is_told_and_not_there_is_a_doubt(
    vcenter: Vcsim, connector_to: Build
) -> None:
    vcenter.apply(ops=[{"op": "rest", "status": 404, "below": f"{REST_ITEMS}/id:"}])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(ops=[{"op": "rest", "status": 0}])

    assert [type(note) for note in notes(items)] == [Doubt]


@pytest.mark.parametrize(
    "path",
    [
        f"{REST_ITEMS}?library_id=a&x=b",
        f"{REST_ITEMS}?~action=find",
        f"{REST_FILES}?library_id=a",
        f"{REST_LIBRARIES}/id:../x",
        f"{REST_LIBRARIES}/id:a?~action=publish",
    ],
)
def test_nothing_else_can_be_asked_of_libraries(path: str) -> None:
    with pytest.raises(MethodRefused):
        require_allowed_rest("GET", path)
    with pytest.raises(MethodRefused):
        require_allowed_rest("POST", path)


def test_an_older_vcenter_does_not_say_that_there_is_no_policy() -> None:
    def policy(version: str, **said: Any) -> str | None:
        return library({"name": "Gold", **said}, key="1", version=version).security_policy

    assert policy("8.0.2") == ""
    assert policy("7.0.2") is None
    assert policy("7.0.2", security_policy_id="p") == "p"


def test_an_address_is_kept_without_what_may_be_secret_in_it() -> None:
    info = {"subscription_url": "https://me:secret@vc/lib.json?token=1", "password": "secret"}

    told = library({"type": "SUBSCRIBED", "subscription_info": info}, key="1", version="8.0.2")

    assert told.subscribed_from == "https://vc/lib.json"
    assert "secret" not in repr(told)


def test_files_that_were_refused_are_unknown_and_an_item_without_a_type_is_none() -> None:
    estate, gold = an_estate(), Library(key="1", name="Gold")
    item = {"id": "i", "type": "ovf", "source_id": "s", "cached": False}
    file = {"name": "a.vmdk", "checksum_info": {"algorithm": "SHA1", "checksum": "9f"}}

    told = image(item, gold, None, estate)

    assert (told.item_files, told.taken_from, told.cached) == (None, "s", False)
    [known] = image(item, gold, [file], estate).item_files or ()
    assert known.checksum == "SHA1 9f"
    with pytest.raises(ValueError, match="no id or no type"):
        image({"id": "i"}, gold, [], estate)
