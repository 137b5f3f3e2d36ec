"""Machines as collections see them, events as platforms tell them: for tests of the chronicle."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from findings import pipeline
from inventory import ledger
from inventory.connectors.base import Event, EventsRead, Item
from inventory.heartbeat import Pulse
from inventory.models import Source, SyncRun
from inventory.records import (
    Datastore,
    Host,
    Image,
    Network,
    Nic,
    Platform,
    PowerState,
    VirtualMachine,
)
from tests.factories import NOW
from tests.inventory.fakes import FakeConnector

HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return NOW + hours * HOUR


def vm(n: int = 1, *, host: str | None = "host-1", mac: str = "", **facts: Any) -> VirtualMachine:
    given: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"uuid-{n}",
        "ref": f"vm-{n}",
        "name": f"web-{n}",
        "power_state": PowerState.ON,
        "host_ref": host,
        "nics": (nic(mac or f"00:50:56:00:00:{n:02x}"),),
        "datastore_refs": ("datastore-1",),
        "network_refs": ("network-1",),
        **facts,
    }
    return VirtualMachine(**given)


def image(n: int) -> Image:
    """The template that the machine of this number is when it is one."""
    return Image(platform=Platform.VSPHERE, uid=f"uuid-{n}", ref=f"vm-{n}", name=f"web-{n}")


def nic(mac: str, *, key: str = "4000", network: str = "network-1") -> Nic:
    return Nic(key=key, label="Network adapter 1", mac=mac, network_ref=network)


def places() -> tuple[Host | Network | Datastore, ...]:
    said: dict[str, Any] = {"platform": Platform.VSPHERE}
    hosts = [Host(uid=f"h{n}", ref=f"host-{n}", name=f"esx-{n}", **said) for n in (1, 2, 3)]
    return (
        *hosts,
        Network(uid="network-1", ref="network-1", name="VM Network", type="standard", **said),
        Datastore(uid="datastore-1", ref="datastore-1", name="san-1", **said),
        Datastore(uid="datastore-2", ref="datastore-2", name="san-2", **said),
    )


def event(key: int, type_: str, hours: float, *, ref: str = "vm-1", **facts: Any) -> Event:
    return Event(
        key=key,
        type=type_,
        at=at(hours),
        vm_ref=ref,
        vm_name=f"web-{ref.removeprefix('vm-')}",
        **facts,
    )


def read_until(hours: float, **facts: Any) -> EventsRead:
    return EventsRead(until=at(hours), **facts)


def collect(
    source: Source, *machines: VirtualMachine, hours: float, events: tuple[Event, ...] | None = None
) -> SyncRun:
    """One published collection; `events` None: the platform has no log."""
    extra: tuple[Item, ...] = () if events is None else (*events, read_until(hours))
    return run(source, FakeConnector(*places(), *machines, extra=extra), hours=hours)


def run(source: Source, connector: FakeConnector, *, hours: float) -> SyncRun:
    queued = SyncRun.objects.create(source=source, requested_at=at(hours))
    held = ledger.claim(queued.pk)
    assert held is not None
    pipeline.govern(held, pulse=Pulse(held), now=at(hours), connector=connector)
    queued.refresh_from_db()
    source.refresh_from_db()
    return queued
