"""Who administered a machine, among 10,000 over 30 days that move, by grants that change."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from benchmarks import estate

DAYS = 30
MOVES = 6  # of a machine in that time
FOLDERS, POOLS, HOSTS, STORES = 120, 24, 200, 40
USERS, GROUPS, GRANTS = 60, 12, 60
ASKED = 5
AIM = 2.0  # seconds of the processor for a page
NOW = datetime.now(UTC).replace(microsecond=0)
BEGIN = NOW - timedelta(days=DAYS + 1)
SAID = '"platform":"vsphere"'
ROLES = {
    -1: None,  # the platform's own, with every privilege
    201: ["VirtualMachine.Interact.ConsoleInteract", "VirtualMachine.Interact.PowerOn"],
    202: ["System.Read", "System.View"],
    203: ["Datastore.Browse", "Datastore.FileManagement"],
    204: ["Authorization.ModifyPermissions"],
    205: ["VirtualMachine.Inventory.Create", "VirtualMachine.Config.Settings"],
}


def main(machines: int) -> None:
    with estate.database():
        _fill(machines)
        _ask()


def _fill(machines: int) -> None:
    from django.db import connection

    from inventory.models import Asset

    if Asset.objects.exists():
        return
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        estate._sources(cursor)
        _runs()
        named = ("id", "source_id", "kind", "uid", "ref", "name", "record", "digest")
        assets = (*named, "first_seen_at", "last_seen_at", "changed_at", "missed_runs")
        versions = ("asset_id", "record", "digest", "valid_from", "valid_to")
        things = [*_machines(machines), *_places(), *_rights()]
        rows = [
            (number, 1, kind, f"{kind}-{ref}", ref, ref, told[-1][0], "0" * 32)
            for number, (kind, ref, told) in enumerate(things, 1)
        ]
        estate.copy(cursor, "inventory_asset", assets, ((*row, BEGIN, NOW, NOW, 0) for row in rows))
        estate.copy(cursor, "inventory_assetversion", versions, _versions(things))
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")


_Told = list[tuple[str, datetime]]  # records, each from when on
_Thing = tuple[str, str, _Told]  # kind, reference, what was told of it


def _versions(things: list[_Thing]) -> Iterator[tuple[Any, ...]]:
    for number, (_, _, told) in enumerate(things, 1):
        ends: list[datetime | None] = [*(since for _, since in told[1:]), None]
        for (record, since), until in zip(told, ends, strict=True):
            yield number, record, "0" * 32, since, until


def _runs() -> None:
    """An hourly collection that told of everything."""
    from inventory.models import SyncRun

    whole = {kind: {"complete": True} for kind in ("vm", "role", "grant", "principal")}
    moments = (BEGIN + timedelta(hours=n) for n in range((DAYS + 1) * 24 + 1))
    SyncRun.objects.bulk_create(
        SyncRun(source_id=1, state="complete", requested_at=at, published_at=at, completeness=whole)
        for at in moments
    )


def _told(lots: random.Random, changes: int, record: Callable[[int], str]) -> _Told:
    """A record that changes so often, at hours that a collection found."""
    hours = sorted(lots.sample(range(1, DAYS * 24), changes))
    moments = [BEGIN, *(BEGIN + timedelta(hours=hour) for hour in hours)]
    return [(record(number), at) for number, at in enumerate(moments)]


def _machines(count: int) -> Iterator[_Thing]:
    settings = ",".join(f'"guestinfo.setting.{n}":"value of setting {n}"' for n in range(40))
    for vm in range(count):
        lots = random.Random(vm)
        folder, pool, store = vm % FOLDERS, lots.randrange(POOLS), lots.randrange(STORES)

        def record(number: int, vm: int = vm, at: tuple[int, ...] = (folder, pool, store)) -> str:
            host = random.Random(vm * 100 + number).randrange(HOSTS)
            folder, pool, store = at
            return (
                f'{{"kind":"vm",{SAID},"uid":"vm-{vm}","ref":"vm-{vm}","name":"vm-{vm:05}",'
                f'"host_ref":"host-{host}","resource_pool_ref":"pool-{pool}",'
                f'"ancestors":["folder-{folder}","area-{folder % 12}","vm","dc","root"],'
                f'"pool_ancestors":["pool-{pool}","cluster-{host % 8}","hosts","dc","root"],'
                f'"datastore_refs":["store-{store}"],"extra_config":{{{settings}}}}}'
            )

        yield "vm", f"vm-{vm}", _told(lots, MOVES, record)


def _places() -> Iterator[_Thing]:
    for store in range(STORES):
        said = (
            f'{{"kind":"datastore",{SAID},"uid":"store-{store}","ref":"store-{store}",'
            f'"name":"store-{store}","ancestors":["stores-{store % 4}","dc","root"]}}'
        )
        yield "datastore", f"store-{store}", [(said, BEGIN)]


def _rights() -> Iterator[_Thing]:
    for number, held in ROLES.items():
        said = {"kind": "role", "platform": "vsphere", "uid": str(number), "ref": str(number)}
        record = json.dumps({**said, "name": f"role {number}", "privileges": held})
        yield "role", str(number), [(record, BEGIN)]
    for group in range(GROUPS):
        yield "principal", f"group-{group}", _told(random.Random(group), 4, partial(_group, group))
    lots = random.Random(11)
    for grant in range(GRANTS):
        yield "grant", f"grant-{grant}", _told(lots, 3, partial(_grant, grant))


def _group(group: int, number: int) -> str:
    lots = random.Random(group * 100 + number)
    members = [{"name": user(n), "is_group": False} for n in sorted(lots.sample(range(USERS), 8))]
    name = f"HALDEN\\group-{group}"
    said = {"kind": "principal", "platform": "vsphere", "uid": name, "ref": name, "name": name}
    return json.dumps({**said, "is_group": True, "members": None if group % 8 == 7 else members})


def _grant(grant: int, number: int) -> str:
    """Two at the root, some on areas and clusters, most on folders and pools, some on machines."""
    lots = random.Random(grant)
    places = ["folder"] * 6 + ["area", "area", "pool", "stores", "cluster", "vm"]
    most = {"folder": FOLDERS, "area": 12, "pool": POOLS, "stores": 4, "cluster": 8, "vm": 500}
    kind = lots.choice(places)
    entity = "root" if grant < 2 else f"{kind}-{lots.randrange(most[kind])}"
    is_group = grant % 2 == 0
    name = f"HALDEN\\group-{grant % GROUPS}" if is_group else user(lots.randrange(USERS))
    said = {"kind": "grant", "platform": "vsphere", "uid": f"g{grant}", "ref": f"g{grant}"}
    role = random.Random(grant * 100 + number).choice([*ROLES][: 2 if grant < 2 else 6])
    told = {"principal": name, "is_group": is_group, "role_id": role, "propagate": True}
    at = {"entity_ref": entity, "at_root": entity == "root"}
    return json.dumps({**said, "name": f"grant {grant}", **told, **at})


def user(number: int) -> str:
    return f"HALDEN\\user-{number}"


def _ask() -> None:
    from django.contrib.auth import get_user_model

    from inventory.chronicle.administrators import careers_of
    from inventory.chronicle.windows import Window
    from inventory.models import Asset

    person: Any = get_user_model()(scope="all")
    window = Window(NOW - timedelta(days=DAYS), NOW)
    machines = list(Asset.objects.filter(kind="vm").select_related("source").defer("record"))
    pages, lists = [], []
    for vm in random.Random(3).sample(machines, ASKED):
        began = time.process_time()
        found = careers_of(vm, person, window=window, now=NOW)
        assert found is not None
        rows = found.page()
        pages.append(time.process_time() - began)
        began = time.process_time()
        assert found.shared(max(rows, key=lambda one: one.machines or 0).uid)
        lists.append(time.process_time() - began)
    for what, taken, aim in (("a page", pages, AIM), ("all that one of them had", lists, AIM)):
        met = "met" if max(taken) <= aim else f"MISSED ({aim * 1000:.0f} ms)"
        print(
            f"who administered a machine in {DAYS} days, {what}: median"
            f" {statistics.median(taken) * 1000:.0f} ms of the processor,"
            f" slowest {max(taken) * 1000:.0f} ms  {met}"
        )


if __name__ == "__main__":
    main(*([int(each) for each in sys.argv[1:]] or [10_000]))
