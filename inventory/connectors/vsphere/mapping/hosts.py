"""Hosts: their network, services, settings and time."""

from __future__ import annotations

import re
from typing import Any, Final

from inventory.connectors.vsphere.mapping import certificates
from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import (
    Facts,
    as_flag,
    as_mac,
    as_number,
    as_text,
    dicts,
    display_name,
    inside,
    texts,
)
from inventory.records import (
    FirewallRule,
    Host,
    HostPortGroup,
    HostSwitch,
    PhysicalNic,
    Platform,
    SecurityPolicy,
    Service,
    VmkernelNic,
)

PATHS: Final = (
    "name",
    "parent",
    "capability.uefiSecureBoot",
    "config.certificate",
    "config.dateTimeInfo",
    "config.firewall",
    "config.lockdownMode",
    "config.network.pnic",
    "config.network.portgroup",
    "config.network.proxySwitch",
    "config.network.vnic",
    "config.network.vswitch",
    "config.option",
    "config.product.build",
    "config.product.fullName",
    "config.product.version",
    "config.service",
    "config.virtualNicManagerInfo.netConfig",
    "customValue",
    "datastore",
    "hardware.cpuInfo.numCpuCores",
    "hardware.memorySize",
    "hardware.systemInfo.model",
    "hardware.systemInfo.uuid",
    "hardware.systemInfo.vendor",
    "network",
    "runtime.connectionState",
    "runtime.cryptoState",
    "runtime.inMaintenanceMode",
    "runtime.powerState",
    "summary.hardware.uuid",
)

_NETWORK: Final = tuple(path for path in PATHS if path.startswith("config.network."))
_DEVICE: Final = re.compile(r"(vmk\d+|vmnic\d+)$")


def host(facts: Facts, estate: Estate) -> Host:
    """A host, or raise ValueError without an identity."""
    uid = facts.choice("hardware.systemInfo.uuid") or facts.choice("summary.hardware.uuid")
    if uid is None:
        raise ValueError("vCenter does not tell the hardware id of this host.")
    memory = facts.number("hardware.memorySize")
    nic_names = _physical_nic_names(facts)
    certificate = certificates.pem(facts.raw("config.certificate"))
    _tell_uplinks(facts, estate)
    service, firewall, clock = (
        facts.section("config.service"),
        facts.section("config.firewall"),
        facts.section("config.dateTimeInfo"),
    )
    return Host(
        platform=Platform.VSPHERE,
        uid=uid,
        ref=str(facts.ref),
        name=display_name(as_text(facts.raw("name")) or str(facts.ref)),
        cluster_ref=_cluster(facts),
        ancestors=estate.standing_in(facts.choice("parent")),
        connection_state=facts.choice("runtime.connectionState"),
        in_maintenance=facts.flag("runtime.inMaintenanceMode"),
        power_state=facts.choice("runtime.powerState"),
        crypto_state=facts.choice("runtime.cryptoState"),
        vendor=facts.choice("hardware.systemInfo.vendor"),
        model=facts.choice("hardware.systemInfo.model"),
        cpu_cores=facts.number("hardware.cpuInfo.numCpuCores"),
        memory_mib=None if memory is None else memory // 2**20,
        product=facts.choice("config.product.fullName"),
        version=facts.choice("config.product.version"),
        build=facts.choice("config.product.build"),
        lockdown_mode=facts.choice("config.lockdownMode"),
        lockdown_exceptions=_lockdown_exceptions(facts, estate),
        acceptance_level=_acceptance_level(facts, estate),
        uefi_secure_boot=facts.flag("capability.uefiSecureBoot"),
        pnics=_mapped(_network(facts, "pnic"), _physical_nic),
        vmkernel_nics=_vmkernel_nics(facts, estate),
        switches=_switches(facts, nic_names),
        port_groups=_mapped(_network(facts, "portgroup"), _port_group),
        services=None if service is None else _services(service),
        firewall_incoming_blocked=as_flag(inside(firewall, "defaultPolicy", "incomingBlocked")),
        firewall_outgoing_blocked=as_flag(inside(firewall, "defaultPolicy", "outgoingBlocked")),
        firewall_rules=None if firewall is None else _firewall_rules(firewall),
        options=_options(facts),
        time_servers=None if clock is None else texts(inside(clock, "ntpConfig", "server")),
        time_protocol=as_text(inside(clock, "systemClockProtocol")) or None,
        time_enabled=as_flag(inside(clock, "enabled")),
        time_fallback=_opposite(as_flag(inside(clock, "disableFallback"))),
        time_in_fallback=as_flag(inside(clock, "inFallbackState")),
        time_in_sync=as_flag(inside(clock, "serviceSync")),
        certificate_pem=certificate,
        certificate=certificates.read(certificate),
        datastore_refs=facts.refs("datastore"),
        network_refs=facts.refs("network"),
        attributes=estate.attributes(facts),
        tags=estate.tags_of(facts),
    )


def _lockdown_exceptions(facts: Facts, estate: Estate) -> tuple[str, ...] | None:
    answer = estate.answers.get("QueryLockdownExceptions", {}).get(facts.ref)
    return None if answer is None else tuple(sorted(texts(answer)))


def _acceptance_level(facts: Facts, estate: Estate) -> str | None:
    answer = estate.answers.get("HostImageConfigGetAcceptance", {}).get(facts.ref)
    return next(iter(texts(answer)), None)


def _opposite(flag: bool | None) -> bool | None:  # noqa: FBT001
    return None if flag is None else not flag


def _cluster(facts: Facts) -> str | None:
    parent = facts.raw("parent")
    if parent is None:
        return None
    return str(parent) if getattr(parent, "type", "") == "ClusterComputeResource" else ""


def _options(facts: Facts) -> dict[str, str] | None:
    """A host that is away has no options to show, which is not the same as having none."""
    return facts.options("config.option") if facts.raw("config.option") is not None else None


def _network(facts: Facts, part: str) -> list[Any] | None:
    """A part of the host's network: empty when unset, None when the whole network is."""
    if all(facts.raw(path) is None for path in _NETWORK):
        return None
    return facts.items(f"config.network.{part}")


def _mapped(found: list[Any] | None, build: Any) -> Any:
    return None if found is None else tuple(build(item) for item in dicts(found))


def _physical_nic(nic: dict[str, Any]) -> PhysicalNic:
    speed = as_number(inside(nic, "linkSpeed", "speedMb"))
    return PhysicalNic(
        name=as_text(nic.get("device")) or "",
        mac=as_mac(nic.get("mac")),
        link_up=nic.get("linkSpeed") is not None,
        speed_mbps=speed,
        driver=as_text(nic.get("driver")),
    )


def _physical_nic_names(facts: Facts) -> dict[str, str]:
    return {
        as_text(nic.get("key")) or "": as_text(nic.get("device")) or ""
        for nic in dicts(facts.raw("config.network.pnic"))
    }


def _vmkernel_nics(facts: Facts, estate: Estate) -> tuple[VmkernelNic, ...] | None:
    found = _network(facts, "vnic")
    if found is None:
        return None
    services = _services_of_devices(facts.items("config.virtualNicManagerInfo.netConfig"))
    return tuple(_vmkernel_nic(nic, services, estate) for nic in dicts(found))


def _vmkernel_nic(
    nic: dict[str, Any], services: dict[str, set[str]] | None, estate: Estate
) -> VmkernelNic:
    device = as_text(nic.get("device")) or ""
    key = as_text(inside(nic, "spec", "distributedVirtualPort", "portgroupKey"))
    return VmkernelNic(
        device=device,
        ip=as_text(inside(nic, "spec", "ip", "ipAddress")),
        mac=as_mac(inside(nic, "spec", "mac")),
        port_group=as_text(nic.get("portgroup")) or None,
        dv_port_group_ref=estate.network_by_key.get(key, key) if key else None,
        services=None if services is None else tuple(sorted(services.get(device, ()))),
    )


def _services_of_devices(found: list[Any] | None) -> dict[str, set[str]] | None:
    """The services each vmkernel interface is selected for."""
    if found is None:
        return None
    services: dict[str, set[str]] = {}
    for config in dicts(found):
        devices = {
            as_text(nic.get("key")): as_text(nic.get("device"))
            for nic in dicts(config.get("candidateVnic"))
        }
        for key in texts(config.get("selectedVnic")):
            device = devices.get(key) or _device_in(key)
            if device:
                services.setdefault(device, set()).add(as_text(config.get("nicType")) or "")
    return services


def _device_in(key: str) -> str:
    """The device a key like key-vim.host.VirtualNic-vmk0 ends with."""
    found = _DEVICE.search(key)
    return found[1] if found else ""


def _switches(facts: Facts, nic_names: dict[str, str]) -> tuple[HostSwitch, ...] | None:
    standard, proxies = _network(facts, "vswitch"), _network(facts, "proxySwitch")
    if standard is None or proxies is None:
        return None
    return (
        *(
            HostSwitch(
                name=as_text(switch.get("name")) or "",
                pnics=_uplinks(switch, nic_names),
                security=security_policy(inside(switch, "spec", "policy", "security")),
            )
            for switch in dicts(standard)
        ),
        *(
            HostSwitch(
                name=as_text(switch.get("dvsName")) or "",
                switch_uuid=as_text(switch.get("dvsUuid")),
                pnics=_uplinks(switch, nic_names),
            )
            for switch in dicts(proxies)
        ),
    )


def _tell_uplinks(facts: Facts, estate: Estate) -> None:
    """Only a host knows which of its vmnics sits behind which uplink of a distributed switch."""
    for proxy in dicts(facts.raw("config.network.proxySwitch")):
        names = {
            as_text(port.get("key")): as_text(port.get("value"))
            for port in dicts(proxy.get("uplinkPort"))
        }
        uplinks = {
            name: device
            for spec in dicts(inside(proxy, "spec", "backing", "pnicSpec"))
            if (name := names.get(as_text(spec.get("uplinkPortKey"))))
            and (device := as_text(spec.get("pnicDevice")))
        }
        uuid = as_text(proxy.get("dvsUuid"))
        if uuid and uplinks:
            estate.add_uplinks(uuid, str(facts.ref), dict(sorted(uplinks.items())))


def _uplinks(switch: dict[str, Any], nic_names: dict[str, str]) -> tuple[str, ...]:
    keys = texts(switch.get("pnic"))
    return tuple(sorted(nic_names.get(key) or _device_in(key) or key for key in keys))


def security_policy(found: Any) -> SecurityPolicy | None:
    """A standard switch's policy: plain booleans."""
    if not isinstance(found, dict):
        return None
    return SecurityPolicy(
        promiscuous=as_flag(found.get("allowPromiscuous")),
        mac_changes=as_flag(found.get("macChanges")),
        forged_transmits=as_flag(found.get("forgedTransmits")),
    )


def _port_group(group: dict[str, Any]) -> HostPortGroup:
    policy = group.get("computedPolicy")
    order = inside(policy, "nicTeaming", "nicOrder")
    known = isinstance(order, dict)
    return HostPortGroup(
        name=as_text(inside(group, "spec", "name")) or "",
        switch=as_text(inside(group, "spec", "vswitchName")) or "",
        vlan_id=as_number(inside(group, "spec", "vlanId")),
        active_nics=texts(order.get("activeNic")) if known else None,
        standby_nics=texts(order.get("standbyNic")) if known else None,
        security=security_policy(inside(policy, "security")),
    )


def _services(section: dict[str, Any]) -> tuple[Service, ...]:
    found = (
        Service(
            key=as_text(service.get("key")) or "",
            running=as_flag(service.get("running")),
            policy=as_text(service.get("policy")),
        )
        for service in dicts(section.get("service"))
    )
    return tuple(sorted(found, key=lambda service: service.key))


def _firewall_rules(section: dict[str, Any]) -> tuple[FirewallRule, ...]:
    found = (_firewall_rule(rule) for rule in dicts(section.get("ruleset")))
    return tuple(sorted(found, key=lambda rule: rule.key))


def _firewall_rule(rule: dict[str, Any]) -> FirewallRule:
    hosts = rule.get("allowedHosts")
    networks = (
        f"{network.get('network')}/{network.get('prefixLength')}"
        for network in dicts(inside(hosts, "ipNetwork"))
    )
    return FirewallRule(
        key=as_text(rule.get("key")) or "",
        enabled=as_flag(rule.get("enabled")),
        all_ips=as_flag(inside(hosts, "allIp")),
        allowed=tuple(sorted((*texts(inside(hosts, "ipAddress")), *networks))),
    )
