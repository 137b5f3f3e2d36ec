"""A host as a picture: physical NICs, switches, port groups, machines, and the way of management.

Only computes where things stand; the template draws them. Every mark is a plain fact of the record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from inventory.models import Asset
from inventory.records import Host, HostPortGroup, HostSwitch, Network, Switch, VirtualMachine

NIC_X, NIC_WIDTH = 4, 116
SWITCH_X, SWITCH_WIDTH = 184, 152
GROUP_X, GROUP_WIDTH = 400, 228
MACHINE_X, MACHINE_SIZE, MACHINE_GAP, MACHINES_A_ROW = 650, 23, 5, 12
ROW, GAP, TOP = 40, 14, 44
WIDTH = MACHINE_X + MACHINES_A_ROW * (MACHINE_SIZE + MACHINE_GAP) + 4
MAX_MACHINES = 78  # per port group; the table behind the drawing has all of them


class Box(msgspec.Struct):
    """Something with a place: a title, a line below it, what is wrong with it."""

    key: str
    title: str
    note: str = ""
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = ROW
    marks: list[str] = msgspec.field(default_factory=list)
    is_management: bool = False

    @property
    def middle(self) -> int:
        return self.y + self.height // 2

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def text_x(self) -> int:
        return self.x + 10


class Dot(msgspec.Struct):
    """A machine: its letter is its classification, "?" when that is not known."""

    asset: Asset
    letter: str
    tone: int  # which of the classifications on this host, 0 for none
    running: bool
    x: int = 0
    y: int = 0


class Group(Box, kw_only=True):
    machines: list[Dot] = msgspec.field(default_factory=list)
    all_machines: list[Asset] = msgspec.field(default_factory=list)
    services: list[str] = msgspec.field(default_factory=list)
    more: int = 0
    switch_key: str = ""
    vlan: str = ""

    @property
    def more_y(self) -> int:
        """Where it is said how many machines are not drawn: the last line of the box."""
        return self.y + self.height - 8


class Line(msgspec.Struct):
    """A connection between two boxes, as an SVG path."""

    path: str
    is_management: bool = False
    is_standby: bool = False


class Drawing(msgspec.Struct):
    nics: list[Box]
    switches: list[Box]
    groups: list[Group]
    lines: list[Line]
    width: int
    height: int
    classes: list[tuple[str, int, str]]  # name, tone, letter
    marks: list[str]
    loose: list[Asset]  # machines here whose networks are not on any drawn switch


class Estate(msgspec.Struct, frozen=True):
    """What else is known around the host, as far as the person may see it."""

    machines: Sequence[tuple[Asset, VirtualMachine]]
    networks: Mapping[str, tuple[Asset, Network]]  # by ref
    switches: Mapping[str, Switch]  # by ref


def draw(host: Host, around: Estate) -> Drawing | None:
    """The picture, or None when the platform did not give the host's network facts."""
    if host.pnics is None or host.switches is None:
        return None
    tones = _tones(around.machines)
    nics = [_nic(each) for each in host.pnics]
    switches = [
        Box(key=_switch_key(each), title=each.name, note=_switch_note(each))
        for each in host.switches
    ]
    groups = [*_standard_groups(host), *_distributed_groups(host, around)]
    placed = _place_machines(groups, around, tones)
    _add_management(host, groups)
    _place(nics, switches, groups)
    lines = _lines(host, nics, switches, groups)
    _mark_shared_management(host, groups, nics)
    height = max([box.y + box.height for box in (*nics, *switches, *groups)], default=TOP) + 16
    marks = [f"{box.title}: {mark}" for box in (*nics, *switches, *groups) for mark in box.marks]
    if len(tones) > 1:
        marks.insert(0, f"Machines of {len(tones)} classifications share this host.")
    loose = [asset for asset, _ in around.machines if asset.pk not in placed]
    letters = _letters(tones)
    classes = [(name, tone, letters[name]) for name, tone in tones.items()]
    return Drawing(nics, switches, groups, lines, WIDTH, height, classes, marks, loose)


def _tones(machines: Sequence[tuple[Asset, VirtualMachine]]) -> dict[str, int]:
    """Each classification present, with the number its colour has."""
    names = sorted({vm.classification.casefold() for _, vm in machines if vm.classification})
    return {name: 1 + i % 4 for i, name in enumerate(names)}


def _letters(names: Iterable[str]) -> dict[str, str]:
    """The initial of each classification; two letters, "Pu" and "Pa", where initials are shared."""
    initials = Counter(name[:1] for name in names)
    return {
        name: (name[:1] if initials[name[:1]] == 1 else name[:2]).capitalize() for name in names
    }


def _nic(each: object) -> Box:
    name, up, speed = (getattr(each, f) for f in ("name", "link_up", "speed_mbps"))
    note = "link unknown" if up is None else "no link" if not up else ""
    if up and speed:
        note = f"{speed / 1000:g} Gbit/s" if speed >= 1000 else f"{speed} Mbit/s"
    return Box(key=name, title=name, note=note, marks=["no link"] if up is False else [])


def _switch_key(each: HostSwitch) -> str:
    return each.switch_uuid or f"standard:{each.name}"


def _switch_note(each: HostSwitch) -> str:
    return "distributed switch" if each.switch_uuid else "standard switch"


def _standard_groups(host: Host) -> list[Group]:
    return [
        Group(
            key=f"standard:{group.name}",
            title=group.name,
            switch_key=f"standard:{group.switch}",
            vlan=_vlan_words(group.vlan_id),
            marks=_vlan_marks(group.vlan_id) + _security_marks(group),
        )
        for group in host.port_groups or ()
    ]


def _distributed_groups(host: Host, around: Estate) -> list[Group]:
    """The distributed port groups that something on this host uses."""
    used = {
        nic.network_ref for _, vm in around.machines for nic in vm.nics or () if nic.network_ref
    } | {nic.dv_port_group_ref for nic in host.vmkernel_nics or () if nic.dv_port_group_ref}
    groups = []
    for ref in sorted(used):
        asset, network = around.networks.get(ref, (None, None))
        if asset is None or network is None or network.type != "distributed":
            continue
        switch = around.switches.get(network.switch_ref or "")
        groups.append(
            Group(
                key=ref,
                title=network.name,
                switch_key=(switch.uuid if switch else None) or "",
                vlan=_network_vlan(network),
                marks=["no VLAN"] if network.vlan_type == "none" else [],
            )
        )
    return groups


def _vlan_words(vlan_id: int | None) -> str:
    if vlan_id is None:
        return "VLAN unknown"
    return {0: "no VLAN", 4095: "all VLANs"}.get(vlan_id, f"VLAN {vlan_id}")


def _vlan_marks(vlan_id: int | None) -> list[str]:
    return [_vlan_words(vlan_id)] if vlan_id in (0, 4095) else []


def _security_marks(group: HostPortGroup) -> list[str]:
    return ["promiscuous mode allowed"] if group.security and group.security.promiscuous else []


def _network_vlan(network: Network) -> str:
    if network.vlan_type is None:
        return "VLAN unknown"
    if network.vlan_type == "none":
        return "no VLAN"
    if network.vlan_type == "trunk":
        return "VLAN trunk"
    return f"VLAN {network.vlan_id if network.vlan_id is not None else 'unknown'}"


def _place_machines(groups: list[Group], around: Estate, tones: dict[str, int]) -> set[int]:
    """Put every machine beside each of its port groups. Returns who was put anywhere."""
    by_key = {group.key: group for group in groups}
    placed: set[int] = set()
    for asset, vm in around.machines:
        for key in dict.fromkeys(_group_key(nic, around) for nic in vm.nics or ()):
            group = by_key.get(key)
            if group is None:
                continue
            placed.add(asset.pk)
            group.all_machines.append(asset)
            if len(group.machines) >= MAX_MACHINES:
                group.more += 1
            else:
                group.machines.append(_dot(asset, vm, tones))
    return placed


def _group_key(nic: object, around: Estate) -> str:
    ref, name = getattr(nic, "network_ref", None), getattr(nic, "network_name", None)
    _, network = around.networks.get(ref or "", (None, None))
    if network is not None and network.type == "distributed":
        return ref or ""
    return f"standard:{network.name if network else name}"


def _dot(asset: Asset, vm: VirtualMachine, tones: dict[str, int]) -> Dot:
    name = (vm.classification or "").casefold()
    letter = _letters(tones).get(name, "?")
    return Dot(asset, letter, tones.get(name, 0), vm.power_state == "on")


def _add_management(host: Host, groups: list[Group]) -> None:
    for nic in host.vmkernel_nics or ():
        key = nic.dv_port_group_ref or f"standard:{nic.port_group}"
        group = next((each for each in groups if each.key == key), None)
        if group is None:
            continue
        services = ", ".join(nic.services) if nic.services else "services unknown"
        if nic.services == ():
            services = "no service"
        group.services.append(f"{nic.device}: {services}")
        if "management" in (nic.services or ()):
            group.is_management = True
            if group.all_machines:
                group.marks.append("management shares this port group with machines")


def _place(nics: list[Box], switches: list[Box], groups: list[Group]) -> None:
    """Port groups beneath their switch; every column from the top."""
    order = {switch.key: i for i, switch in enumerate(switches)}
    groups.sort(key=lambda g: (order.get(g.switch_key, 99), not g.is_management, g.title))
    y = TOP
    for group in groups:
        rows = -(-len(group.machines) // MACHINES_A_ROW) + bool(group.more)
        group.x, group.y, group.width = GROUP_X, y, GROUP_WIDTH
        group.height = max(ROW, 8 + rows * (MACHINE_SIZE + MACHINE_GAP))
        for i, dot in enumerate(group.machines):
            dot.x = MACHINE_X + (i % MACHINES_A_ROW) * (MACHINE_SIZE + MACHINE_GAP)
            dot.y = y + 7 + (i // MACHINES_A_ROW) * (MACHINE_SIZE + MACHINE_GAP)
        y += group.height + GAP
    floor = TOP
    for switch in switches:
        mine = [group for group in groups if group.switch_key == switch.key]
        switch.x, switch.width = SWITCH_X, SWITCH_WIDTH
        switch.y = max(floor, mine[0].y if mine else floor)
        if mine:
            switch.height = max(ROW, mine[-1].y + mine[-1].height - switch.y)
        floor = switch.y + switch.height + GAP
    for i, nic in enumerate(nics):
        nic.x, nic.width, nic.y = NIC_X, NIC_WIDTH, TOP + i * (ROW + GAP)


def _lines(host: Host, nics: list[Box], switches: list[Box], groups: list[Group]) -> list[Line]:
    by_nic = {nic.key: nic for nic in nics}
    by_switch = {switch.key: switch for switch in switches}
    managing = {group.switch_key for group in groups if group.is_management}
    lines = []
    for each in host.switches or ():
        switch = by_switch[_switch_key(each)]
        uplinks = [by_nic[name] for name in each.pnics or () if name in by_nic]
        for i, nic in enumerate(uplinks):
            end = switch.y + min(switch.height - 8, 12 + i * 14)
            lines.append(
                Line(
                    _curve(nic.right, nic.middle, switch.x, end),
                    is_management=switch.key in managing
                    and nic.key in _management_nics(host, groups, switch.key),
                )
            )
        if not uplinks and each.pnics is not None and switch.key in managing:
            switch.marks.append("no uplink")
    for group in groups:
        switch = by_switch.get(group.switch_key)  # type: ignore[assignment]
        if switch is not None:
            start = min(max(group.middle, switch.y + 6), switch.y + switch.height - 6)
            lines.append(
                Line(
                    _curve(switch.right, start, group.x, group.middle),
                    is_management=group.is_management,
                )
            )
    return lines


def _curve(x1: int, y1: int, x2: int, y2: int) -> str:
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"


def _management_nics(host: Host, groups: list[Group], switch_key: str) -> set[str]:
    """The physical NICs management may use on a switch."""
    switch = next((s for s in host.switches or () if _switch_key(s) == switch_key), None)
    every = set(switch.pnics or ()) if switch else set()
    teams = {
        f"standard:{group.name}": set(group.active_nics or ()) | set(group.standby_nics or ())
        for group in host.port_groups or ()
    }
    found: set[str] = set()
    for group in groups:
        if group.is_management and group.switch_key == switch_key:
            found |= (teams.get(group.key) or every) & every
    return found


def _mark_shared_management(host: Host, groups: list[Group], nics: list[Box]) -> None:
    """Mark the physical NICs that carry both management and machines."""
    teams = {
        f"standard:{group.name}": set(group.active_nics or ()) | set(group.standby_nics or ())
        for group in host.port_groups or ()
    }
    of_switch = {_switch_key(each): set(each.pnics or ()) for each in host.switches or ()}
    managing: set[str] = set()
    carrying: set[str] = set()
    for group in groups:
        used = teams.get(group.key) or of_switch.get(group.switch_key, set())
        if group.is_management:
            managing |= used
        if group.all_machines:
            carrying |= used
    for nic in nics:
        nic.is_management = nic.key in managing
        if nic.key in managing & carrying:
            nic.marks.append("management and machines")


class Wiring(msgspec.Struct):
    """A port group with what carries it: a row of the table behind the drawing."""

    group: Group
    switch: Box | None
    nics: list[str]


def table(host: Host, drawn: Drawing) -> list[Wiring]:
    by_key = {switch.key: switch for switch in drawn.switches}
    teams = {
        f"standard:{group.name}": sorted({*(group.active_nics or ()), *(group.standby_nics or ())})
        for group in host.port_groups or ()
    }
    of_switch = {_switch_key(each): sorted(each.pnics or ()) for each in host.switches or ()}
    return [
        Wiring(
            group=group,
            switch=by_key.get(group.switch_key),
            nics=teams.get(group.key) or of_switch.get(group.switch_key, []),
        )
        for group in drawn.groups
    ]
