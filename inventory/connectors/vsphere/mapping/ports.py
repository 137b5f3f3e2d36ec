"""What ports of a distributed switch may do: by their group's setting, or against it."""

from __future__ import annotations

from typing import Any, Final

from inventory.connectors.vsphere.mapping.facts import (
    as_flag,
    as_number,
    as_text,
    dicts,
    inside,
)
from inventory.connectors.vsphere.xml import Ref
from inventory.parts import PortOverride, SecurityPolicy

# What a port may replace: the flag of its group that allows it, and the setting that does it.
_OVERRIDES: Final = {
    "blocking": ("blockOverrideAllowed", ("blocked",)),
    "mac-learning": ("macManagementOverrideAllowed", ("macManagementPolicy",)),
    "netflow": ("ipfixOverrideAllowed", ("ipfixEnabled",)),
    "resource-pool": ("networkResourcePoolOverrideAllowed", ("networkResourcePoolKey",)),
    "security": ("securityPolicyOverrideAllowed", ("securityPolicy",)),
    "shaping": ("shapingOverrideAllowed", ("inShapingPolicy", "outShapingPolicy")),
    "teaming": ("uplinkTeamingOverrideAllowed", ("uplinkTeamingPolicy",)),
    "traffic-filter": ("trafficFilterOverrideAllowed", ("filterPolicy",)),
    "vendor": ("vendorConfigOverrideAllowed", ("vendorSpecificConfig",)),
    "vlan": ("vlanOverrideAllowed", ("vlan",)),
}
# Those that change what a machine can reach, pretend or hide. Ports are asked and told for their
# sake alone: every group allows blocking unless somebody forbade it.
WEIGHTY: Final = frozenset({"mac-learning", "netflow", "security", "traffic-filter", "vlan"})


def override_allowed(policy: Any) -> dict[str, bool] | None:
    """What ports of a group may replace, as far as the platform says; None when it does not."""
    if not isinstance(policy, dict):
        return None
    return {
        name: allowed
        for name, (flag, _) in _OVERRIDES.items()
        if (allowed := as_flag(policy.get(flag))) is not None
    }


def port_override(port: dict[str, Any]) -> PortOverride | None:
    """What a port replaces of its group's settings; None when none of it is weighty."""
    setting = inside(port, "config", "setting")
    replaced = tuple(
        name
        for name, (_, settings) in _OVERRIDES.items()
        if any(as_flag(inside(setting, each, "inherited")) is False for each in settings)
    )
    key, connected = as_text(port.get("key")), inside(port, "connectee", "connectedEntity")
    if WEIGHTY.isdisjoint(replaced) or not key:
        return None
    loosened = "security" in replaced or "mac-learning" in replaced
    return PortOverride(
        key=key,
        replaces=replaced,
        vm_ref=str(connected)
        if isinstance(connected, Ref) and connected.type == "VirtualMachine"
        else None,
        **(vlan(inside(setting, "vlan")) if "vlan" in replaced else {}),
        security=port_security(setting) if loosened else None,
    )


def vlan(spec: Any) -> dict[str, Any]:
    """The fields that tell the VLAN of a group or port."""
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


def mac_learning(ports: Any) -> bool | None:
    """Whether addresses that machines show are learnt; None on switches that cannot."""
    return as_flag(inside(ports, "macManagementPolicy", "macLearningPolicy", "enabled"))
