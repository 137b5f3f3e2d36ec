"""Distributed switches: what they copy, tell and let pass."""

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
    texts,
)
from inventory.connectors.vsphere.mapping.ports import mac_learning, port_security
from inventory.connectors.vsphere.xml import many
from inventory.parts import MirrorEnd
from inventory.records import MirrorSession, Platform, PrivateVlan, Switch

PATHS: Final = ("name", "parent", "uuid", "config")
_HEALTH_CHECKS: Final = {
    "VMwareDVSVlanMtuHealthCheckConfig": "vlan-mtu",
    "VMwareDVSTeamingHealthCheckConfig": "teaming",
}


def switch(facts: Facts, estate: Estate) -> Switch:
    config = facts.section("config")
    uuid, netflow = facts.choice("uuid"), inside(config, "ipfixConfig")
    return Switch(
        platform=Platform.VSPHERE,
        uid=str(facts.ref),
        ref=str(facts.ref),
        name=display_name(as_text(facts.raw("name")) or str(facts.ref)),
        ancestors=estate.standing_in(facts.choice("parent")),
        uuid=uuid,
        version=as_text(inside(config, "productInfo", "version")),
        security=port_security(inside(config, "defaultPortConfig")),
        mac_learning=mac_learning(inside(config, "defaultPortConfig")),
        netflow_sampling=as_number(inside(netflow, "samplingRate")),
        netflow_internal_only=as_flag(inside(netflow, "internalFlowsOnly")),
        discovery_protocol=_discovery(config),
        discovery_operation=as_text(inside(config, "linkDiscoveryProtocolConfig", "operation")),
        network_io_control=as_flag(inside(config, "networkResourceManagementEnabled")),
        uplinks=estate.uplinks_of(uuid),
        **({} if config is None else _lists(config)),
    )


def _lists(config: dict[str, Any]) -> dict[str, Any]:
    """What is empty, not unknown, when a configuration does not mention it."""
    members = (inside(host, "config", "host") for host in dicts(config.get("host")))
    return {
        "mirror_sessions": _mirror_sessions(config),
        "netflow_collector": as_text(inside(config, "ipfixConfig", "collectorIpAddress")) or "",
        "health_checks": _health_checks(config),
        "private_vlans": _private_vlans(config),
        "host_refs": tuple(sorted(str(ref) for ref in members if ref)),
    }


def _mirror_sessions(config: dict[str, Any]) -> tuple[MirrorSession, ...]:
    return tuple(
        MirrorSession(
            key=as_text(session.get("key")) or "",
            name=as_text(session.get("name")) or "",
            enabled=as_flag(session.get("enabled")),
            type=as_text(session.get("sessionType")),
            sent=_end(session.get("sourcePortTransmitted")),
            received=_end(session.get("sourcePortReceived")),
            destination=_end(session.get("destinationPort")),
            sampling_rate=as_number(session.get("samplingRate")),
            normal_traffic=as_flag(session.get("normalTrafficAllowed")),
        )
        for session in dicts(config.get("vspanSession"))
    )


def _end(found: Any) -> MirrorEnd | None:
    if not isinstance(found, dict):
        return None
    vlans = (as_number(each) for each in many(found.get("vlans")))
    return MirrorEnd(
        ports=tuple(sorted(texts(found.get("portKey")))),
        uplinks=tuple(sorted(texts(found.get("uplinkPortName")))),
        vlans=tuple(sorted(each for each in vlans if each is not None)),
        addresses=tuple(sorted(texts(found.get("ipAddress")))),
        wildcards=tuple(sorted(texts(found.get("wildcardPortConnecteeType")))),
    )


def _health_checks(config: dict[str, Any]) -> dict[str, bool]:
    """Which of the checks a switch has are on; a switch without them tells of none."""
    found = {
        _HEALTH_CHECKS.get(each.get("_type", ""), as_text(each.get("_type")) or ""): enabled
        for each in dicts(config.get("healthCheckConfig"))
        if (enabled := as_flag(each.get("enable"))) is not None
    }
    return dict(sorted(found.items()))


def _private_vlans(config: dict[str, Any]) -> tuple[PrivateVlan, ...]:
    found = (
        PrivateVlan(
            key=as_text(entry.get("secondaryVlanId")) or "",
            primary_id=as_number(entry.get("primaryVlanId")),
            type=as_text(entry.get("pvlanType")),
        )
        for entry in dicts(config.get("pvlanConfig"))
    )
    return tuple(sorted(found, key=lambda entry: (entry.primary_id or 0, entry.key)))


def _discovery(config: dict[str, Any] | None) -> str | None:
    protocol = inside(config, "linkDiscoveryProtocolConfig")
    if not isinstance(protocol, dict):
        return None
    if as_text(protocol.get("operation")) == "none":
        return "none"
    return as_text(protocol.get("protocol"))
