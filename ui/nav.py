"""What stands on the left: where people go, and which permission opens it."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A page in the navigation. `permission` is the value of the permission that opens it."""

    label: str
    address: str
    icon: str
    permission: str
    prefixes: tuple[str, ...] = ()  # addresses below which this place is where one is

    def holds(self, path: str) -> bool:
        """Whether the page at this path belongs to this place."""
        if self.address == "/":
            return path == "/"
        return path.startswith((self.address, *self.prefixes))


class Group(NamedTuple):
    label: str
    places: tuple[Place, ...]


_ASSETS = "inventory:asset:read"

GROUPS = (
    Group(
        "",
        (
            Place("Overview", "/", "layout-dashboard", "findings:finding:read"),
            Place("Findings", "/findings/", "list-check", "findings:finding:read"),
        ),
    ),
    Group(
        "Inventory",
        (
            Place("Virtual machines", "/inventory/vms/", "device-desktop", _ASSETS),
            Place("Hosts", "/inventory/hosts/", "server", _ASSETS),
            Place("Clusters", "/inventory/clusters/", "stack-2", _ASSETS),
            Place("Networks", "/inventory/networks/", "network", _ASSETS),
            Place("Switches", "/inventory/switches/", "switch-3", _ASSETS),
            Place("Datastores", "/inventory/datastores/", "database", _ASSETS),
            Place("Images", "/inventory/images/", "copy", _ASSETS),
            Place("Access", "/inventory/access/", "key", _ASSETS),
        ),
    ),
    Group(
        "Governance",
        (Place("Policies", "/policies/", "clipboard-check", "policies:policy:read"),),
    ),
    Group(
        "Settings",
        (
            Place("Sources", "/sources/", "plug", "inventory:source:read"),
            Place(
                "Users", "/settings/users/", "users", "accounts:user:read", ("/settings/teams/",)
            ),
            Place("API tokens", "/settings/tokens/", "id-badge-2", "accounts:token:manage"),
            Place("Audit log", "/settings/audit/", "history", "audit:entry:read"),
        ),
    ),
)

KIND_WORDS = {
    "vm": "Virtual machine",
    "host": "Host",
    "cluster": "Cluster",
    "network": "Network",
    "switch": "Distributed switch",
    "datastore": "Datastore",
    "image": "Image",
    "role": "Role",
    "grant": "Grant",
    "platform": "Platform",
}
KIND_ICONS = {
    "vm": "device-desktop",
    "host": "server",
    "cluster": "stack-2",
    "network": "network",
    "switch": "switch-3",
    "datastore": "database",
    "image": "copy",
    "role": "license",
    "grant": "key",
    "platform": "world",
}


def for_person(permissions: frozenset[str], path: str) -> list[tuple[str, list[dict[str, object]]]]:
    """The groups this person has anything in, each place marked when the page is part of it."""
    groups = []
    for group in GROUPS:
        places: list[dict[str, object]] = [
            {"place": place, "is_here": place.holds(path)}
            for place in group.places
            if place.permission in permissions
        ]
        if places:
            groups.append((group.label, places))
    return groups
