"""A small clinic's estate for tests of pages: one host with everything on it, and a past."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from accounts.models import Team, User
from findings.models import Finding
from inventory.models import Asset, AssetVersion, BlindSpot, Quarantine, Source, SyncRun
from inventory.records import AnyRecord, HostSwitch, PhysicalNic, digest, encode
from policies.loading import load_shipped
from policies.models import Verdict
from tests.factories import (
    AssetFactory,
    FindingFactory,
    SourceFactory,
    SyncRunFactory,
    TeamFactory,
    UserFactory,
    VerdictFactory,
)
from tests.policies.builders import (
    a_cluster,
    a_datastore,
    a_grant,
    a_host,
    a_network,
    a_nic,
    a_platform,
    a_port_group,
    a_principal,
    a_role,
    a_rule,
    a_snapshot,
    a_switch,
    a_vm,
    a_vmk,
    an_image,
)

HOSTILE = "<script>alert(1)</script>\u202egnp.exe\x07" + "x" * 300


@dataclass
class World:
    now: datetime
    source: Source
    finance: Team
    web: Team
    assets: dict[str, Asset]

    def __getitem__(self, name: str) -> Asset:
        return self.assets[name]


def build(*, now: datetime) -> World:
    """Everything a page can show at once."""
    load_shipped()
    finance, web = TeamFactory(name="Finance"), TeamFactory(name="Web")
    source = SourceFactory(
        name="vc-oslo",
        published_at=now - timedelta(minutes=3),
        complete_at=now - timedelta(minutes=3),
        evaluated_at=now - timedelta(minutes=3),
        attribute_mapping={"classification": "Data class", "owner": "Owner"},
        warnings=[
            "The account holds VirtualMachine.Interact.PowerOff, which reading does not need."
        ],
        product="VMware vCenter Server",
    )
    world = World(now, source, finance, web, {})
    for record, team in records(finance, web, now):
        world.assets[record.name] = publish(source, record, at=now - timedelta(days=20), team=team)
    _give_a_past(world)
    _judge(world)
    _runs(world)
    return world


def records(finance: Team, web: Team, now: datetime) -> list[tuple[AnyRecord, Team | None]]:
    shown = {"network_refs": ("network-app",), "datastore_refs": ("datastore-gold",)}
    return [
        (
            a_vm(
                "db-pay-02",
                classification="confidential",
                owner="ingrid@halden.example",
                guest_os="Red Hat Enterprise Linux 9 (64-bit)",
                cpu_count=8,
                memory_mib=32768,
                folder="/Oslo/vm/Finance",
                attributes={"Data class": "confidential", "Owner": "ingrid@halden.example"},
                snapshots=(a_snapshot(uid="s1", age_days=63), a_snapshot(uid="s2", depth=1)),
                **shown,
            ),
            finance,
        ),
        (a_vm("web-01", classification="public", owner="", **shown), web),
        (a_vm("web-02", classification="public", owner="nils@halden.example", **shown), web),
        (a_vm("lab-old", power_state="off", classification=None, owner=None, nics=None), None),
        (
            a_host(
                pnics=(
                    PhysicalNic(name="vmnic0", link_up=True, speed_mbps=10000),
                    PhysicalNic(name="vmnic1", link_up=True, speed_mbps=10000),
                    PhysicalNic(name="vmnic2", link_up=False),
                    PhysicalNic(name="vmnic3"),
                ),
                switches=(
                    HostSwitch(name="vSwitch0", pnics=("vmnic0",)),
                    HostSwitch(name="dvs-1", switch_uuid="uuid-dvs-1", pnics=("vmnic1", "vmnic2")),
                ),
                port_groups=(
                    a_port_group("Management Network", vlan_id=0, nics=("vmnic0",)),
                    a_port_group("Old servers", vlan_id=4095, nics=("vmnic0",)),
                ),
                vmkernel_nics=(a_vmk("vmk0"), a_vmk("vmk1", port_group="Gone", services=None)),
                product="VMware ESXi 8.0.3",
                vendor="Dell Inc.",
                model="PowerEdge R760",
                cpu_cores=64,
                memory_mib=1048576,
            ),
            None,
        ),
        (a_cluster(rules=(a_rule(vm_refs=("vm-web-01",), host_refs=("host-esx-01",)),)), None),
        (
            a_network(vm_refs=("vm-db-pay-02", "vm-web-01", "vm-web-02", "vm-of-nobody")),
            None,
        ),
        (
            a_network(
                "Old servers",
                type="standard",
                switch_ref=None,
                vlan_type=None,
                vlan_id=None,
                security=None,
                vm_refs=(),
            ),
            None,
        ),
        (a_switch(), None),
        (a_datastore(vm_refs=("vm-db-pay-02", "vm-web-01"), capacity_bytes=2**42), None),
        (an_image(), None),
        (a_role(101, "System.Read", "VirtualMachine.Interact.ConsoleInteract"), None),
        (a_grant(entity_path="/Oslo/vm", entity_name="vm", entity_ref="group-v3"), None),
        (a_principal(r"HALDEN\vm-operators", r"HALDEN\anna"), None),
        (a_principal(full_name="Anna Berg"), None),
        (a_platform(), None),
    ]


def publish(source: Source, record: AnyRecord, *, at: datetime, team: Team | None = None) -> Asset:
    """An asset with its first version."""
    asset: Asset = AssetFactory(
        source=source, record=record, team=team, first_seen_at=at, changed_at=at, last_seen_at=at
    )
    AssetVersion.objects.create(
        asset=asset, record=asset.record, digest=asset.digest, valid_from=at
    )
    return asset


def change(asset: Asset, *, at: datetime, **facts: Any) -> Asset:
    """The asset has had these facts since a moment: a new version, the old one closed."""
    from inventory.history import typed

    record = msgspec.structs.replace(typed(asset.record), **facts)
    encoded = encode(record)
    asset.versions.filter(valid_to__isnull=True).update(valid_to=at)
    asset.record, asset.digest = json.loads(encoded), digest(encoded)
    asset.name, asset.changed_at = record.name, at
    asset.save(update_fields=["record", "digest", "name", "changed_at"])
    AssetVersion.objects.create(
        asset=asset, record=asset.record, digest=asset.digest, valid_from=at
    )
    return asset


def _give_a_past(world: World) -> None:
    vm, now = world["db-pay-02"], world.now
    publish(world.source, a_host("esx-07"), at=now - timedelta(days=20))
    change(vm, at=now - timedelta(days=19), host_ref="host-esx-07", memory_mib=16384)
    change(vm, at=now - timedelta(days=12), nics=(a_nic(mac="00:50:56:aa:00:02"),))
    change(
        vm,
        at=now - timedelta(days=3),
        host_ref="host-esx-01",
        memory_mib=32768,
        nics=(a_nic(mac="00:50:56:aa:00:01"),),
    )


def _judge(world: World) -> None:
    vm, host = world["db-pay-02"], world["esx-01"]
    verdict = Verdict.OutcomeChoices
    VerdictFactory(
        asset=vm, check_id="vm-snapshot-age", outcome=verdict.FAIL, reason="63 days old."
    )
    VerdictFactory(asset=vm, check_id="vm-tools", outcome=verdict.UNKNOWN, reason="tools_running")
    VerdictFactory(
        asset=host, check_id="host-single-classification", outcome=verdict.FAIL, reason=""
    )
    VerdictFactory(
        asset=world["web-01"],
        check_id="vm-snapshot-age",
        outcome=verdict.UNKNOWN,
        reason="snapshots",
    )
    FindingFactory(
        asset=vm,
        check_id="vm-snapshot-age",
        severity="high",
        opened_at=world.now - timedelta(days=2),
        due_at=world.now + timedelta(days=1),
    )
    FindingFactory(
        asset=host,
        check_id="host-single-classification",
        severity="critical",
        message="esx-01 runs machines of 2 classifications side by side.",
    )
    Asset.objects.filter(pk=world["lab-old"].pk).update(evaluated_at=None)


def _runs(world: World) -> None:
    states = ["complete"] * 9 + ["partial", "failed", "complete", "complete"]
    for n, state in enumerate(states):
        at = world.now - timedelta(hours=len(states) - n)
        run = SyncRunFactory(
            source=world.source, state=state, requested_at=at, requested_by="schedule", slot_at=at
        )
    SyncRun.objects.filter(pk=run.pk).update(
        published_at=world.now - timedelta(minutes=3),
        completeness={
            "vm": {"expected": 4, "collected": 4, "complete": True},
            "host": {"expected": 2, "collected": 2, "complete": True},
        },
        counts={
            "vm": {"new": 0, "changed": 1, "unchanged": 3, "missing": 0, "retired": 0},
            "host": {"new": 0, "changed": 0, "unchanged": 2, "missing": 0, "retired": 0},
        },
        outcomes={"opened": 1, "resolved": 2},
    )
    BlindSpot.objects.create(
        source=world.source,
        run=run,
        kind="host",
        property="config.option",
        count=2,
        example="esx-07",
        explanation="The account lacks Host.Config.Settings.",
        first_seen_at=world.now - timedelta(days=4),
    )
    Quarantine.objects.create(
        source=world.source,
        run=run,
        kind="vm",
        ref="vm-77",
        name="broken-vm",
        reason="It has no instance UUID.",
        first_seen_at=world.now - timedelta(days=1),
    )


def person(*roles: str, teams: tuple[Team, ...] = ()) -> User:
    """Somebody with roles; with teams they see those alone, without the whole estate."""
    scope = User.Scope.TEAMS if teams else User.Scope.ALL
    made: User = UserFactory(roles=roles, teams=teams, scope=scope)
    return made


__all__ = ["HOSTILE", "Finding", "World", "build", "change", "person", "publish"]
