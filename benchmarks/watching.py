"""How long a change takes from the platform's answer to committed findings, while it is watched.

Run `python -m benchmarks.watching [machines] [simulated]`. First 100 of many machines change in an
estate that is only in the database: what publishing and judging them costs. Then some of a
simulated vCenter change while it is watched; the time it takes to notice is its own.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks import estate
from tests.peers.vcsim import Vcsim, start_vcsim

CHANGED = 100
SIMULATED = 3  # at once: the simulator looks at every object for each
ROUNDS = 7
AIM, AIM_ON_TOP = 1.0, 2.0
MACHINES_A_HOST = 40


def main(machines: int, simulated: int) -> None:
    with estate.database():
        _in_the_database(machines)
        _at_a_vcenter(simulated)


# --- publishing and judging -------------------------------------------------------------------


def _in_the_database(machines: int) -> None:
    from findings import pipeline
    from findings.models import Finding
    from inventory.models import Source, SyncRun
    from inventory.watching import lease
    from policies.rejudging import Facts
    from tests.inventory.fakes import FakeConnector

    source = Source.objects.create(name="many", platform="vsphere", url="https://127.0.0.1/sdk")
    records = list(_estate(machines))
    run = SyncRun.objects.create(source=source, requested_at=datetime.now(UTC))
    began = time.perf_counter()
    _work(run.pk, FakeConnector(*records))
    whole = time.perf_counter() - began
    run.refresh_from_db()
    print(
        f"{machines:,} machines published and judged as a whole: {whole:.1f} s, {run.state},"
        f" {Finding.objects.filter(state='open').count():,} open findings"
    )
    held = lease.claim()
    assert held is not None
    facts, lots = Facts(), random.Random(7)
    alike = [record for record in records if record.__class__.__name__ == "VirtualMachine"]
    taken = []
    for number in range(ROUNDS + 1):
        changed = [
            msgspec.structs.replace(
                record,
                annotation=f"round {number}",
                owner=lots.choice(("", "ada")),
                host_ref=lots.choice(alike).host_ref,
            )
            for record in lots.sample(alike, CHANGED)
        ]
        began = time.perf_counter()
        pipeline.govern_changes(
            held, changed, facts=facts, now=datetime.now(UTC), unchanged_until=None
        )
        taken.append(time.perf_counter() - began)
    first, *others = taken  # the first reads the estate into memory
    print(
        f"{CHANGED} of {machines:,} changed, to committed findings: median {median(others):.2f} s,"
        f" worst {max(others):.2f} s, {_verdict(median(others), AIM)}; the first {first:.1f} s"
    )
    Source.objects.filter(pk=source.pk).update(is_enabled=False)
    lease.end(held)


def _estate(machines: int) -> Iterator[Any]:
    """The demo's machines over and over, each on a host of its copy."""
    from inventory.connectors.bundle import BundleConnector
    from inventory.records import Host, VirtualMachine

    path = Path(__file__).resolve().parents[1] / "demo" / "halden.oslo.xz"
    found = [
        one for one in BundleConnector(path, now=datetime.now(UTC)).collect() if hasattr(one, "uid")
    ]
    hosts = [one for one in found if isinstance(one, Host)]
    patterns = [one for one in found if isinstance(one, VirtualMachine)]
    yield from (one for one in found if not isinstance(one, VirtualMachine | Host))
    for number in range(machines // MACHINES_A_HOST + 1):
        host = hosts[number % len(hosts)]
        yield msgspec.structs.replace(
            host, uid=f"h{number}", ref=f"host-{number}", name=f"esx-{number}"
        )
    for number in range(machines):
        pattern = patterns[number % len(patterns)]
        mac = f"00:50:56:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        yield msgspec.structs.replace(
            pattern,
            uid=f"u{number}",
            ref=f"vm-{number}",
            name=f"{pattern.name}-{number}",
            host_ref=f"host-{number // MACHINES_A_HOST}",
            nics=tuple(msgspec.structs.replace(nic, mac=mac) for nic in (pattern.nics or ())[:1]),
        )


def _work(run_id: int, connector: Any = None) -> None:
    from findings import pipeline
    from inventory import ledger
    from inventory.heartbeat import beating

    held = ledger.claim(run_id)
    assert held is not None
    with beating(held) as pulse:
        pipeline.see_through(held, pulse=pulse, now=datetime.now(UTC), connector=connector)


# --- a vCenter that is watched ----------------------------------------------------------------


class Timed:
    """A watch that says how long the platform had to be waited for."""

    def __init__(self, platform: Any) -> None:
        self._platform = platform
        self.waited = 0.0

    def wait(self, seconds: int) -> Any:
        began = time.perf_counter()
        try:
            return self._platform.wait(seconds)
        finally:
            self.waited += time.perf_counter() - began

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)


def _at_a_vcenter(simulated: int) -> None:
    from findings.watching import Following
    from inventory import ledger, sources
    from inventory.connecting import connect
    from inventory.watching import lease

    with start_vcsim(
        cluster=4, host=4, standalone_host=0, vm=simulated // 4, pg=2, seed="watch"
    ) as vcenter:
        source = sources.add(
            by=None,
            name="simulated",
            url=vcenter.url,
            username=vcenter.username,
            password=vcenter.password,
            trust="pin",
            trust_pem=Path(vcenter.cert_pem).read_text(),
            attribute_mapping={},
            interval_minutes=60,
            now=datetime.now(UTC),
        )
        held = lease.claim()
        assert held is not None
        watching = connect(source).watching()  # type: ignore[attr-defined]
        with watching as opened:
            platform = Timed(opened)
            following = Following(held, platform)
            while not following.is_live:
                following.step()
                for run_id in ledger.claimable():
                    _work(run_id)
            _change(vcenter, platform, following, source.pk)
        lease.end(held)


def _change(vcenter: Vcsim, platform: Timed, following: Any, source_id: int) -> None:
    from inventory.models import Asset

    taken = []
    for number in range(ROUNDS):
        first = number * SIMULATED
        names = [f"DC0_C{n % 4}_RP0_VM{n // 4}" for n in range(first, first + SIMULATED)]
        began, waited = time.perf_counter(), platform.waited
        note = f"round {number}"
        vcenter.apply(
            set=[
                {"type": "VirtualMachine", "match": {"exact": name}, "values": values}
                for name in names
                for values in [{"config.annotation": note}]
            ]
        )
        while (
            Asset.objects.filter(source_id=source_id, record__annotation=note).count() < SIMULATED
        ):
            following.step()
        own = platform.waited - waited
        taken.append((own, time.perf_counter() - began - own))
    own, on_top = median(one[0] for one in taken), median(one[1] for one in taken)
    print(
        f"{SIMULATED} machines of a watched vCenter changed: {on_top:.2f} s on top of its own"
        f" {own:.1f} s, {_verdict(on_top, AIM_ON_TOP)}"
    )


def _verdict(seconds: float, aim: float) -> str:
    return "met" if seconds <= aim else f"MISSED ({aim:.0f} s)"


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *(10_000, 1_000)[len(given) :])
