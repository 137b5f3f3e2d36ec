"""How many answers a second the checks give in processor time of one core, over a normal estate.

Run `python -m benchmarks.evaluate [machines]`.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from time import process_time

from inventory.records import (
    AnyRecord,
    Disk,
    Host,
    Kind,
    Nic,
    Platform,
    PowerState,
    Snapshot,
    VirtualMachine,
)
from policies.evaluate import as_shipped, evaluate_tallied
from policies.registry import all_checks
from policies.spec import Estate, Outcome

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LABELS = ("public", "internal", "confidential")


def machine(number: int) -> VirtualMachine:
    return VirtualMachine(
        platform=Platform.VSPHERE,
        uid=f"uuid-{number}",
        ref=f"vm-{number}",
        name=f"app-{number}",
        power_state=PowerState.ON,
        connection_state="connected",
        host_ref=f"host-{number // 25}",
        hardware_version=19,
        tools_version_status="guestToolsCurrent",
        secure_boot=True,
        encrypted=False,
        consolidation_needed=False,
        logging_enabled=True,
        extra_config={"isolation.tools.copy.disable": "TRUE", "svga.present": "TRUE"},
        nics=(Nic(key="4000", mac=f"00:50:56:{number:06x}", mac_type="assigned"),),
        disks=(Disk(key="2000", file=f"[gold] {number}.vmdk", mode="persistent"),),
        devices=(),
        snapshots=()
        if number % 20
        else (Snapshot(uid=f"s{number}", name="s", created_at=NOW - timedelta(days=9)),),
        classification=LABELS[number // 25 % 3],
        owner="" if number % 50 == 0 else "kari@halden.example",
        criticality="medium",
    )


def host(number: int) -> Host:
    return Host(
        platform=Platform.VSPHERE,
        uid=f"uuid-host-{number}",
        ref=f"host-{number}",
        name=f"esx-{number}",
        connection_state="connected",
    )


def run(machines: int = 40_000) -> dict[str, float]:
    """Evaluate once and return the figures, slowest check included."""
    records: list[AnyRecord] = [machine(number) for number in range(machines)]
    records += [host(number) for number in range(machines // 25)]
    estate = Estate(records)
    configured = [as_shipped(check) for check in all_checks()]

    started = process_time()
    result = evaluate_tallied(configured, estate, now=NOW)
    seconds = process_time() - started

    answers = sum(sum(counts.values()) for counts in result.tally.values())
    passes = sum(counts[Outcome.PASS] for counts in result.tally.values())
    checks = sum(1 for one in configured if one.check.kind is Kind.VM)
    return {
        "machines": machines,
        "checks_a_machine": checks,
        "answers": answers,
        "passes": passes,
        "seconds": seconds,
        "answers_a_second": answers / seconds,
    }


def slowest(machines: int = 10_000, limit: int = 5) -> list[tuple[str, float]]:
    """The checks that take longest, with their answers a second."""
    estate = Estate([machine(number) for number in range(machines)])
    speeds: list[tuple[str, float]] = []
    for check in all_checks():
        if check.kind is Kind.VM:
            started = process_time()
            evaluate_tallied([as_shipped(check)], estate, now=NOW)
            speeds.append((check.id, machines / (process_time() - started)))
    return sorted(speeds, key=lambda speed: speed[1])[:limit]


def main() -> None:
    figures = run(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000)
    print(
        f"{figures['answers']:,.0f} answers about {figures['machines']:,.0f} machines "
        f"({figures['checks_a_machine']:.0f} checks a machine) in {figures['seconds']:.2f} s: "
        f"{figures['answers_a_second']:,.0f} evaluations/s"
    )
    for check_id, speed in slowest():
        print(f"  {check_id}: {speed:,.0f}/s")


if __name__ == "__main__":
    main()
