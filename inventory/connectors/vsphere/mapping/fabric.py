"""Networks and datastores."""

from __future__ import annotations

from typing import Any, Final

from inventory.connectors.vsphere.mapping import ports
from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import (
    Facts,
    as_flag,
    as_text,
    dicts,
    display_name,
    inside,
    sorted_refs,
    texts,
)
from inventory.connectors.vsphere.xml import Ref
from inventory.records import Datastore, Mount, Network, Platform

NETWORK_PATHS: Final = ("name", "parent", "host", "vm")
PORT_GROUP_PATHS: Final = (
    "key",
    "config.defaultPortConfig",
    "config.distributedVirtualSwitch",
    "config.numPorts",
    "config.policy",
    "config.type",
    "config.uplink",
)
OPAQUE_PATHS: Final = ("summary",)
DATASTORE_PATHS: Final = (
    "name",
    "parent",
    "host",
    "summary.accessible",
    "summary.capacity",
    "summary.maintenanceMode",
    "summary.multipleHostAccess",
    "summary.type",
    "summary.url",
    "vm",
)


def network_key(facts: Facts) -> str | None:
    """What a network card's backing calls this network."""
    return facts.choice("key") or as_text(inside(facts.raw("summary"), "opaqueNetworkId"))


def network(facts: Facts, details: Facts | None, estate: Estate) -> Network:
    """A network; `details` is what a distributed port group says beyond that."""
    kind = {"DistributedVirtualPortgroup": "distributed", "OpaqueNetwork": "opaque"}.get(
        facts.ref.type, "standard"
    )
    base: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": str(facts.ref),
        "ref": str(facts.ref),
        "name": _name(facts),
        "type": kind,
        "ancestors": estate.standing_in(facts.choice("parent")),
        "host_refs": facts.refs("host"),
        "vm_refs": facts.refs("vm"),
    }
    if kind != "distributed" or details is None:
        return Network(**base)
    setting = details.section("config.defaultPortConfig")
    return Network(
        **base,
        switch_ref=details.text("config.distributedVirtualSwitch"),
        uplink=details.flag("config.uplink"),
        **ports.vlan(inside(setting, "vlan")),
        security=ports.port_security(setting),
        mac_learning=ports.mac_learning(setting),
        netflow=as_flag(inside(setting, "ipfixEnabled", "value")),
        blocked=as_flag(inside(setting, "blocked", "value")),
        binding=details.choice("config.type"),
        **_teaming(inside(setting, "uplinkTeamingPolicy")),
        override_allowed=ports.override_allowed(details.raw("config.policy")),
        resets_ports=as_flag(inside(details.raw("config.policy"), "portConfigResetAtDisconnect")),
        port_overrides=estate.port_overrides.get(str(facts.ref)),
    )


def _teaming(policy: Any) -> dict[str, Any]:
    """The fields that tell which uplinks a group uses, and how."""
    order, rolling = (
        inside(policy, "uplinkPortOrder"),
        as_flag(inside(policy, "rollingOrder", "value")),
    )
    known = isinstance(order, dict)
    return {
        "teaming": as_text(inside(policy, "policy", "value")),
        "failback": None if rolling is None else not rolling,
        "notify_switches": as_flag(inside(policy, "notifySwitches", "value")),
        "active_uplinks": texts(order.get("activeUplinkPort")) if known else None,
        "standby_uplinks": texts(order.get("standbyUplinkPort")) if known else None,
    }


def datastore(facts: Facts, estate: Estate) -> Datastore:
    mounts = facts.items("host")
    return Datastore(
        platform=Platform.VSPHERE,
        uid=str(facts.ref),
        ref=str(facts.ref),
        name=_name(facts),
        url=facts.text("summary.url"),
        ancestors=estate.standing_in(facts.choice("parent")),
        type=facts.choice("summary.type"),
        capacity_bytes=facts.number("summary.capacity"),
        multiple_host_access=facts.flag("summary.multipleHostAccess"),
        accessible=facts.flag("summary.accessible"),
        maintenance=facts.choice("summary.maintenanceMode"),
        mounts=None if mounts is None else _mounts(mounts),
        host_refs=None
        if mounts is None
        else sorted_refs([mount.get("key") for mount in dicts(mounts)]),
        vm_refs=facts.refs("vm"),
        tags=estate.tags_of(facts),
    )


def _mounts(found: list[Any]) -> tuple[Mount, ...]:
    mounts = (
        Mount(
            host_ref=str(host),
            access=as_text(inside(mount, "mountInfo", "accessMode")),
            mounted=as_flag(inside(mount, "mountInfo", "mounted")),
        )
        for mount in dicts(found)
        if isinstance(host := mount.get("key"), Ref)
    )
    return tuple(sorted(mounts, key=lambda mount: mount.host_ref))


def _name(facts: Facts) -> str:
    return display_name(as_text(facts.raw("name")) or str(facts.ref))
