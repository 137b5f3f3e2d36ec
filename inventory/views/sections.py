"""The facts of a record in the order people ask for them, under headings."""

from __future__ import annotations

from typing import Any

import msgspec

from inventory import facts
from inventory.history import Names
from inventory.models import Asset
from inventory.records import AnyRecord, Kind, kind_of

SECTIONS: dict[Kind, tuple[tuple[str, tuple[str, ...]], ...]] = {
    Kind.VM: (
        (
            "Machine",
            (
                "guest_os",
                "guest_hostname",
                "cpu_count",
                "memory_mib",
                "hardware_version",
                "tools_version_status",
                "tools_running",
                "created_at",
                "booted_at",
                "annotation",
            ),
        ),
        (
            "Security",
            (
                "firmware",
                "secure_boot",
                "encrypted",
                "logging_enabled",
                "tools_sync_time",
                "consolidation_needed",
            ),
        ),
        (
            "Place",
            ("folder", "resource_pool_ref", "datastore_refs", "network_refs", "connection_state"),
        ),
        ("Identity", ("uid", "bios_uuid", "ref")),
    ),
    Kind.HOST: (
        (
            "Host",
            (
                "product",
                "version",
                "build",
                "vendor",
                "model",
                "cpu_cores",
                "memory_mib",
                "connection_state",
                "in_maintenance",
                "power_state",
            ),
        ),
        (
            "Security",
            ("lockdown_mode", "uefi_secure_boot", "firewall_incoming_blocked", "time_protocol"),
        ),
        ("Place", ("cluster_ref", "time_servers", "datastore_refs")),
        ("Identity", ("uid", "ref")),
    ),
    Kind.CLUSTER: (
        ("Cluster", ("drs_enabled", "drs_automation", "ha_enabled")),
        ("Identity", ("uid", "ref")),
    ),
    Kind.NETWORK: (
        (
            "Network",
            (
                "type",
                "switch_ref",
                "uplink",
                "vlan_type",
                "vlan_id",
                "vlan_ranges",
                "netflow",
                "active_uplinks",
                "standby_uplinks",
            ),
        ),
        ("Place", ("host_refs",)),
        ("Identity", ("uid", "ref")),
    ),
    Kind.SWITCH: (
        ("Switch", ("version", "discovery_protocol", "netflow_collector")),
        ("Place", ("host_refs",)),
        ("Identity", ("uuid", "uid", "ref")),
    ),
    Kind.DATASTORE: (
        ("Datastore", ("type", "capacity_bytes", "accessible", "multiple_host_access", "url")),
        ("Place", ("host_refs",)),
        ("Identity", ("uid", "ref")),
    ),
    Kind.IMAGE: (
        (
            "Image",
            ("type", "guest_os", "hardware_version", "modified_at", "created_at"),
        ),
        ("Place", ("folder", "host_ref", "datastore_refs")),
        ("Identity", ("uid", "ref")),
    ),
    Kind.ROLE: (("Role", ("label", "system")), ("Identity", ("uid",))),
    Kind.GRANT: (
        (
            "Grant",
            (
                "principal",
                "is_group",
                "role_name",
                "entity_name",
                "entity_path",
                "entity_type",
                "at_root",
                "propagate",
            ),
        ),
        ("Identity", ("role_id", "entity_ref", "uid")),
    ),
    Kind.PLATFORM: (
        ("Platform", ("product", "version", "build", "api_version", "extensions")),
        ("Identity", ("uid", "ref")),
    ),
}


class Line(msgspec.Struct, frozen=True):
    """A fact with links to what it names, where the person may see that."""

    label: str
    text: str
    known: bool
    links: list[tuple[str, Asset | None]]


def sections_of(record: AnyRecord, names: Names) -> list[tuple[str, list[Line]]]:
    return [
        (title, [_line(facts.fact(record, field, names), names) for field in fields])
        for title, fields in SECTIONS[kind_of(record)]
    ]


def _line(fact: facts.Fact, names: Names) -> Line:
    links = [(ref, names.get(kind, ref)) for kind, ref in fact.refs]
    return Line(fact.label, fact.text, fact.known, links)


def security_lines(policy: Any) -> list[tuple[str, str]]:
    """What a port group or switch allows, in words."""
    if policy is None:
        return [("Security policy", facts.UNKNOWN)]
    return [
        (facts.label(field), _allowed(getattr(policy, field)))
        for field in ("promiscuous", "mac_changes", "forged_transmits")
    ]


def _allowed(value: bool | None) -> str:  # noqa: FBT001
    return facts.UNKNOWN if value is None else "allowed" if value else "refused"
