"""Tags over REST: read, refused, spoilt on the way, and used like custom attributes."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.connectors.base import BlindSpot, CollectionFailed, Doubt, Item
from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.methods import REST_SESSION, REST_TAGS
from inventory.records import Datastore, Host, Kind, VirtualMachine
from tests.inventory.connectors.vsphere.conftest import Build
from tests.inventory.connectors.vsphere.pages import an_estate
from tests.peers.certificates import self_signed
from tests.peers.fault_proxy import Fault, FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration

TAGS = [
    {"op": "tag", "target": "DC0_H0_VM0", "category": "Data class", "name": "confidential"},
    {"op": "tag", "target": "DC0_H0_VM0", "category": "Zone", "name": "b"},
    {"op": "tag", "target": "DC0_H0_VM0", "category": "Zone", "name": "a"},
    {"op": "tag", "target": "DC0_H0_VM1", "category": "Zone", "name": "b"},
    {"op": "tag", "target": "DC0_H0", "category": "Zone", "name": "b"},
    {"op": "tag", "target": "LocalDS_0", "category": "Zone", "name": "a"},
]


@pytest.fixture(scope="module")
def vcenter() -> Iterator[Vcsim]:
    with start_vcsim(cluster=0, standalone_host=1, vm=2, scenario={"ops": TAGS}) as running:
        yield running


def found(kind: type[Any], items: list[Item]) -> dict[str, Any]:
    return {item.name: item for item in items if isinstance(item, kind)}


def notes(items: list[Item]) -> list[BlindSpot | Doubt]:
    return [item for item in items if isinstance(item, BlindSpot | Doubt)]


def test_tags_are_told_by_category(connector_to: Build) -> None:
    items = list(connector_to().collect())

    machines = found(VirtualMachine, items)
    assert machines["DC0_H0_VM0"].tags == {"Data class": ("confidential",), "Zone": ("a", "b")}
    assert machines["DC0_H0_VM1"].tags == {"Zone": ("b",)}
    assert found(Host, items)["DC0_H0"].tags == {"Zone": ("b",)}
    assert found(Datastore, items)["LocalDS_0"].tags == {"Zone": ("a",)}
    assert notes(items) == []


def test_a_mapping_may_name_a_category(connector_to: Build) -> None:
    machines = found(
        VirtualMachine, list(connector_to(attributes={"classification": "Data class"}).collect())
    )

    assert machines["DC0_H0_VM0"].classification == "confidential"
    assert machines["DC0_H0_VM1"].classification == ""


def test_no_more_is_asked_than_what_tags_there_are(proxy: FaultProxy, connector_to: Build) -> None:
    list(connector_to(proxy).collect())

    asked = [call.method for call in proxy.calls if " " in call.method]
    asked = asked[asked.index(f"DELETE {REST_SESSION}") + 1 :]  # libraries came before
    assert (
        len(asked) == 3 + 1 + 3 + 2
    )  # login, list and goodbye; who carries them; tags, categories
    assert asked[-1] == f"DELETE {REST_SESSION}"


@pytest.mark.parametrize(("status", "why"), [(404, "does not offer"), (401, "may not use")])
def test_an_interface_that_refuses_is_a_blind_spot(
    vcenter: Vcsim, connector_to: Build, status: int, why: str
) -> None:
    vcenter.apply(ops=[{"op": "rest", "status": status}])
    try:
        items = list(connector_to(attributes={"classification": "Data class"}).collect())
    finally:
        vcenter.apply(ops=[{"op": "rest", "status": 0}])

    told = notes(items)
    told = [note for note in told if getattr(note, "property", "") == "tags"]
    assert {note.kind for note in told} == {Kind.VM, Kind.IMAGE, Kind.HOST, Kind.DATASTORE}
    assert all(isinstance(note, BlindSpot) and why in note.explanation for note in told)
    machine = found(VirtualMachine, items)["DC0_H0_VM0"]
    assert (machine.tags, machine.classification) == (None, None)


@pytest.mark.parametrize("status", [302, 500, 503])
def test_an_interface_that_is_ill_is_a_doubt(
    vcenter: Vcsim, connector_to: Build, status: int
) -> None:
    vcenter.apply(ops=[{"op": "rest", "status": status}])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(ops=[{"op": "rest", "status": 0}])

    assert [(type(note), note.kind) for note in notes(items)] == [
        (Doubt, Kind.IMAGE),  # of libraries
        (Doubt, Kind.VM),
    ]
    assert found(VirtualMachine, items)["DC0_H0_VM0"].tags is None


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATE, Fault.EMPTY, Fault.HTTP_500])
def test_a_spoilt_answer_is_a_doubt_and_the_session_is_ended(
    proxy: FaultProxy, connector_to: Build, fault: Fault
) -> None:
    injected = proxy.inject(fault, method=f"GET {REST_TAGS}")

    items = list(connector_to(proxy).collect())

    assert injected.applied
    assert [type(note) for note in notes(items)] == [Doubt]
    assert {machine.tags for machine in found(VirtualMachine, items).values()} == {None}
    assert f"DELETE {REST_SESSION}" in proxy.methods


def test_the_password_is_not_sent_to_who_shows_another_certificate(
    proxy: FaultProxy, vcenter: Vcsim, connector_to: Build, tmp_path: Path
) -> None:
    pin = tls.PinnedTrust(proxy.cert_pem.read_text())
    items = connector_to(proxy, trust=pin).collect()
    next(items)
    other = tmp_path / "other"
    other.mkdir()
    proxy.swap_certificate(self_signed(other), drop=True)

    with pytest.raises(CollectionFailed) as caught:
        list(items)

    assert caught.value.code == "pin-mismatch"
    methods = [call.method for call in proxy.calls]
    assert methods.count(f"POST {REST_SESSION}") == 1  # of libraries, before the first item


def test_nothing_of_the_login_is_kept(vcenter: Vcsim, connector_to: Build) -> None:
    items = repr(list(connector_to().collect()))

    secret = base64.b64encode(f"{vcenter.username}:{vcenter.password}".encode()).decode()
    assert secret not in items
    assert vcenter.password not in items


def test_an_attribute_goes_before_a_tag_and_what_is_unknown_is_not_unset() -> None:
    estate = an_estate(classification="Class")
    estate.field_names = {"1": "Class"}
    tag = {"Class": ("secret", "public")}

    def said(attributes: Any, tags: Any) -> Any:
        return estate.assigned(attributes, tags)["classification"]

    assert said({"Class": "internal"}, tag) == "internal"
    assert said({"Class": " "}, tag) == "secret, public"
    assert said({}, {}) == ""
    assert said({}, None) == ""  # it is an attribute, and not set
    assert said(None, {}) is None
    assert said(None, tag) == "secret, public"
    estate.field_names = {}
    assert said({}, None) is None  # only a tag can carry it, and tags are unknown
    assert said({}, {}) == ""
