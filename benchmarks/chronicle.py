"""Questions about the past of 10,000 machines over 90 days, and how long deriving it takes."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import estate

DAYS = 90
HOSTS = 200
MOVES = 12  # of a machine in that time
AIM = 0.200
ASKED = 60
NOW = datetime.now(UTC).replace(microsecond=0)


def main(machines: int) -> None:
    with estate.database():
        _fill(machines)
        _ask()
        _derive()


def _fill(machines: int) -> None:
    from django.db import connection

    from inventory.models import Stay

    if Stay.objects.exists():
        return
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        estate._sources(cursor)
        columns: tuple[str, ...] = (
            "id",
            "source_id",
            "kind",
            "uid",
            "ref",
            "name",
            "record",
            "digest",
        )
        columns += ("first_seen_at", "last_seen_at", "changed_at", "missed_runs")
        estate.copy(cursor, "inventory_asset", columns, _assets(machines))
        columns = ("asset_id", "record", "digest", "valid_from", "valid_to")
        estate.copy(cursor, "inventory_assetversion", columns, _versions(machines))
        columns = ("source_id", "key", "type", "created_at", "happened_at", "user_name", "message")
        columns += ("vm_id", "vm_ref", "vm_name", "host_ref", "host_name", "detail")
        estate.copy(cursor, "inventory_platformevent", columns, _events(machines))
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")


def _place(vm: int, number: int) -> int:
    """The host of a machine after so many moves."""
    return random.Random(vm * 1_000 + number).randrange(HOSTS)


def _moment(vm: int, number: int) -> datetime:
    """When its move of this number was; the first is where it began."""
    part = timedelta(days=DAYS) / MOVES
    return NOW - timedelta(days=DAYS) + number * part + timedelta(minutes=vm % 1_440)


def _record(vm: int, number: int) -> str:
    host = _place(vm, number)
    return (
        f'{{"kind":"vm","platform":"vsphere","uid":"u{vm}","ref":"vm-{vm}","name":"vm-{vm:05}",'
        f'"power_state":"on","host_ref":"host-{host}","datastore_refs":["datastore-{host % 20}"],'
        f'"network_refs":["network-{vm % 50}"],"nics":[{{"key":"4000","mac":"00:50:56:00:'
        f'{vm // 256:02x}:{vm % 256:02x}","network_ref":"network-{vm % 50}"}}]}}'
    )


def _assets(machines: int) -> Iterator[tuple[Any, ...]]:
    begin = NOW - timedelta(days=DAYS)
    for vm in range(machines):
        record = _record(vm, MOVES - 1)
        yield (
            vm + 1,
            1,
            "vm",
            f"u{vm}",
            f"vm-{vm}",
            f"vm-{vm:05}",
            record,
            "0" * 32,
            begin,
            NOW,
            NOW,
            0,
        )
    for host in range(HOSTS):
        said = f'{{"kind":"host","platform":"vsphere","uid":"h{host}","ref":"host-{host}",'
        said += f'"name":"esx-{host}"}}'
        number = machines + 1 + host
        yield (
            number,
            1,
            "host",
            f"h{host}",
            f"host-{host}",
            "esx",
            said,
            "0" * 32,
            begin,
            NOW,
            NOW,
            0,
        )


def _versions(machines: int) -> Iterator[tuple[Any, ...]]:
    for vm in range(machines):
        for number in range(MOVES):
            until = _moment(vm, number + 1) if number + 1 < MOVES else None
            yield vm + 1, _record(vm, number), "0" * 32, _moment(vm, number), until


def _events(machines: int) -> Iterator[tuple[Any, ...]]:
    for vm in range(machines):
        for number in range(1, MOVES):
            at = _moment(vm, number) - timedelta(minutes=7)
            key = vm * MOVES + number
            host = f"host-{_place(vm, number)}"
            yield (
                1,
                key,
                "VmMigratedEvent",
                at,
                at,
                "drs",
                "",
                vm + 1,
                f"vm-{vm}",
                "",
                host,
                "",
                "{}",
            )


def _derive() -> None:
    """What following everything costs, and following it again when nothing is new."""
    from django.db import transaction

    from inventory.chronicle import following
    from inventory.models import Asset, Source

    machines = list(Asset.objects.filter(kind="vm").values_list("pk", flat=True))
    source = Source.objects.get(pk=1)
    began = time.perf_counter()
    with transaction.atomic():
        changed = following.follow(source, machines)
    again = time.perf_counter() - began
    print(f"deriving {len(machines):,} machines again, {changed} changed: {again:.1f} s")
    few = random.Random(5).sample(machines, 100)
    began = time.perf_counter()
    with transaction.atomic():
        following.follow(source, few)
    print(f"deriving 100 of them: {1000 * (time.perf_counter() - began):.0f} ms")


def _ask() -> None:
    from django.contrib.auth import get_user_model

    from inventory.chronicle import following, questions, windows
    from inventory.models import Asset, Source, Stay

    source = Source.objects.get(pk=1)
    if not Stay.objects.exists():
        began = time.perf_counter()
        following.follow(source, ())
        taken = time.perf_counter() - began
        print(f"deriving {Stay.objects.count():,} stays for the first time: {taken:.1f} s")
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    user: Any = get_user_model()(scope="all")
    window = windows.Window(NOW - timedelta(days=DAYS), NOW)
    machines = list(Asset.objects.filter(kind="vm").select_related("source").defer("record"))
    lots = random.Random(3)
    taken_each = []
    for vm in lots.sample(machines, ASKED):
        began = time.perf_counter()
        found = questions.neighbours(vm, user, window=window, place="host", now=NOW)
        taken_each.append(time.perf_counter() - began)
        assert found.total
    taken_each.sort()
    p95 = taken_each[int(ASKED * 0.95)]
    verdict = "met" if p95 <= AIM else f"MISSED ({AIM * 1000:.0f} ms)"
    print(
        f"who shared a host in {DAYS} days: median {taken_each[ASKED // 2] * 1000:.0f} ms,"
        f" p95 {p95 * 1000:.0f} ms  {verdict}"
    )


if __name__ == "__main__":
    main(*([int(each) for each in sys.argv[1:]] or [10_000]))
