"""Clusters, networks, distributed switches and datastores."""

from __future__ import annotations

from typing import Any, Final

from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import (
    Facts,
    as_flag,
    as_number,
    as_text,
    dicts,
    display_name,
    inside,
    sorted_refs,
    texts,
)
from inventory.connectors.vsphere.xml import many
from inventory.records import (
    Cluster,
    Datastore,
    MirrorSession,
    Network,
    PlacementRule,
    Platform,
    SecurityPolicy,
    Switch,
)

CLUSTER_PATHS: Final = ("name", "parent", "configurationEx", "host")
NETWORK_PATHS: Final = ("name", "parent", "host", "vm")
PORT_GROUP_PATHS: Final = (
    "key",
    "config.defaultPortConfig",
    "config.distributedVirtualSwitch",
    "config.uplink",
)
OPAQUE_PATHS: Final = ("summary",)
SWITCH_PATHS: Final = ("name", "parent", "uuid", "config")
DATASTORE_PATHS: Final = (
    "name",
    "parent",
    "host",
    "summary.accessible",
    "summary.capacity",
    "summary.multipleHostAccess",
    "summary.type",
    "summary.url",
    "vm",
)


def cluster(facts: Facts) -> Cluster:
    config = facts.section("configurationEx")
    drs, ha = inside(config, "drsConfig"), inside(config, "dasConfig")
    return Cluster(
        platform=Platform.VSPHERE,
        uid=str(facts.ref),
        ref=str(facts.ref),
        name=_name(facts),
        drs_enabled=as_flag(inside(drs, "enabled")),
        drs_automation=as_text(inside(drs, "defaultVmBehavior")),
        ha_enabled=as_flag(inside(ha, "enabled")),
        rules=None if config is None else _rules(config),
        host_refs=facts.refs("host"),
    )


def _rules(config: dict[str, Any]) -> tuple[PlacementRule, ...]:
    groups = {as_text(group.get("name")): group for group in dicts(config.get("group"))}
    return tuple(_rule(rule, groups) for rule in dicts(config.get("rule")))


def _rule(rule: dict[str, Any], groups: dict[str | None, dict[str, Any]]) -> PlacementRule:
    affine, anti = (
        as_text(rule.get("affineHostGroupName")),
        as_text(rule.get("antiAffineHostGroupName")),
    )
    vm_group = groups.get(as_text(rule.get("vmGroupName")), {})
    kind = {
        "ClusterAffinityRuleSpec": "affinity",
        "ClusterAntiAffinityRuleSpec": "anti-affinity",
        "ClusterVmHostRuleInfo": "vm-host" if affine else "vm-host-anti",
    }.get(rule.get("_type", ""), as_text(rule.get("_type")) or "")
    return PlacementRule(
        name=as_text(rule.get("name")) or "",
        type=kind,
        enabled=as_flag(rule.get("enabled")),
        mandatory=as_flag(rule.get("mandatory")),
        vm_refs=sorted_refs(many(rule.get("vm")) or many(vm_group.get("vm"))),
        host_refs=sorted_refs(many(groups.get(affine or anti, {}).get("host"))),
    )


def network_key(facts: Facts) -> str | None:
    """What a network card's backing calls this network."""
    return facts.choice("key") or as_text(inside(facts.raw("summary"), "opaqueNetworkId"))


def network(facts: Facts, details: Facts | None) -> Network:
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
        "host_refs": facts.refs("host"),
        "vm_refs": facts.refs("vm"),
    }
    if kind != "distributed" or details is None:
        return Network(**base)
    ports = details.section("config.defaultPortConfig")
    order = inside(ports, "uplinkTeamingPolicy", "uplinkPortOrder")
    known = isinstance(order, dict)
    return Network(
        **base,
        switch_ref=details.text("config.distributedVirtualSwitch"),
        uplink=details.flag("config.uplink"),
        **_vlan(inside(ports, "vlan")),
        security=port_security(ports),
        netflow=as_flag(inside(ports, "ipfixEnabled", "value")),
        active_uplinks=texts(order.get("activeUplinkPort")) if known else None,
        standby_uplinks=texts(order.get("standbyUplinkPort")) if known else None,
    )


def _vlan(spec: Any) -> dict[str, Any]:
    kind = inside(spec, "_type")
    if kind == "VmwareDistributedVirtualSwitchVlanIdSpec":
        number = as_number(inside(spec, "vlanId"))
        return {"vlan_type": "none" if number == 0 else "vlan", "vlan_id": number}
    if kind == "VmwareDistributedVirtualSwitchPvlanSpec":
        return {"vlan_type": "pvlan", "vlan_id": as_number(inside(spec, "pvlanId"))}
    if kind == "VmwareDistributedVirtualSwitchTrunkVlanSpec":
        ranges = (
            (as_number(part.get("start")), as_number(part.get("end")))
            for part in dicts(inside(spec, "vlanId"))
        )
        return {
            "vlan_type": "trunk",
            "vlan_ranges": tuple(
                (start, end) for start, end in ranges if start is not None and end is not None
            ),
        }
    return {}


def port_security(ports: Any) -> SecurityPolicy | None:
    """What a port of a distributed switch allows: the newer policy where there is one.

    Switches since 6.6 carry macManagementPolicy; the older securityPolicy wraps its values.
    """
    newer, older = inside(ports, "macManagementPolicy"), inside(ports, "securityPolicy")
    if not isinstance(newer, dict) and not isinstance(older, dict):
        return None

    def allowed(name: str) -> bool | None:
        direct = as_flag(inside(newer, name))
        return as_flag(inside(older, name, "value")) if direct is None else direct

    return SecurityPolicy(
        promiscuous=allowed("allowPromiscuous"),
        mac_changes=allowed("macChanges"),
        forged_transmits=allowed("forgedTransmits"),
    )


def switch(facts: Facts, estate: Estate) -> Switch:
    config = facts.section("config")
    hosts = dicts(inside(config, "host"))
    uuid = facts.choice("uuid")
    return Switch(
        platform=Platform.VSPHERE,
        uid=str(facts.ref),
        ref=str(facts.ref),
        name=_name(facts),
        uuid=uuid,
        version=as_text(inside(config, "productInfo", "version")),
        security=port_security(inside(config, "defaultPortConfig")),
        mirror_sessions=None if config is None else _mirror_sessions(config),
        netflow_collector=None if config is None else _collector(config),
        discovery_protocol=_discovery(config),
        host_refs=None
        if config is None
        else tuple(sorted(str(ref) for host in hosts if (ref := inside(host, "config", "host")))),
        uplinks=estate.uplinks_of(uuid),
    )


def _mirror_sessions(config: dict[str, Any]) -> tuple[MirrorSession, ...]:
    return tuple(
        MirrorSession(
            key=as_text(session.get("key")) or "",
            name=as_text(session.get("name")) or "",
            enabled=as_flag(session.get("enabled")),
            type=as_text(session.get("sessionType")),
        )
        for session in dicts(config.get("vspanSession"))
    )


def _collector(config: dict[str, Any]) -> str:
    return as_text(inside(config, "ipfixConfig", "collectorIpAddress")) or ""


def _discovery(config: dict[str, Any] | None) -> str | None:
    protocol = inside(config, "linkDiscoveryProtocolConfig")
    if not isinstance(protocol, dict):
        return None
    if as_text(protocol.get("operation")) == "none":
        return "none"
    return as_text(protocol.get("protocol"))


def datastore(facts: Facts) -> Datastore:
    mounts = facts.items("host")
    return Datastore(
        platform=Platform.VSPHERE,
        uid=str(facts.ref),
        ref=str(facts.ref),
        name=_name(facts),
        url=facts.text("summary.url"),
        type=facts.choice("summary.type"),
        capacity_bytes=facts.number("summary.capacity"),
        multiple_host_access=facts.flag("summary.multipleHostAccess"),
        accessible=facts.flag("summary.accessible"),
        host_refs=None
        if mounts is None
        else sorted_refs([mount.get("key") for mount in dicts(mounts)]),
        vm_refs=facts.refs("vm"),
    )


def _name(facts: Facts) -> str:
    return display_name(as_text(facts.raw("name")) or str(facts.ref))
