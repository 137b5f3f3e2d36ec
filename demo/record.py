"""Makes the demo estate in two simulators, reads it with the real connector, writes the bundles.

`python -m demo.record` takes about a minute and gives the same files each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from demo import bergen, oslo, oslo_weeks
from demo.machines import Op
from demo.moments import COLLECTIONS, RECORDED_AT, TUESDAY_EVENING, TUESDAY_NIGHT
from demo.site import ACCOUNT
from inventory.connectors.base import Event, EventCursor, EventsRead, Item
from inventory.connectors.bundle import write_bundle
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.connectors.vsphere.tls import PinnedTrust
from inventory.records import Network, Platform, VirtualMachine
from tests.peers.vcsim import Vcsim, start_vcsim

HERE = Path(__file__).parent
MAPPING = {
    "classification": "Classification",
    "owner": "Owner",
    "criticality": "Criticality",
    "team": "Team",
}
NOBODY = r"VSPHERE.LOCAL\Administrator"  # what the simulator calls its own scenario
OPERATOR = r"HALDEN\vmware-ops"  # who does what nobody else is said to have done
EMPTY = {"dc": 0, "cluster": 0, "host": 0, "standalone_host": 0, "vm": 0, "ds": 0, "pg": 0}

Steps = dict[timedelta, list[Op]]
Estate = tuple[str, str, str, Callable[[], Steps]]

ESTATES: dict[str, Estate] = {
    "halden.oslo.xz": ("vc-oslo, production", oslo.SEED, oslo.INSTANCE, oslo_weeks.steps),
    "halden.bergen.xz": ("vc-bergen, recovery", bergen.SEED, bergen.INSTANCE, bergen.steps),
}


def record(steps: Steps, *, seed: str, instance: str) -> list[tuple[datetime, list[Item]]]:
    """Let the weeks pass and look at the estate after each step."""
    collections = []
    log = Log()
    with start_vcsim(
        **EMPTY, seed=seed, instance_uuid=instance, readonly_username=ACCOUNT
    ) as vcenter:
        for ago in COLLECTIONS:
            vcenter.apply(ops=steps[ago])
            _attach(vcenter)
            account, password = vcenter.readonly_username, vcenter.readonly_password
            seen = _look(vcenter, account, password, since=log.cursor)
            told = ago not in (TUESDAY_EVENING, TUESDAY_NIGHT)
            items = log.dated(seen, at=RECORDED_AT - ago, is_told=told)
            collections.append((RECORDED_AT - ago, items))
    return collections


class Log:
    """The simulator's events as if the weeks had passed: those between two looks are spread over
    the time between them, in their order. What it tells of the beginning is left out: by then a
    vCenter has forgotten it. So is what it tells of the Tuesday, which a replay moves by itself.
    """

    def __init__(self) -> None:
        self.cursor = EventCursor()
        self._known: set[int] = set()
        self._newest: list[Event] = []
        self._before: datetime | None = None
        self._number = 0

    def dated(self, items: list[Item], *, at: datetime, is_told: bool) -> list[Item]:
        told = [one for one in items if isinstance(one, Event)]
        fresh = [one for one in told if one.key not in self._known and "Session" not in one.type]
        fresh.sort(key=lambda one: one.key)
        if told:
            last = max(told, key=lambda one: one.key)
            self.cursor = EventCursor(at=last.at, key=last.key)
        self._known |= {one.key for one in told}
        events = self._newest + (self._spread(fresh, at=at) if is_told else [])
        self._newest, self._before = events[-1:], at
        first = min((one.at for one in events), default=None)
        kept = [one for one in items if not isinstance(one, Event | EventsRead)]
        return [*kept, *events, EventsRead(until=at, oldest_at=first)]

    def _spread(self, events: list[Event], *, at: datetime) -> list[Event]:
        if self._before is None:
            return []
        step = (at - self._before) / (len(events) + 2)
        spread = []
        for place, one in enumerate(events, 1):
            self._number += 1
            moment = (self._before + place * step).replace(microsecond=0)
            who = OPERATOR if one.user == NOBODY else one.user
            spread.append(replace(one, key=self._number, at=moment, user=who))
        return spread


def _look(
    vcenter: Vcsim, username: str, password: str, *, since: EventCursor | None = None
) -> list[Item]:
    connector = VsphereConnector(
        url=vcenter.url,
        username=username,
        password=password,
        trust=PinnedTrust(vcenter.cert_pem.read_text(encoding="ascii")),
        attributes=MAPPING,
        events_since=since,
    )
    return list(connector.collect())


def _attach(vcenter: Vcsim) -> None:
    """Say on each network which machines are on it, which the simulator does not."""
    seen = _look(vcenter, vcenter.username, vcenter.password)
    attached: dict[str, list[str]] = {one.ref: [] for one in seen if isinstance(one, Network)}
    for vm in seen:
        if isinstance(vm, VirtualMachine):
            for ref in vm.network_refs or ():
                attached[ref].append(f"VirtualMachine:{vm.ref}")
    vcenter.apply(
        set=[
            {"type": "Network", "match": {"ref": ref}, "values": {"vm": vms}}
            for ref, vms in attached.items()
        ]
    )


def main() -> None:
    for name, (title, seed, instance, steps) in ESTATES.items():
        collections = record(steps(), seed=seed, instance=instance)
        write_bundle(HERE / name, title=title, platform=Platform.VSPHERE, collections=collections)
        sys.stdout.write(f"{name}: {len(collections[-1][1])} items in the last collection\n")


if __name__ == "__main__":
    main()
