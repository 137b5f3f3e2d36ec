"""Makes the demo estate in two simulators, reads it with the real connector, writes the bundles.

`python -m demo.record` takes about a minute and gives the same files each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from demo import bergen, oslo, oslo_weeks, shelves
from demo.log import Log
from demo.machines import Op
from demo.moments import COLLECTIONS, RECORDED_AT, WITHIN
from demo.site import ACCOUNT
from inventory.connectors.base import EventCursor, Item
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
EMPTY = {"dc": 0, "cluster": 0, "host": 0, "standalone_host": 0, "vm": 0, "ds": 0, "pg": 0}

Steps = dict[timedelta, list[Op]]
Estate = tuple[str, str, str, Callable[[], Steps], timedelta | None]

ESTATES: dict[str, Estate] = {
    "halden.oslo.xz": ("vc-oslo, production", oslo.SEED, oslo.INSTANCE, oslo_weeks.steps, None),
    "halden.bergen.xz": (
        "vc-bergen, recovery",
        bergen.SEED,
        bergen.INSTANCE,
        bergen.steps,
        bergen.EMPTIED,
    ),
}


def record(
    steps: Steps, *, seed: str, instance: str, emptied: timedelta | None = None
) -> list[tuple[datetime, list[Item]]]:
    """Let the weeks pass and look at the estate after each step; before one of the looks somebody
    may have emptied vCenter's log.
    """
    collections = []
    log = Log()
    with start_vcsim(
        **EMPTY, seed=seed, instance_uuid=instance, readonly_username=ACCOUNT
    ) as vcenter:
        for ago in COLLECTIONS:
            vcenter.apply(ops=steps[ago])
            _attach(vcenter)
            account, password = vcenter.readonly_username, vcenter.readonly_password
            seen = shelves.settled(_look(vcenter, account, password, since=log.cursor))
            items = log.dated(
                seen, at=RECORDED_AT - ago, within=WITHIN.get(ago), is_emptied=ago == emptied
            )
            collections.append((RECORDED_AT - ago, items))
    return collections


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
    for name, (title, seed, instance, steps, emptied) in ESTATES.items():
        collections = record(steps(), seed=seed, instance=instance, emptied=emptied)
        write_bundle(HERE / name, title=title, platform=Platform.VSPHERE, collections=collections)
        sys.stdout.write(f"{name}: {len(collections[-1][1])} items in the last collection\n")


if __name__ == "__main__":
    main()
