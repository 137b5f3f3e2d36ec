"""What each list of assets shows: its words, columns, filters and what it exports."""

from __future__ import annotations

import msgspec

from inventory.records import Kind


class Listing(msgspec.Struct, frozen=True):
    """What one list shows: its kind, its words, its columns, what it can be narrowed by."""

    kind: Kind
    title: str
    one: str
    many: str
    empty: str
    columns: tuple[tuple[str, str, str], ...]  # (label, sort or "", class of the cell)
    filters: tuple[str, ...]
    exported: tuple[str, ...]  # fields of the record
    show: str = ""  # the word in the address that chooses it among those of one place

    @property
    def shown_by(self) -> str:
        """The query that leads to it."""
        return f"?show={self.show}" if self.show else ""


_OWNED = ("source", "team", "classification", "criticality", "owner")
_COUNTED = ("Findings", "", "v-num")
_SOURCE = ("Source", "", "v-fit")

LISTINGS: dict[str, Listing] = {
    "vms": Listing(
        Kind.VM,
        "Virtual machines",
        "machine",
        "machines",
        "Every virtual machine of every source stands here as soon as one has been collected.",
        (
            ("Machine", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Power", "power", "v-fit"),
            ("Classification", "classification", "v-fit"),
            ("Criticality", "criticality", "v-fit"),
            ("Owner", "owner", ""),
            ("Team", "", ""),
            ("Host", "", ""),
            ("Changed", "changed", "v-fit"),
        ),
        (*_OWNED, "power_state", "verdict", "presence"),
        (
            "power_state",
            "classification",
            "criticality",
            "owner",
            "host_ref",
            "guest_os",
            "cpu_count",
            "memory_mib",
            "folder",
            "bios_uuid",
        ),
    ),
    "hosts": Listing(
        Kind.HOST,
        "Hosts",
        "host",
        "hosts",
        "Every hypervisor host stands here as soon as a source has been collected.",
        (
            ("Host", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Machines", "", "v-num"),
            ("Cluster", "", ""),
            ("State", "", "v-fit"),
            ("Version", "", ""),
            ("Hardware", "", ""),
            ("CPU cores", "", "v-num"),
            ("Memory", "", "v-num"),
            ("Changed", "changed", "v-fit"),
        ),
        ("source", "verdict", "presence"),
        (
            "cluster_ref",
            "connection_state",
            "in_maintenance",
            "product",
            "version",
            "build",
            "vendor",
            "model",
            "cpu_cores",
            "memory_mib",
            "lockdown_mode",
        ),
    ),
    "clusters": Listing(
        Kind.CLUSTER,
        "Clusters",
        "cluster",
        "clusters",
        "Clusters stand here as soon as a source that has some has been collected.",
        (
            ("Cluster", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Hosts", "", "v-num"),
            ("Machines", "", "v-num"),
            ("DRS", "", ""),
            ("HA", "", ""),
            ("Placement rules", "", "v-num"),
            ("Changed", "changed", "v-fit"),
        ),
        ("source", "verdict", "presence"),
        ("drs_enabled", "drs_automation", "ha_enabled"),
    ),
    "networks": Listing(
        Kind.NETWORK,
        "Networks",
        "network",
        "networks",
        "Networks and port groups stand here as soon as a source has been collected.",
        (
            ("Network", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Machines", "", "v-num"),
            ("Type", "", "v-fit"),
            ("VLAN", "", ""),
            ("Switch", "", ""),
            ("Promiscuous", "", "v-fit"),
            ("Forged transmits", "", "v-fit"),
            ("Changed", "changed", "v-fit"),
        ),
        ("source", "verdict", "presence"),
        ("type", "switch_ref", "uplink", "vlan_type", "vlan_id", "vlan_ranges", "netflow"),
    ),
    "switches": Listing(
        Kind.SWITCH,
        "Distributed switches",
        "switch",
        "switches",
        "Distributed switches stand here as soon as a source that has some has been collected.",
        (
            ("Switch", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Hosts", "", "v-num"),
            ("Version", "", ""),
            ("Mirror sessions", "", "v-num"),
            ("NetFlow collector", "", ""),
            ("Discovery", "", ""),
            ("Changed", "changed", "v-fit"),
        ),
        ("source", "verdict", "presence"),
        ("uuid", "version", "netflow_collector", "discovery_protocol"),
    ),
    "datastores": Listing(
        Kind.DATASTORE,
        "Datastores",
        "datastore",
        "datastores",
        "Datastores stand here as soon as a source has been collected.",
        (
            ("Datastore", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Machines", "", "v-num"),
            ("Type", "", ""),
            ("Capacity", "", "v-num"),
            ("Hosts", "", "v-num"),
            ("Accessible", "", ""),
            ("Changed", "changed", "v-fit"),
        ),
        ("source", "verdict", "presence"),
        ("type", "capacity_bytes", "multiple_host_access", "accessible", "url"),
    ),
    "images": Listing(
        Kind.IMAGE,
        "Images",
        "image",
        "images",
        "Templates and items of content libraries stand here as soon as a source is collected.",
        (
            ("Image", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Last modified", "", "v-fit"),
            ("Library", "", ""),
            ("Guest system", "", ""),
            ("Classification", "classification", "v-fit"),
            ("Owner", "owner", ""),
            ("Team", "", ""),
            ("Changed", "changed", "v-fit"),
        ),
        (*_OWNED, "verdict", "presence"),
        (
            "type",
            "modified_at",
            "created_at",
            "library_name",
            "item_version",
            "guest_os",
            "classification",
            "owner",
            "folder",
        ),
    ),
    "grants": Listing(
        Kind.GRANT,
        "Access",
        "grant",
        "grants",
        "Who holds which role on what stands here as soon as a source has been collected.",
        (
            ("User or group", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Kind", "", "v-fit"),
            ("Role", "", ""),
            ("On", "", ""),
            ("Reaches what is below", "", "v-fit"),
            ("First seen", "first_seen", "v-fit"),
        ),
        ("source", "verdict", "presence"),
        (
            "principal",
            "is_group",
            "role_name",
            "role_id",
            "entity_path",
            "entity_type",
            "propagate",
        ),
    ),
    "roles": Listing(
        Kind.ROLE,
        "Access",
        "role",
        "roles",
        "The roles of a platform stand here as soon as a source has been collected.",
        (
            ("Role", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Grants", "", "v-num"),
            ("Privileges", "", "v-num"),
            ("Built in", "", "v-fit"),
            ("Changed", "changed", "v-fit"),
        ),
        ("source", "verdict", "presence"),
        ("label", "system", "privileges"),
        "roles",
    ),
    "principals": Listing(
        Kind.PRINCIPAL,
        "Access",
        "user or group",
        "users and groups",
        "Everybody who holds a grant, or is in a group that does, stands here as soon as a source "
        "has been collected.",
        (
            ("User or group", "name", "v-wide"),
            ("Verdict", "", "v-fit"),
            _COUNTED,
            ("Kind", "", "v-fit"),
            ("Full name", "", ""),
            ("Members", "", "v-num"),
            ("First seen", "first_seen", "v-fit"),
        ),
        ("source", "verdict", "presence"),
        ("is_group", "full_name", "members"),
        "principals",
    ),
}
_OF_ACCESS = ("grants", "roles", "principals")


def named(name: str, *, show: str) -> Listing | None:
    """The list behind an address, or None; access shows grants unless others are asked for."""
    if name == "access":
        return LISTINGS[show if show in _OF_ACCESS else "grants"]
    return None if name in _OF_ACCESS else LISTINGS.get(name)


def of_kind(kind: Kind) -> Listing:
    """The list that holds a kind; that of machines for one that has none."""
    return next((each for each in LISTINGS.values() if each.kind is kind), LISTINGS["vms"])


def address_of(kind: Kind) -> str:
    """The name in the address of the list that holds a kind."""
    name = next((name for name, each in LISTINGS.items() if each.kind is kind), "vms")
    return "access" if name in _OF_ACCESS else name


def place_of(kind: Kind) -> tuple[str, Listing | None]:
    """The name in the address of the list that holds a kind, and the list; None where none does."""
    found = next((each for each in LISTINGS.values() if each.kind is kind), None)
    return address_of(kind), found
