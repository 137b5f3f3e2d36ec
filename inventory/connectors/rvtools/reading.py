"""A workbook as a collection: every row that can be told apart, and what a workbook cannot say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, Final

import msgspec

from inventory.connectors.base import BlindSpot, Count, Doubt, Item, Unreadable
from inventory.connectors.lines import malformed
from inventory.connectors.rvtools import fabric, machines, values
from inventory.connectors.rvtools.tabs import Cells, Tab, found_in
from inventory.connectors.rvtools.xlsx import Workbook
from inventory.records import AnyRecord, Kind, Platform, PlatformSettings, Record, kind_of

ASSIGNED: Final = ("classification", "owner", "criticality", "team")
_OF_MACHINES: Final = ("vCPU", "vMemory", "vDisk", "vNetwork", "vSnapshot", "vTools")
_ON_HOSTS: Final = ("vNIC", "vSwitch", "vPort", "vSC_VMK")
_INSTANCE: Final = re.compile(r"[0-9a-f-]{32,36}")
_TAB_OF: Final = {
    Kind.HOST: "vHost",
    Kind.CLUSTER: "vCluster",
    Kind.SWITCH: "dvSwitch",
    Kind.NETWORK: "dvPort",
    Kind.DATASTORE: "vDatastore",
}
_NOT_SAID: Final = {
    Kind.NETWORK: "A workbook does not list standard networks, only distributed port groups.",
    Kind.ROLE: "A workbook says nothing about roles.",
    Kind.GRANT: "A workbook says nothing about who holds which role.",
    Kind.PRINCIPAL: "A workbook says nothing about users and groups.",
    Kind.PLATFORM: "A workbook says nothing about the settings of vCenter.",
}


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What a workbook holds."""

    collected_at: datetime
    is_local_time: bool  # as the machine that exported it had it, in a zone that is not known
    platform: PlatformSettings
    version: str
    items: list[Item]
    tabs_not_read: list[str]
    columns_not_read: dict[str, list[str]]


class Reading:
    """Reads every tab that is needed once, and keeps of it what is needed."""

    def __init__(
        self, file: BinaryIO, *, attributes: Mapping[str, str], collected_at: datetime | None
    ) -> None:
        """`attributes` names the custom attribute that carries classification, owner …"""
        self._workbook = Workbook(file)
        self._named = attributes
        self._told = collected_at
        self._tabs, self._strange = found_in(self._workbook)
        if self._tabs["vInfo"].sheet is None:
            raise malformed(
                "it has no tab vInfo", advice="Export all to xlsx in RVTools and upload that file."
            )
        self._machines: list[tuple[Cells, dict[str, str]]] = []
        self._rows: dict[str, list[Cells]] = {}

    def read(self) -> Collected:
        """Everything, or raise CollectionFailed."""
        for name, tab in self._tabs.items():
            if name == "vInfo":
                self._machines = [(c, self._own(tab, r)) for c, r in tab.rows(self._workbook)]
            else:
                self._rows[name] = [cells for cells, _ in tab.rows(self._workbook)]
        platform = self._platform()
        collected_at, is_local = self._moment()
        items: list[Item] = [platform, Count(kind=Kind.PLATFORM, expected=1)]
        items += self._fabric()
        items += self._of_machines()
        records = [item for item in items if isinstance(item, Record)]
        items += self._blind_spots(records)
        items += [Doubt(kind=k, code="not-said", message=text) for k, text in _NOT_SAID.items()]
        items += [Count(kind=kind, expected=0) for kind in (Kind.ROLE, Kind.GRANT, Kind.PRINCIPAL)]
        return Collected(
            collected_at=collected_at,
            is_local_time=is_local,
            platform=platform,
            version=self._meta().get("version", ""),
            items=items,
            tabs_not_read=self._strange,
            columns_not_read={n: t.not_read for n, t in self._tabs.items() if t.not_read},
        )

    # --- the whole of it --------------------------------------------------------------------------

    def _platform(self) -> PlatformSettings:
        """The one vCenter that every row is of."""
        rows = [cells for cells, _ in self._machines]
        found = {cells["instance"].lower() for cells in rows if "instance" in cells}
        for others in self._rows.values():
            found |= {cells["instance"].lower() for cells in others if "instance" in cells}
        if len(found) != 1:
            raise malformed(
                f"it is of {len(found)} vCenters" if found else "it does not say of which vCenter",
                advice="Export each vCenter into a workbook of its own.",
            )
        [uid] = found
        if not _INSTANCE.fullmatch(uid):
            raise malformed("its VI SDK UUID is no UUID")
        first = rows[0] if rows else {}
        return PlatformSettings(
            platform=Platform.VSPHERE,
            uid=uid,
            ref="ServiceInstance",
            name=first.get("server") or "vCenter",
            product=values.text(first, "product"),
            api_version=values.text(first, "api"),
        )

    def _meta(self) -> Cells:
        return next(iter(self._rows["vMetaData"]), {})

    def _moment(self) -> tuple[datetime, bool]:
        """When it was exported: as told, as RVTools wrote it, or as the file itself says."""
        if self._told is not None:
            return self._told, False
        written = self._meta().get("made", "")
        made = values.moment(written, is_1904=self._workbook.is_1904)
        if made is not None:
            return made, True
        made = values.moment(self._workbook.created_at())
        if made is None:
            raise malformed(
                "it does not say when it was exported",
                advice="Say when: the form, the command and the interface take the moment.",
            )
        return made, False

    # --- kind by kind -----------------------------------------------------------------------------

    def _fabric(self) -> Iterator[Item]:
        rows, tabs = self._rows, self._tabs
        self._around = around = machines.Around(
            {name: machines.OfMachines(tabs[name], rows[name]) for name in _OF_MACHINES},
            is_1904=self._workbook.is_1904,
        )
        for row in rows["vHost"]:
            around.hosts.add(row.get("id"), row.get("name"))
        for row in rows["vRP"]:
            around.pools.add(row.get("id"), row.get("path"))
        clusters, switches, groups = fabric.Names(), fabric.Names(), fabric.Names()
        for row in rows["vCluster"]:
            clusters.add(row.get("id"), row.get("name"))
        for row in rows["dvSwitch"]:
            switches.add(row.get("id"), row.get("name"))
        for row in rows["dvPort"]:
            groups.add(row.get("id"), row.get("name"))
            around.port_groups.add(row.get("id"), row.get("switch"), row.get("name"))
        on = {name: fabric.OnHosts(tabs[name], rows[name]) for name in _ON_HOSTS}
        distributed = self._on_distributed_switches()

        def host(row: Cells) -> AnyRecord:
            name = row.get("name", "")
            # A host's share of a distributed switch is no row of vSwitch: a part is no list.
            whole = distributed is not None and name not in distributed
            return fabric.host(
                row,
                clusters=clusters,
                port_groups=groups,
                nics=on["vNIC"].of(name),
                switches=on["vSwitch"].of(name) if whole else None,
                groups=on["vPort"].of(name),
                vmkernel=on["vSC_VMK"].of(name),
            )

        yield from self._kind(Kind.HOST, host)
        yield from self._kind(
            Kind.CLUSTER, lambda row: fabric.cluster(row, self._members(row, around.hosts))
        )
        yield from self._kind(Kind.SWITCH, lambda row: fabric.switch(row, around.hosts))
        yield from self._kind(Kind.NETWORK, lambda row: fabric.network(row, switches))
        yield from self._kind(Kind.DATASTORE, lambda row: fabric.datastore(row, around.hosts))

    def _on_distributed_switches(self) -> frozenset[str] | None:
        tab = self._tabs["dvSwitch"]
        if tab.sheet is None or "members" not in tab.has:
            return None
        members = (values.listed(row, "members") for row in self._rows["dvSwitch"])
        return frozenset(name for names in members for name in names)

    def _members(self, cluster: Cells, hosts: fabric.Names) -> tuple[str, ...] | None:
        if "cluster" not in self._tabs["vHost"].has:
            return None
        inside = (row for row in self._rows["vHost"] if row.get("cluster") == cluster.get("name"))
        return hosts.refs(row.get("name", "") for row in inside)

    def _kind(self, kind: Kind, build: Callable[[Cells], AnyRecord]) -> Iterator[Item]:
        tab = self._tabs[_TAB_OF[kind]]
        rows = self._rows[tab.name]
        for row in rows:
            yield _record(kind, row, build)
        yield Count(kind=kind, expected=len(rows))
        if tab.sheet is None:
            message = f"The workbook has no tab {tab.name}."
            yield Doubt(kind=kind, code="no-tab", message=message)

    def _of_machines(self) -> Iterator[Item]:
        arrived = Counter({Kind.VM: 0, Kind.IMAGE: 0})
        for cells, own in self._machines:
            assigned = {
                field: own.get(self._named[field], "") if self._named.get(field) else None
                for field in ASSIGNED
            }

            def build(row: Cells, own: Any = own, assigned: Any = assigned) -> AnyRecord:
                return machines.machine(row, self._around, own, assigned)

            item = _record(Kind.VM, cells, build)
            arrived[Kind.VM if isinstance(item, Unreadable) else kind_of(item)] += 1
            yield item
        for kind, count in arrived.items():
            yield Count(kind=kind, expected=count)

    def _own(self, tab: Tab, row: list[str]) -> dict[str, str]:
        """The custom attributes of a machine: columns that people have named."""
        found = {name: row[at].strip() for at, name in tab.attributes.items() if at < len(row)}
        return dict(sorted((name, value) for name, value in found.items() if name and value))

    def _blind_spots(self, records: Iterable[Record]) -> Iterator[BlindSpot]:
        """Every fact that no record of a kind has, so that it is seen which checks that blinds."""
        of_kind: dict[Kind, list[Any]] = {}
        for record in records:
            of_kind.setdefault(kind_of(record), []).append(record)  # type: ignore[arg-type]
        for kind, found in of_kind.items():
            for field in found[0].__struct_fields__:
                unmapped = field in ASSIGNED and not self._named.get(field)
                if not unmapped and all(getattr(one, field) is None for one in found):
                    yield BlindSpot(
                        kind=kind,
                        property=field,
                        count=len(found),
                        example=found[0].name,
                        explanation="The workbook does not say it.",
                    )


def _record(kind: Kind, row: Cells, build: Callable[[Cells], AnyRecord]) -> AnyRecord | Unreadable:
    """The record of a row; what cannot be made into one is told instead."""
    try:
        return build(row)
    except ValueError as error:
        reason = str(error)
    name = row.get("name", "")
    ref = row.get("id") or row.get("uuid") or name
    return Unreadable(kind=kind, ref=ref, name=name, reason=reason)
