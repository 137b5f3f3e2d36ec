"""What an event means for who is where: the one place that knows types of events by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from inventory.chronicle.intervals import Told

_MOVES: Final = frozenset({"VmMigratedEvent", "DrsVmMigratedEvent", "VmRelocatedEvent"})
# Started on a host that was chosen for it, which may not be the one it was on.
_PLACED: Final = frozenset({"DrsVmPoweredOnEvent", "VmRestartedOnAlternateHostEvent"})
_STOPS: Final = frozenset({"VmPoweredOffEvent", "VmSuspendedEvent"})
_BEGINNINGS: Final = frozenset(
    {
        "VmCreatedEvent",
        "VmClonedEvent",
        "VmDeployedEvent",
        "VmRegisteredEvent",
    }
)
# Types that say from what a machine was made, and the field that names it.
ORIGINS: Final = {"VmClonedEvent": "sourceVm", "VmDeployedEvent": "srcTemplate"}
# Types that say that a machine was made from an item of a content library. They come after the
# event of its beginning, at no known distance, so that they say nothing of where it is.
OF_ITEMS: Final = frozenset(
    {
        "com.vmware.ovfs.DeployEvent",
        "com.vmware.vmtx.LibraryItemDeployEvent",
        "com.vmware.vmtx.LibraryItemCheckOutEvent",
    }
)
# Types that say that an item, or a version of one, was made from a machine.
INTO_ITEMS: Final = frozenset(
    {
        "com.vmware.ovfs.ExportEvent",
        "com.vmware.vmtx.LibraryItemCreateEvent",
        "com.vmware.vmtx.LibraryItemCheckInEvent",
    }
)
_FILES: Final = frozenset({"datastore"})
_PLACE: Final = frozenset({"datastore", "host"})
_DEVICES: Final = frozenset({"datastore", "network", "nic"})

# What is asked for when lives are derived; other events change nothing here.
TYPES: Final = (
    *sorted(_MOVES | _PLACED | _STOPS | _BEGINNINGS),
    "VmPoweredOnEvent",
    "VmDiscoveredEvent",
    "VmRemovedEvent",
    "VmReconfiguredEvent",
    "VmMacAssignedEvent",
    "VmMacChangedEvent",
)


def meaning(type_: str, *, at: datetime, host_ref: str, detail: dict[str, str]) -> Told | None:
    """What an event says of its machine; None when it says nothing of where it is."""
    reading = _READINGS.get(type_)
    return reading(at, host_ref or None, detail) if reading else None


def _move(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    arrival = _arrival(host, detail)
    left = detail.get("sourceHost.ref")
    return Told(at=at, host_ref=arrival, was_ref=left, explains=_FILES if arrival else _PLACE)


def _arrival(host: str | None, detail: dict[str, str]) -> str | None:
    """Where it is afterwards. Some platforms name the host that it left in `host` as well."""
    destination = detail.get("destHost.ref")
    if destination:
        return destination
    return None if host == detail.get("sourceHost.ref") else host


def _start(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    return Told(at=at, host_ref=host, was_ref=host, is_running=True)


def _place(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    left = detail.get("sourceHost.ref")
    return Told(at=at, host_ref=host, was_ref=left, is_running=True)


def _stop(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    return Told(at=at, host_ref=host, was_ref=host, is_running=False)


def _begin(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    return Told(at=at, host_ref=host, is_running=False, is_beginning=True)


def _discover(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    """It came with its host, and nobody says whether it runs."""
    return Told(at=at, host_ref=host, is_beginning=True)


def _end(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    return Told(at=at, was_ref=host, is_end=True)


def _change(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    return Told(at=at, was_ref=host, explains=_DEVICES)


def _address(at: datetime, host: str | None, detail: dict[str, str]) -> Told:
    new = detail.get("newMac") or detail.get("mac")
    return Told(at=at, was_ref=host, old_mac=detail.get("oldMac"), new_mac=new)


_READINGS: Final[dict[str, Callable[[datetime, str | None, dict[str, str]], Told]]] = {
    **dict.fromkeys(_MOVES, _move),
    **dict.fromkeys(_PLACED, _place),
    "VmPoweredOnEvent": _start,
    **dict.fromkeys(_STOPS, _stop),
    **dict.fromkeys(_BEGINNINGS, _begin),
    "VmDiscoveredEvent": _discover,
    "VmRemovedEvent": _end,
    "VmReconfiguredEvent": _change,
    "VmMacAssignedEvent": _address,
    "VmMacChangedEvent": _address,
}
