"""What a simulated vCenter tells of grants, roles and port groups is about what it lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.chronicle import deeds
from inventory.chronicle.models import PlatformEvent
from inventory.connectors.base import Event, EventCursor
from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.records import AnyRecord, Grant, Network, Role
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration
WHO, BY = r"CORP\kim", r"CORP\anna"


@pytest.fixture
def vcsim() -> Iterator[Vcsim]:
    with start_vcsim(dc=1, cluster=1, host=1, vm=1, standalone_host=0, pg=1) as running:
        yield running


def read(vcsim: Vcsim) -> list[Any]:
    trust = tls.PinnedTrust(Path(vcsim.cert_pem).read_text())
    connector = VsphereConnector(
        url=vcsim.url,
        username=vcsim.username,
        password=vcsim.password,
        trust=trust,
        events_since=EventCursor(),
    )
    return list(connector.collect())


def kept(told: Event) -> PlatformEvent:
    return PlatformEvent(type=told.type, detail=told.detail, user_name=told.user)


def reference(ref: str, kind: str) -> dict[str, str]:
    return {"type": kind, "value": ref}


def post(vcsim: Vcsim, type_: str, **facts: Any) -> None:
    event = {"_typeName": type_, **facts}
    vcsim.apply(ops=[{"op": "post_event", "as": BY, "event": event}])


def test_the_lines_of_a_log_find_the_objects_that_they_name(vcsim: Vcsim) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_role", "name": "Night", "privileges": ["System.Read"]},
            {"op": "grant", "principal": WHO, "role": "Night", "entity": {"type": "Datacenter"}},
        ]
    )
    grant, role, group = listed(read(vcsim))
    held = {"_typeName": "RoleEventArgument", "roleId": grant.role_id, "name": "Night"}
    was = {"_typeName": "RoleEventArgument", "roleId": -2, "name": "ReadOnly"}
    entity = {
        "_typeName": "ManagedEntityEventArgument",
        "name": grant.entity_name,
        "entity": reference(grant.entity_ref, "Datacenter"),
    }
    net = {
        "_typeName": "NetworkEventArgument",
        "name": group.name,
        "network": reference(group.ref, "DistributedVirtualPortgroup"),
    }
    whom = {"entity": entity, "principal": WHO, "group": False}
    change = {"role": held, "propagate": True, "prevRole": was, "prevPropagate": True}
    post(vcsim, "PermissionUpdatedEvent", **whom, **change)
    post(vcsim, "RoleUpdatedEvent", role=held, prevRoleName="Night", privilegeList=["System.Read"])
    post(vcsim, "DVPortgroupReconfiguredEvent", net=net, configSpec={})

    told = [kept(one) for one in read(vcsim) if isinstance(one, Event) and one.user == BY]

    for record, type_ in (
        (grant, "PermissionUpdatedEvent"),
        (role, "RoleUpdatedEvent"),
        (group, "DVPortgroupReconfiguredEvent"),
    ):
        assert [one.type for one in told if deeds.concerns(one, record)] == [type_]
    author = deeds.author("role_id", grant, [one for one in told if deeds.concerns(one, grant)])
    assert author is not None
    assert author.user_name == BY


def listed(items: list[AnyRecord]) -> tuple[Grant, Role, Network]:
    [grant] = [one for one in items if isinstance(one, Grant) and one.principal == WHO]
    [role] = [one for one in items if isinstance(one, Role) and one.name == "Night"]
    found = [one for one in items if isinstance(one, Network) and one.type == "distributed"]
    return grant, role, next(one for one in found if not one.uplink)
