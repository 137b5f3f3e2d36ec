"""Who did what to grants, roles, port groups, switches, hosts and datastores; and who is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Team, User
from inventory import changes, facts
from inventory.changes import What
from inventory.chronicle import authors, deeds, timeline
from inventory.chronicle.models import PlatformEvent
from inventory.connectors.base import Event
from inventory.models import Asset, AssetVersion, Source
from inventory.records import AnyRecord
from inventory.spans import Span
from tests.factories import SourceFactory, TeamFactory, UserFactory
from tests.inventory.chronicle.lives import at, read_until, run, vm
from tests.inventory.fakes import FakeConnector
from tests.policies.builders import (
    a_datastore,
    a_grant,
    a_host,
    a_network,
    a_role,
    a_switch,
)

NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
ANNA, BO, OPS = r"CORP\anna", r"CORP\bo", r"HALDEN\vm-operators"
WEB = {"entity.ref": "group-v7", "principal": OPS, "group": "true"}


def told(
    type_: str, *, by: str = ANNA, minute: int = 0, host_ref: str = "", **detail: str
) -> PlatformEvent:
    when = NOON + timedelta(minutes=minute)
    named = {name.replace("_", "."): value for name, value in detail.items()}
    return PlatformEvent(
        type=type_,
        user_name=by,
        created_at=when,
        happened_at=when,
        host_ref=host_ref,
        detail=named,
    )


def by_field(
    was: AnyRecord, is_: AnyRecord, *events: PlatformEvent, meanwhile: tuple[Any, ...] = ()
) -> dict[str, str]:
    found = facts.difference(was, is_)
    return {each.field: each.by for each in authors.attributed(found, is_, events, meanwhile)}


def given(role: int, *, was: int | None = None, by: str = ANNA, minute: int = 0) -> PlatformEvent:
    """A line about a grant that is new, or whose role was changed."""
    said: dict[str, Any] = {"role_id": str(role), "role_name": f"role-{role}", "propagate": "true"}
    if was is not None:
        said |= {"prevRole_id": str(was), "prevRole_name": f"role-{was}", "prevPropagate": "true"}
    type_ = "PermissionAddedEvent" if was is None else "PermissionUpdatedEvent"
    return told(type_, by=by, minute=minute, host_ref="", **said)


def test_who_gave_another_role_is_named_when_it_is_the_role_that_was_found() -> None:
    was, is_ = (a_grant(role_id=role, uid="g", name="g", ref="g") for role in (101, 102))

    assert by_field(was, is_, given(102, was=101)) == {"role_id": ANNA, "role_name": ANNA}
    assert by_field(was, is_, given(103, was=101)) == {"role_id": "", "role_name": ""}


def test_of_several_who_gave_roles_the_last_one_counts() -> None:
    was, is_ = (a_grant(role_id=role, uid="g", name="g", ref="g") for role in (101, 102))
    taken = told("PermissionRemovedEvent", by=BO, minute=2)

    assert by_field(was, is_, given(102, was=101), given(101, was=102, by=BO, minute=1)) == {
        "role_id": "",
        "role_name": "",
    }
    assert by_field(was, is_, given(102, was=101), taken)["role_id"] == ""
    assert by_field(was, is_, taken, given(102, minute=3))["role_id"] == ANNA


def test_whoever_changed_something_else_of_a_grant_is_not_named() -> None:
    was, is_ = (a_grant(role_id=role, uid="g", name="g", ref="g") for role in (101, 102))
    handed_down = given(102, was=102, by=BO, minute=2)
    silent = told("PermissionUpdatedEvent", by=BO, minute=2, role_id="102", role_name="role-102")

    assert by_field(was, is_, given(102, was=101), handed_down)["role_id"] == ANNA
    assert by_field(was, is_, given(102, was=101), silent)["role_id"] == ""  # it may have been Bo


def test_who_let_a_grant_reach_further_is_named() -> None:
    was, is_ = (a_grant(propagate=further, uid="g") for further in (False, True))
    event = told("PermissionUpdatedEvent", propagate="true", prevPropagate="false")

    assert by_field(was, is_, event) == {"propagate": ANNA}


def test_a_role_that_was_renamed_names_nobody_at_its_grants_there() -> None:
    was, is_ = a_grant(uid="g"), a_grant(uid="g", role_name="Operators")

    assert by_field(was, is_, given(101, was=101)) == {"role_name": ""}


def test_who_changed_a_role_is_named_unless_several_did() -> None:
    was, is_ = a_role(101, "System.Read"), a_role(101, "System.Read", "Network.Assign")
    once = told("RoleUpdatedEvent", role_id="101")
    later = told("RoleUpdatedEvent", role_id="101", minute=5)
    other = told("RoleUpdatedEvent", role_id="101", by=BO, minute=9)

    assert by_field(was, is_, once, later) == {"privileges": ANNA}
    assert by_field(was, is_, once, other) == {"privileges": ""}
    assert by_field(was, is_) == {"privileges": ""}


def test_whoever_changed_it_while_it_was_read_may_have_made_what_was_found() -> None:
    was, is_ = a_network(vlan_id=100), a_network(vlan_id=200)
    before = told("DVPortgroupReconfiguredEvent")
    during = told("DVPortgroupReconfiguredEvent", by=BO, minute=1)

    assert by_field(was, is_, before) == {"vlan_id": ANNA}
    assert by_field(was, is_, before, meanwhile=(during,)) == {"vlan_id": ""}
    assert by_field(was, is_, meanwhile=(during,)) == {"vlan_id": BO}


def test_what_a_port_group_takes_over_from_its_switch_may_be_the_work_of_either() -> None:
    was, is_ = a_network(vlan_id=100), a_network(vlan_id=200)
    group, switch = told("DVPortgroupReconfiguredEvent"), told("DvsReconfiguredEvent", by=BO)

    assert by_field(was, is_, switch) == {"vlan_id": BO}
    assert by_field(was, is_, group, switch) == {"vlan_id": ""}


def test_who_changed_a_switch_is_named() -> None:
    was, is_ = a_switch(discovery_protocol="lldp"), a_switch(discovery_protocol="cdp")

    assert by_field(was, is_, told("DvsReconfiguredEvent")) == {"discovery_protocol": ANNA}


def test_what_other_things_do_to_a_port_group_names_nobody() -> None:
    was, is_ = a_network(host_refs=("host-1",)), a_network(host_refs=("host-1", "host-2"))

    assert by_field(was, is_, told("DVPortgroupReconfiguredEvent")) == {"host_refs": ""}


@pytest.mark.parametrize(
    ("was", "is_", "event", "field"),
    [
        (
            a_role(101, name="old"),
            a_role(101, name="new"),
            told("RoleUpdatedEvent", role_name="new", prevRoleName="old"),
            "name",
        ),
        (
            a_network("old", uid="n", ref="n"),
            a_network("new", uid="n", ref="n"),
            told("DVPortgroupRenamedEvent", newName="new", oldName="old"),
            "name",
        ),
        (
            a_switch("old", uid="d", ref="d", uuid="d"),
            a_switch("new", uid="d", ref="d", uuid="d"),
            told("DvsRenamedEvent", newName="new", oldName="old"),
            "name",
        ),
        (
            a_host(in_maintenance=False),
            a_host(in_maintenance=True),
            told("EnteredMaintenanceModeEvent"),
            "in_maintenance",
        ),
        (
            a_host(connection_state="connected"),
            a_host(connection_state="disconnected"),
            told("HostDisconnectedEvent"),
            "connection_state",
        ),
        (
            a_datastore(capacity_bytes=1000),
            a_datastore(capacity_bytes=2000),
            told("DatastoreCapacityIncreasedEvent", oldCapacity="1000", newCapacity="2000"),
            "capacity_bytes",
        ),
    ],
)
def test_a_line_that_tells_what_it_made_of_a_fact_names_who_did_it(
    was: AnyRecord, is_: AnyRecord, event: PlatformEvent, field: str
) -> None:
    assert by_field(was, is_, event) == {field: ANNA}
    assert by_field(is_, was, event) == {field: ""}  # it was found otherwise


@pytest.mark.parametrize(
    ("record", "event"),
    [
        (
            a_grant(),
            told("PermissionAddedEvent", entity_ref="group-v7", principal=OPS, group="true"),
        ),
        (
            a_grant(r"HALDEN\Anna", is_group=False),
            told("PermissionAddedEvent", entity_ref="group-v7", principal="anna@HALDEN"),
        ),
        (a_role(101), told("RoleRemovedEvent", role_id="101")),
        (a_network(), told("DVPortgroupCreatedEvent", net_ref="network-app")),
        (a_network(), told("DvsReconfiguredEvent", dvs_ref="dvs-1")),
        (a_switch(), told("DvsDestroyedEvent", dvs_ref="dvs-1")),
        (a_host(ref="host-1"), told("HostAddedEvent", host_ref="host-1")),
        (a_datastore(ref="d-1"), told("NASDatastoreCreatedEvent", datastore_ref="d-1")),
    ],
)
def test_an_event_is_about_the_object_that_it_names(
    record: AnyRecord, event: PlatformEvent
) -> None:
    assert deeds.concerns(event, record)
    event.host_ref = ""
    for name in list(event.detail):
        event.detail[name] = "another"
    assert not deeds.concerns(event, record)


def test_a_grant_of_a_group_is_not_one_of_a_user_of_that_name() -> None:
    event = told("PermissionAddedEvent", entity_ref="group-v7", principal=OPS, group="false")

    assert deeds.concerns(event, a_grant(is_group=False))
    assert not deeds.concerns(event, a_grant(is_group=True))


# --- what is kept, and who is told --------------------------------------------------------------


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


@pytest.fixture
def analyst(db: None) -> User:
    return UserFactory(roles=["analyst"])


def line(key: int, type_: str, hours: float, by: str = ANNA, **detail: str) -> Event:
    return Event(key=key, type=type_, at=at(hours), user=by, detail=detail)


def collect(source: Source, *records: AnyRecord, hours: float, events: tuple[Event, ...]) -> None:
    connector = FakeConnector(vm(1), *records, extra=(*events, read_until(hours)))
    run(source, connector, hours=hours)


def differing(user: User, begin: float, end: float, what: What) -> list[changes.Difference]:
    span = Span(at(begin), at(end))
    versions = changes.differing(AssetVersion.objects.visible_to(user), span, what)
    rows = list(versions.select_related("asset", "asset__source").order_by("-pk"))
    return changes.of(rows, span, user=user)


PORTS = {"net.ref": "network-app"}


def fill(source: Source) -> None:
    """Anna gives the operators a role, another group has one; Bo changes a port group."""
    other = a_grant(r"HALDEN\Backup", uid="other", ref="other")
    changed = {"role.id": "102", "role.name": "role-102", "propagate": "true"}
    changed |= {"prevRole.id": "101", "prevRole.name": "role-101", "prevPropagate": "true"}
    noise = line(3, "PermissionUpdatedEvent", 1.7, BO, **{**WEB, "principal": "x", **changed})
    first = line(1, "PermissionAddedEvent", 0.5, **{**WEB, "role.id": "101", "propagate": "true"})
    later = line(2, "PermissionUpdatedEvent", 1.5, **WEB, **changed)
    ports = line(4, "DVPortgroupReconfiguredEvent", 1.6, BO, **PORTS)
    log = (first, later, noise, ports)
    grants = [a_grant(role_id=role, uid="g", ref="g", name="ops") for role in (101, 102)]
    collect(source, other, a_network(vlan_id=100), hours=0, events=())
    collect(source, grants[0], other, a_network(vlan_id=100), hours=1, events=log[:1])
    collect(source, grants[1], other, a_network(vlan_id=200), hours=2, events=log)


@pytest.mark.django_db
def test_differences_name_who_gave_a_grant_and_who_changed_it(
    source: Source, analyst: User
) -> None:
    fill(source)

    [came] = differing(analyst, 0, 1, What.APPEARED)
    found = {one.asset.kind: one for one in differing(analyst, 1, 2, What.CHANGED)}

    assert (came.asset.kind, came.by) == ("grant", ANNA)
    role, port = found["grant"].changes[0], found["network"].changes[0]
    assert (role.label, role.by, role.at) == ("Role id", ANNA, at(1.5))
    assert (port.label, port.by, port.at) == ("VLAN", BO, at(1.6))


@pytest.mark.django_db
def test_differences_name_who_took_a_grant_away(source: Source, analyst: User) -> None:
    fill(source)
    taken = line(5, "PermissionRemovedEvent", 2.5, BO, **WEB)
    for hours in (3, 4):
        known = line(4, "DVPortgroupReconfiguredEvent", 1.6, BO, **PORTS)
        stays = a_grant(r"HALDEN\Backup", uid="other", ref="other")
        collect(source, stays, a_network(vlan_id=200), hours=hours, events=(known, taken))

    [gone] = differing(analyst, 2, 4, What.DISAPPEARED)

    assert (gone.asset.kind, gone.by) == ("grant", BO)


@pytest.mark.django_db
def test_a_timeline_holds_what_was_done_to_the_object_and_nothing_of_others(
    source: Source, analyst: User
) -> None:
    fill(source)
    grant, network = Asset.objects.get(name="ops"), Asset.objects.get(kind="network")

    of_grant, _ = timeline.page(grant, analyst, before=None, name_of=facts.unnamed)
    of_network, _ = timeline.page(network, analyst, before=None, name_of=facts.unnamed)

    assert [(one.title, one.by) for one in of_grant if one.event] == [
        ("Grant changed", ANNA),
        ("Grant added", ANNA),
    ]
    assert [one.by for one in of_grant if one.version] == [ANNA, ""]
    assert [one.by for one in of_network if one.version] == [BO, ""]
    assert [one.title for one in of_network if one.event] == ["Port group changed"]


@pytest.mark.django_db
def test_the_same_reference_at_another_source_is_another_object(
    source: Source, analyst: User
) -> None:
    fill(source)
    other = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    for hours, vlan in ((1, 100), (2, 200)):
        collect(other, a_network(vlan_id=vlan), hours=hours, events=())

    found = differing(analyst, 1, 2, What.CHANGED)

    theirs = [one for one in found if one.asset.source_id == other.pk]
    assert [change.by for one in theirs for change in one.changes] == [""]


@pytest.mark.django_db
def test_whoever_sees_a_part_of_the_estate_is_told_of_no_event_about_what_is_nobodys(
    source: Source,
) -> None:
    team: Team = TeamFactory(name="Net")
    owner = UserFactory(roles=["remediator"], scope="teams", teams=[team])
    fill(source)
    Asset.objects.filter(kind="network").update(team=team)
    network = Asset.objects.get(kind="network")

    [found] = differing(owner, 1, 2, What.CHANGED)
    entries, _ = timeline.page(network, owner, before=None, name_of=facts.unnamed)

    assert found.asset == network
    assert [change.by for change in found.changes] == [""]
    assert {one.by for one in entries} == {""}


@pytest.mark.django_db
def test_where_there_are_too_many_events_to_read_nobody_is_named(
    source: Source, analyst: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(source)
    monkeypatch.setattr(deeds, "MOST", 1)

    found = {one.asset.kind: one for one in differing(analyst, 0, 2, What.CHANGED)}

    assert {each.by for each in found["network"].changes} == {BO}
    assert {one.by for one in differing(analyst, 0, 2, What.APPEARED)} == {""}
