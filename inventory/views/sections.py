"""The facts of a record in the order people ask for them, under headings."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from inventory import facts
from inventory.history import Names
from inventory.models import Asset
from inventory.parts import Part
from inventory.records import AnyRecord, Image, Kind, Network, kind_of

_PROTECTION = (
    "firmware",
    "secure_boot",
    "tpm",
    "boot_order",
    "enters_setup",
    "encrypted",
    "migrate_encryption",
    "ft_encryption",
    "logging_enabled",
    "tools_sync_time",
    "tools_sync_allowed",
    "consolidation_needed",
)

# An item of a library says what a template does not, and the other way round.
_OF_ITEM = ("library_name", "library_ref", "item_version", "taken_from", "cached")
_OF_TEMPLATE = {
    "Image": (
        "guest_os",
        "cpu_count",
        "memory_mib",
        "hardware_version",
        "tools_version_status",
        "managed_by",
        "annotation",
    ),
    "Security": _PROTECTION,
    "Place": ("folder", "host_ref", "config_file", "network_refs", "connection_state"),
    "Content library": ("library_item", "library_item_version"),
    "Identity": ("bios_uuid",),
}

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
                "customization",
                "created_at",
                "modified_at",
                "booted_at",
                "suspended_at",
                "managed_by",
                "library_item",
                "library_item_version",
                "annotation",
            ),
        ),
        ("Security", (*_PROTECTION, "crypto_state")),
        (
            "Place",
            (
                "folder",
                "resource_pool_ref",
                "datastore_refs",
                "config_file",
                "network_refs",
                "connection_state",
            ),
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
            (
                "lockdown_mode",
                "lockdown_exceptions",
                "uefi_secure_boot",
                "acceptance_level",
                "crypto_state",
                "firewall_incoming_blocked",
                "firewall_outgoing_blocked",
            ),
        ),
        (
            "Time",
            (
                "time_servers",
                "time_protocol",
                "time_enabled",
                "time_in_sync",
                "time_fallback",
                "time_in_fallback",
            ),
        ),
        ("Certificate", ("certificate",)),
        ("Place", ("cluster_ref", "datastore_refs", "tags")),
        ("Identity", ("uid", "ref")),
    ),
    Kind.CLUSTER: (
        ("Cluster", ("drs_enabled", "drs_automation", "ha_enabled", "ha_admission_control")),
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
                "mac_learning",
            ),
        ),
        ("Ports", ("binding", "blocked", "override_allowed", "resets_ports")),
        (
            "Uplinks",
            ("teaming", "failback", "notify_switches", "active_uplinks", "standby_uplinks"),
        ),
        ("Place", ("host_refs",)),
        ("Identity", ("uid", "ref")),
    ),
    Kind.SWITCH: (
        ("Switch", ("version", "mac_learning", "network_io_control", "health_checks")),
        (
            "What it tells",
            (
                "discovery_protocol",
                "discovery_operation",
                "netflow_collector",
                "netflow_sampling",
                "netflow_internal_only",
            ),
        ),
        ("Place", ("host_refs",)),
        ("Identity", ("uuid", "uid", "ref")),
    ),
    Kind.DATASTORE: (
        (
            "Datastore",
            ("type", "capacity_bytes", "accessible", "maintenance", "multiple_host_access", "url"),
        ),
        ("Place", ("host_refs", "tags")),
        ("Identity", ("uid", "ref")),
    ),
    Kind.IMAGE: (
        (
            "Image",
            ("type", *_OF_TEMPLATE["Image"], "modified_at", "created_at"),
        ),
        ("Content library", (*_OF_ITEM, *_OF_TEMPLATE["Content library"])),
        ("Security", _OF_TEMPLATE["Security"]),
        ("Place", (*_OF_TEMPLATE["Place"], "datastore_refs")),
        ("Identity", ("uid", *_OF_TEMPLATE["Identity"], "ref")),
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
    Kind.PRINCIPAL: (("User or group", ("is_group", "full_name")), ("Identity", ("uid",))),
    Kind.PLATFORM: (
        (
            "Platform",
            (
                "product",
                "version",
                "build",
                "api_version",
                "clock_ahead_minutes",
                "extensions",
            ),
        ),
        ("Identity", ("uid", "ref")),
    ),
}


class Line(msgspec.Struct, frozen=True):
    """A fact with links to what it names, where the person may see that."""

    label: str
    text: str
    known: bool
    links: list[tuple[str, Asset | None]]


# What only a distributed port group has: of another network it is not even unknown.
_OF_DISTRIBUTED = frozenset(
    field
    for title, fields in SECTIONS[Kind.NETWORK]
    if title not in ("Place", "Identity")
    for field in fields
) - {"type"}


def sections_of(record: AnyRecord, names: Names) -> list[tuple[str, list[Line]]]:
    foreign = _foreign(record)
    found = []
    for title, fields in SECTIONS[kind_of(record)]:
        shown = [field for field in fields if field not in foreign]
        lines = [line for field in shown for line in _lines(record, field, names)]
        if lines:
            found.append((title, lines))
    return found


def _foreign(record: AnyRecord) -> Collection[str]:
    """Fields that this one of its kind cannot have."""
    if isinstance(record, Network) and record.type != "distributed":
        return _OF_DISTRIBUTED
    if isinstance(record, Image):
        if record.library_ref is None:
            return _OF_ITEM
        return [field for fields in _OF_TEMPLATE.values() for field in fields]
    return ()


def _lines(record: AnyRecord, field: str, names: Names) -> list[Line]:
    """A fact on a line; one that is made of several, on as many."""
    value = getattr(record, field)
    if isinstance(value, Part):
        return [
            Line(facts.label(name), facts.words(name, getattr(value, name), names), True, [])  # noqa: FBT003
            for name in value.__struct_fields__
        ]
    return [_line(facts.fact(record, field, names), names)]


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
