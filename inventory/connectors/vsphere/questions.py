"""The questions that a collection asks by calls: about alarms, hosts and ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from inventory.connectors.base import BlindSpot, Doubt, Item
from inventory.connectors.vsphere.asking import Asking, Subject, unanswered
from inventory.connectors.vsphere.bulk import Wanted
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.mapping import ports
from inventory.connectors.vsphere.mapping.alarms import alarm
from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import Facts, as_text, dicts
from inventory.connectors.vsphere.reading import Reading, explained
from inventory.connectors.vsphere.xml import Ref, SoapFault, Withheld, escape
from inventory.records import Alarm, Kind, PortOverride

# --- the platform -----------------------------------------------------------------------------


def ask_alarms(session: OpenSession, notes: list[Item]) -> tuple[Alarm, ...] | None:
    """Every alarm that is defined; None, with a note, when not all of them are told."""
    manager, root = session.content.alarm_manager, session.content.root_folder
    if manager is None:
        return ()
    asking = Asking(session, Kind.PLATFORM, "GetAlarm")
    answer = asking.answers([Subject(root, "the root folder", manager)])
    notes += asking.notes
    if root not in answer:
        return None
    listed = [ref for ref in answer[root] if isinstance(ref, Ref)]
    try:
        found, odd = _alarms(session, listed, {root: "an alarm"}) if listed else ([], [])
    except SoapFault as fault:
        found, odd = [], [unanswered(Kind.PLATFORM, "Alarm.info", len(listed), fault.type)]
    notes += odd
    return None if odd else tuple(sorted(found, key=lambda one: (one.name, one.key)))


def _alarms(
    session: OpenSession, listed: list[Ref], names: dict[Ref, str]
) -> tuple[list[Alarm], list[Item]]:
    """What the alarms are about, and why that is not all of it; raise SoapFault."""
    found: dict[Ref, Alarm] = {}
    notes: list[Item] = []
    withheld: list[tuple[Ref, Withheld]] = []
    for page in session.bulk.of_objects(listed, Wanted(type="Alarm", paths=("info",))):
        for content in page:
            if content.ref in found:
                message = f"vCenter listed the alarm {content.ref} twice."
                notes.append(Doubt(kind=Kind.PLATFORM, code="duplicate", message=message))
            found[content.ref] = alarm(Facts(content))
            # Alarms are no entities: what may be read of them is decided at the root.
            withheld += [(root, why) for root in names for why in content.withheld.values()]
    if withheld:
        notes += explained(session, Kind.PLATFORM, {"Alarm.info": withheld}, names)
    missing = len(set(listed) - found.keys())
    if missing:
        message = f"vCenter lists {len(listed)} alarms but did not deliver {missing} of them."
        notes.append(Doubt(kind=Kind.PLATFORM, code="count-mismatch", message=message))
    return list(found.values()), notes


# --- hosts ------------------------------------------------------------------------------------

_MANAGERS: Final = {
    "QueryLockdownExceptions": "configManager.hostAccessManager",
    "HostImageConfigGetAcceptance": "configManager.imageConfigManager",
}
HOST_PATHS: Final = ("name", "runtime.connectionState", *_MANAGERS.values())


def ask_hosts(session: OpenSession, estate: Estate) -> Iterator[Item]:
    """Let the estate know what every host that vCenter reaches says when asked: two calls a host.

    What is withheld of the hosts themselves is told where they are read.
    """
    reading = Reading(session, Kind.HOST, Wanted(type="HostSystem", paths=HOST_PATHS))
    reached = [
        facts
        for facts in reading.facts("HostSystem")
        if facts.choice("runtime.connectionState") == "connected"
    ]
    notes = [*reading.notes]
    for method, path in _MANAGERS.items():
        asking = Asking(session, Kind.HOST, method)
        estate.answers[method] = asking.answers(list(_subjects(reached, path)))
        notes += asking.notes
    told_elsewhere = HOST_PATHS[:2]
    for note in notes:
        if not isinstance(note, BlindSpot) or note.property not in told_elsewhere:
            yield note


def _subjects(hosts: list[Facts], path: str) -> Iterator[Subject]:
    for facts in hosts:
        manager = facts.raw(path)
        if isinstance(manager, Ref):
            yield Subject(facts.ref, as_text(facts.raw("name")) or str(facts.ref), manager)


# --- ports of distributed switches ------------------------------------------------------------

_PORTS_A_CALL: Final = 1_000


def ask_ports(session: OpenSession, estate: Estate, groups: Iterable[Facts]) -> Iterator[Item]:
    """Let the estate know which connected ports go their own way in what is weighty.

    Where a group lets no port do so there is none, and nothing is asked.
    """
    asked: dict[Ref, list[Facts]] = {}
    for group in groups:
        allowed = ports.override_allowed(group.raw("config.policy"))
        switch = group.raw("config.distributedVirtualSwitch")
        if allowed is None or not isinstance(switch, Ref) or group.flag("config.uplink"):
            continue
        if any(allowed.get(name) for name in ports.WEIGHTY):
            asked.setdefault(switch, []).append(group)
        else:
            estate.port_overrides[str(group.ref)] = ()
    asking = Asking(session, Kind.NETWORK, "FetchDVPorts")
    subjects = [
        Subject(switch, _key(chunk[0]), switch, _criteria(chunk))
        for switch, own in asked.items()
        for chunk in _chunks(own)
    ]
    answers = asking.answers(subjects)
    for switch, own in asked.items():
        if switch in answers:
            _keep(estate, own, answers[switch])
    yield from asking.notes


def _keep(estate: Estate, groups: list[Facts], answer: list[Any]) -> None:
    by_group: dict[str, list[PortOverride]] = {_key(group): [] for group in groups}
    for port in dicts(answer):
        override = ports.port_override(port)
        of = by_group.get(as_text(port.get("portgroupKey")) or "")
        if override is not None and of is not None:
            of.append(override)
    for group in groups:
        found = by_group[_key(group)]
        estate.port_overrides[str(group.ref)] = tuple(sorted(found, key=lambda one: one.key))


def _chunks(groups: list[Facts]) -> Iterator[list[Facts]]:
    """Groups that are asked about together, so that no answer is longer than it has to be."""
    chunk: list[Facts] = []
    room = _PORTS_A_CALL
    for group in groups:
        there = group.number("config.numPorts") or 1
        if chunk and there > room:
            yield chunk
            chunk, room = [], _PORTS_A_CALL
        chunk.append(group)
        room -= there
    if chunk:
        yield chunk


def _criteria(groups: list[Facts]) -> str:
    keys = "".join(f"<portgroupKey>{escape(_key(group))}</portgroupKey>" for group in groups)
    return f"<criteria><connected>true</connected>{keys}<inside>true</inside></criteria>"


def _key(group: Facts) -> str:
    return group.choice("key") or str(group.ref)
