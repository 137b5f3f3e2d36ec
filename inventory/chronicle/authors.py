"""Who made a fact what it is, where the platform's own log leaves no doubt.

An event counts when it is the last one about the fact before the collection that found it changed,
and says what the collection then saw. Where the log says less than that, nobody is named. What is
said here is of machines; `deeds` says it of everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from inventory.chronicle import deeds
from inventory.chronicle.meanings import meaning
from inventory.chronicle.models import PlatformEvent
from inventory.facts import Change
from inventory.models import AssetVersion
from inventory.records import AnyRecord, Kind, PowerState, VirtualMachine

CLOSE: Final = timedelta(minutes=2)  # between an event and the moment a platform notes for it
READING: Final = timedelta(minutes=10)  # for so long at most a collection reads
ARRIVALS: Final = ("VmCreatedEvent", "VmClonedEvent", "VmDeployedEvent", "VmRegisteredEvent")
REMOVALS: Final = ("VmRemovedEvent",)
_RECONFIGURED: Final = "VmReconfiguredEvent"
_RENAMED: Final = "VmRenamedEvent"
_MOVES: Final = (
    "VmMigratedEvent",
    "DrsVmMigratedEvent",
    "VmRelocatedEvent",
    "VmRestartedOnAlternateHostEvent",
)
_POWER: Final = {
    "VmPoweredOnEvent": PowerState.ON,
    "DrsVmPoweredOnEvent": PowerState.ON,
    "VmRestartedOnAlternateHostEvent": PowerState.ON,
    "VmResumingEvent": PowerState.ON,
    "VmPoweredOffEvent": PowerState.OFF,
    "VmSuspendedEvent": PowerState.SUSPENDED,
}
TYPES: Final = tuple(sorted({*ARRIVALS, *REMOVALS, _RECONFIGURED, _RENAMED, *_MOVES, *_POWER}))
# What a reconfiguration calls the property behind a field of a machine.
_PATHS: Final = {
    "annotation": "config.annotation",
    "boot_order": "config.bootOptions.bootOrder",
    "cpu_count": "config.hardware.numCPU",
    "devices": "config.hardware.device({})",
    "disks": "config.hardware.device({})",
    "enters_setup": "config.bootOptions.enterBIOSSetup",
    "extra_config": 'config.extraConfig("{}")',
    "firmware": "config.firmware",
    "ft_encryption": "config.ftEncryptionMode",
    "logging_enabled": "config.flags.enableLogging",
    "memory_mib": "config.hardware.memoryMB",
    "migrate_encryption": "config.migrateEncryption",
    "nics": "config.hardware.device({})",
    "secure_boot": "config.bootOptions.efiSecureBootEnabled",
}


class Attributed(Change, frozen=True):
    """A change and, where that is certain, who made it."""

    by: str = ""


def attributed(
    changes: Iterable[Change],
    newer: AnyRecord,
    events: Sequence[PlatformEvent],
    meanwhile: Sequence[PlatformEvent] = (),
) -> list[Attributed]:
    """The changes that led to a record, given the events since the one before it, oldest first, and
    those while the collection that found it was reading.
    """
    return [_attributed(each, author(each, newer, events, meanwhile)) for each in changes]


def _attributed(change: Change, event: PlatformEvent | None) -> Attributed:
    return Attributed(
        label=change.label,
        before=change.before,
        after=change.after,
        field=change.field,
        part=change.part,
        by=event.user_name if event else "",
    )


def author(
    change: Change,
    newer: AnyRecord,
    events: Sequence[PlatformEvent],
    meanwhile: Sequence[PlatformEvent] = (),
) -> PlatformEvent | None:
    """The event by which somebody made the change; None where that is not certain."""
    if not isinstance(newer, VirtualMachine):
        return deeds.author(change.field, newer, events, meanwhile)
    if any(_is_about(one, change) and _agrees(one, change, newer) for one in meanwhile):
        return None  # who knows whether it was read before or after that
    last = next((one for one in reversed(events) if _is_about(one, change)), None)
    return last if last is not None and _agrees(last, change, newer) else None


def maker(kind: Kind, events: Iterable[PlatformEvent]) -> str:
    """Who made an object of a kind, when one event alone tells of it."""
    return _only(events, ARRIVALS if kind is Kind.VM else deeds.of(kind).arrivals)


def remover(kind: Kind, events: Iterable[PlatformEvent]) -> str:
    """Who removed it, when one event alone tells of it."""
    return _only(events, REMOVALS if kind is Kind.VM else deeds.of(kind).removals)


def _only(events: Iterable[PlatformEvent], types: Sequence[str]) -> str:
    found = [one for one in events if one.type in types]
    return found[0].user_name if len(found) == 1 else ""


def between(
    events: Iterable[PlatformEvent], since: datetime, until: datetime
) -> list[PlatformEvent]:
    """Those that happened after one collection and not after another."""
    return [one for one in events if since < one.happened_at <= until]


def read_until(version: AssetVersion) -> datetime:
    """Until when the collection that found a version was reading. To be asked `with_reading`."""
    begun, ended = version.valid_from, getattr(version, "read_until", None)
    return min(max(ended, begun), begun + READING) if ended else begun + READING


def _is_about(event: PlatformEvent, change: Change) -> bool:
    match change.field:
        case "host_ref":
            return event.type in _MOVES
        case "power_state" | "booted_at":
            return event.type in _POWER
        case "name":
            return event.type == _RENAMED
        case _:
            return event.type == _RECONFIGURED and _touches(event, change)


def _agrees(event: PlatformEvent, change: Change, newer: VirtualMachine) -> bool:
    match change.field:
        case "host_ref":
            told = meaning(
                event.type,
                at=event.happened_at,
                host_ref=event.host_ref,
                detail=event.detail,
            )
            return told is not None and told.host_ref == newer.host_ref
        case "power_state":
            return _POWER[event.type] is newer.power_state
        case "booted_at":
            return _booted(event, newer.booted_at)
        case "name":
            return bool(event.detail.get("newName") == newer.name)
        case _:
            return True


def _booted(event: PlatformEvent, at: datetime | None) -> bool:
    if at is None:
        return _POWER[event.type] is PowerState.OFF
    return _POWER[event.type] is PowerState.ON and abs(event.created_at - at) <= CLOSE


def _touches(event: PlatformEvent, change: Change) -> bool:
    """Whether a reconfiguration names the property, or something in it."""
    path = _PATHS.get(change.field)
    if path is None or ("{}" in path and not change.part):
        return False
    wanted = path.format(change.part)
    named = (event.detail.get(f"changes.{way}", "") for way in ("modified", "added", "deleted"))
    return any(
        each == wanted or each.startswith(f"{wanted}.")
        for listed in named
        for each in listed.split(", ")
    )
