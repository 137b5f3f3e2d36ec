"""Clusters: how machines are placed and restarted."""

from __future__ import annotations

from typing import Any, Final

from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import (
    Facts,
    as_flag,
    as_text,
    dicts,
    display_name,
    inside,
    sorted_refs,
)
from inventory.connectors.vsphere.xml import Ref, many
from inventory.records import (
    Cluster,
    PlacementGroup,
    PlacementOverride,
    PlacementRule,
    Platform,
)

PATHS: Final = ("name", "parent", "configurationEx", "host")

_Groups = dict[str | None, dict[str, Any]]


def cluster(facts: Facts, estate: Estate) -> Cluster:
    config = facts.section("configurationEx")
    drs, ha = inside(config, "drsConfig"), inside(config, "dasConfig")
    return Cluster(
        platform=Platform.VSPHERE,
        uid=str(facts.ref),
        ref=str(facts.ref),
        name=display_name(as_text(facts.raw("name")) or str(facts.ref)),
        ancestors=estate.standing_in(facts.choice("parent")),
        drs_enabled=as_flag(inside(drs, "enabled")),
        drs_automation=as_text(inside(drs, "defaultVmBehavior")),
        ha_enabled=as_flag(inside(ha, "enabled")),
        ha_admission_control=as_flag(inside(ha, "admissionControlEnabled")),
        rules=None if config is None else _rules(config),
        groups=None if config is None else _groups(config),
        overrides=None if config is None else _overrides(config),
        host_refs=facts.refs("host"),
    )


def _rules(config: dict[str, Any]) -> tuple[PlacementRule, ...]:
    groups = {as_text(group.get("name")): group for group in dicts(config.get("group"))}
    return tuple(_rule(rule, groups) for rule in dicts(config.get("rule")))


def _rule(rule: dict[str, Any], groups: _Groups) -> PlacementRule:
    affine, anti = (
        as_text(rule.get("affineHostGroupName")),
        as_text(rule.get("antiAffineHostGroupName")),
    )
    vm_group = as_text(rule.get("vmGroupName"))
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
        in_compliance=as_flag(rule.get("inCompliance")),
        vm_group=vm_group,
        host_group=affine or anti,
        vm_refs=sorted_refs(many(rule.get("vm")) or many(groups.get(vm_group, {}).get("vm"))),
        host_refs=sorted_refs(many(groups.get(affine or anti, {}).get("host"))),
    )


def _groups(config: dict[str, Any]) -> tuple[PlacementGroup, ...]:
    found = (
        PlacementGroup(
            name=as_text(group.get("name")) or "",
            type="host" if group.get("_type") == "ClusterHostGroup" else "vm",
            vm_refs=sorted_refs(many(group.get("vm"))),
            host_refs=sorted_refs(many(group.get("host"))),
        )
        for group in dicts(config.get("group"))
    )
    return tuple(sorted(found, key=lambda group: (group.name, group.type)))


def _overrides(config: dict[str, Any]) -> tuple[PlacementOverride, ...]:
    found = (
        PlacementOverride(
            vm_ref=str(vm),
            enabled=as_flag(override.get("enabled")),
            automation=as_text(override.get("behavior")),
        )
        for override in dicts(config.get("drsVmConfig"))
        if isinstance(vm := override.get("key"), Ref)
    )
    return tuple(sorted(found, key=lambda override: override.vm_ref))
