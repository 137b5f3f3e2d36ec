"""What stands on the left: where people go, and which permission opens it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.urls import NoReverseMatch, reverse

from ui import waiting


class Place(NamedTuple):
    """A page in the navigation. `permission` is the value of the permission that opens it."""

    label: str
    target: str  # a path, or the name of a URL: a place appears once its address exists
    icon: str
    permission: str
    prefixes: tuple[str, ...] = ()  # addresses below which this place is where one is
    counts: str = ""  # the key in `ui.waiting` of what has to be acted on here
    waits: str = ""  # what the count counts, for who cannot see where it stands
    key: str = ""  # what after “g” goes there

    @property
    def address(self) -> str:
        return address_of(self.target)

    def holds(self, path: str) -> bool:
        """Whether the page at this path belongs to this place."""
        if self.address == "/":
            return path == "/"
        return path.startswith((self.address, *self.prefixes))


class Group(NamedTuple):
    label: str
    places: tuple[Place, ...]


_ASSETS = "inventory:asset:read"
_FINDINGS = "findings:finding:read"

NOTICES = Place(
    "Notifications",
    "findings:notices",
    "bell",
    _FINDINGS,
    counts="notices",
    waits="unread",
    key="n",
)
GROUPS = (
    Group(
        "",
        (
            Place("Overview", "/", "layout-dashboard", _FINDINGS, key="o"),
            Place(
                "My work",
                "findings:my-work",
                "checks",
                _FINDINGS,
                counts="work",
                waits="overdue",
                key="w",
            ),
        ),
    ),
    Group(
        "",
        (
            Place("Findings", "/findings/", "list-check", _FINDINGS, key="f"),
            Place(
                "Exceptions",
                "findings:waivers",
                "shield-half",
                "findings:waiver:read",
                counts="exceptions",
                waits="waiting for you",
                key="e",
            ),
            Place(
                "Remediation",
                "findings:plans",
                "tool",
                _FINDINGS,
                counts="plans",
                waits="sent back",
                key="r",
            ),
        ),
    ),
    Group(
        "Inventory",
        (
            Place("Virtual machines", "/inventory/vms/", "device-desktop", _ASSETS, key="v"),
            Place("Hosts", "/inventory/hosts/", "server", _ASSETS, key="h"),
            Place("Clusters", "/inventory/clusters/", "stack-2", _ASSETS),
            Place("Networks", "/inventory/networks/", "network", _ASSETS),
            Place("Switches", "/inventory/switches/", "switch-3", _ASSETS),
            Place("Datastores", "/inventory/datastores/", "database", _ASSETS),
            Place("Images", "/inventory/images/", "copy", _ASSETS),
            Place("Access", "/inventory/access/", "key", _ASSETS),
            Place("MAC addresses", "inventory:macs", "id", _ASSETS),
            Place("Events", "inventory:events", "bolt", _ASSETS),
            Place("What changed", "inventory:changes", "arrows-exchange", _ASSETS),
        ),
    ),
    Group(
        "",
        (Place("Policies", "/policies/", "clipboard-check", "policies:policy:read", key="p"),),
    ),
    Group(
        "Settings",
        (
            Place("Sources", "/sources/", "plug", "inventory:source:read", key="s"),
            Place(
                "Users", "/settings/users/", "users", "accounts:user:read", ("/settings/teams/",)
            ),
            Place("Rules for findings", "findings:rules", "scale", _FINDINGS),
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
    "principal": "Principal",
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
    "principal": "user",
    "platform": "world",
}


def address_of(target: str) -> str:
    """The path of a target; empty while no page has that name."""
    if target.startswith("/"):
        return target
    try:
        return reverse(target)
    except NoReverseMatch:
        return ""


def for_person(
    permissions: frozenset[str], path: str, counts: Mapping[str, int]
) -> list[tuple[str, list[dict[str, object]]]]:
    """The groups this person has anything in, each place marked when the page is part of it."""
    groups = []
    for group in GROUPS:
        places = [
            entry(place, path, counts)
            for place in group.places
            if place.permission in permissions and place.address
        ]
        if places:
            groups.append((group.label, places))
    return groups


def entry(place: Place, path: str, counts: Mapping[str, int]) -> dict[str, object]:
    """A place as the frame shows it: its count only where somebody has to act."""
    count = counts.get(place.counts, 0)
    return {
        "place": place,
        "is_here": place.holds(path),
        "count": waiting.words(count) if count else "",
    }
