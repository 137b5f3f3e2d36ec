"""What one source costs a worker and its database: collected for the first time, and once more.

Run `python -m benchmarks.runs [machines …]`. Every collection is a process of its own, as in a
worker, and sees its run through to the findings. With several numbers of machines each is measured
and compared with the first: time may grow no faster than the estate. 40,000 take half an hour,
nearly all of it the simulator's.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks import estate
from benchmarks.collect import simulated, verdict
from tests.peers.vcsim import Vcsim

AIM_MIB = 600
AIM_AGAIN = 0.3  # of the first time, in the database
AIM_GROWTH = 1.1  # of the time a machine, however many there are


def main(counts: list[int]) -> None:
    a_machine: dict[int, float] = {}
    for count in counts:
        with estate.database(), simulated(count) as vcenter:
            source = _added(vcenter)
            first, again = _in_a_process(source), _in_a_process(source)
        _report(count, first, again)
        a_machine[count] = first["worker_cpu"] / first["machines"]
        growth = a_machine[count] / a_machine[counts[0]]
        if count != counts[0]:
            print(
                f"  a machine against {counts[0]:,}: {growth:.2f} x the worker's processor time  "
                f"{verdict(f'{AIM_GROWTH} x', is_met=growth <= AIM_GROWTH)}"
            )


def _report(count: int, first: dict[str, Any], again: dict[str, Any]) -> None:
    assert first["state"] == again["state"] == "complete", (first, again)
    print(
        f"{first['machines']:,} machines, {first['versions']:,} versions, {first['events']:,} "
        f"events for the first time: collected and staged in {first['stage']:.1f} s, published in "
        f"{first['publish']:.1f} s, judged in {first['judge']:.1f} s"
    )
    peak = max(first["peak_mib"], again["peak_mib"])
    share = again["database_cpu"] / first["database_cpu"]
    print(
        f"  peak of the worker's memory: {peak:.0f} MiB  "
        f"{verdict(f'{AIM_MIB} MiB', is_met=peak <= AIM_MIB)}"
    )
    print(
        f"  once more, nothing changed: {again['versions']} versions  "
        f"{verdict('none', is_met=again['versions'] == 0)}; published in {again['publish']:.1f} s; "
        f"{share:.2f} x the processor time of the first in the database "
        f"({again['database_cpu']:.1f} s against {first['database_cpu']:.1f} s)  "
        f"{verdict(f'{AIM_AGAIN} x', is_met=share <= AIM_AGAIN)}",
        flush=True,
    )


def _added(vcenter: Vcsim) -> int:
    from inventory import sources

    source = sources.add(
        by=None,
        name="vc-bench",
        url=vcenter.url,
        username=vcenter.username,
        password=vcenter.password,
        trust="pin",
        trust_pem=vcenter.cert_pem.read_text(),
        attribute_mapping={},
        interval_minutes=60,
        now=datetime.now(UTC),
    )
    return source.pk


def _in_a_process(source: int) -> dict[str, Any]:
    """Collect in a process of its own, whose memory nobody else has used."""
    command = [sys.executable, "-m", "benchmarks.runs", "--source", str(source)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer


def _collect(source: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.db import connection

    from findings import pipeline
    from inventory import ledger, publishing, sessions, staging
    from inventory.connecting import connect
    from inventory.heartbeat import beating
    from inventory.models import AssetVersion, PlatformEvent, Source, SyncRun

    of = Source.objects.get(pk=source)
    now = datetime.now(UTC)
    events = PlatformEvent.objects.count()
    asked = ledger.request_run(source=of, by=None, now=now, wake_worker=False)
    held = ledger.claim(asked.pk)
    assert held is not None
    server = _server(connection)
    at = [perf_counter()]
    with beating(held) as pulse:
        with sessions.remembering(held) as sink:
            staging.stage(held, connect(of, session_sink=sink), pulse=pulse, now=now)
        at.append(perf_counter())
        publishing.publish(held, now=SyncRun.objects.get(pk=held.run_id).collected_at or now)
        at.append(perf_counter())
        spent, worker = _processor_seconds(server), process_time()
        pipeline.see_through(held, pulse=pulse, now=now)
        at.append(perf_counter())
    run = SyncRun.objects.get(pk=held.run_id)
    return {
        "state": run.state,
        "machines": run.counts["vm"]["seen"],
        "versions": AssetVersion.objects.filter(run=run).count(),
        "events": PlatformEvent.objects.count() - events,
        "stage": at[1] - at[0],
        "publish": at[2] - at[1],
        "judge": at[3] - at[2],
        "database_cpu": spent,
        "worker_cpu": worker,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _server(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return int(pid)


def _processor_seconds(pid: int) -> float:
    """What the database's process for our connection has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / 100


if __name__ == "__main__":
    if sys.argv[1:2] == ["--source"]:
        print(json.dumps(_collect(int(sys.argv[2]))))
    else:
        main([int(each) for each in sys.argv[1:]] or [10_000])
