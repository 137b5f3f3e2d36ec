"""A vCenter that is watched: what changes there is a finding here without any collection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from findings.models import Finding, FindingEvent
from inventory import sources
from inventory.models import Asset, PlatformEvent, Source, Stay, SyncRun, Watch
from inventory.records import Kind
from policies import judging
from policies.models import Verdict
from tests.integration.live import add_source, collecting, eventually, is_live, watching
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
VM = "DC0_C0_RP0_VM0"


@pytest.fixture(scope="module")
def vcsim() -> Iterator[Vcsim]:
    with start_vcsim(cluster=1, host=3, standalone_host=0, vm=12, pg=2, seed="live") as running:
        yield running


@pytest.fixture
def source(vcsim: Vcsim) -> Iterator[Source]:
    """Live, with workers beside it."""
    added = add_source(vcsim, "vc-live")
    with collecting(), watching():
        eventually(lambda: is_live(added))
        yield added
    assert vcsim.sessions() == 0


def open_on(name: str) -> set[str]:
    return set(
        Finding.objects.filter(asset__name=name, state="open").values_list("check_id", flat=True)
    )


def test_changes_reach_the_findings_without_a_collection(vcsim: Vcsim, source: Source) -> None:
    runs = SyncRun.objects.collections().count()
    assert "vm-snapshot-chain" not in open_on(VM)
    vcsim.apply(ops=[{"op": "create_snapshot", "vm": VM, "name": f"deep {n}"} for n in range(5)])
    eventually(lambda: "vm-snapshot-chain" in open_on(VM))
    event = FindingEvent.objects.get(finding__asset__name=VM, finding__check_id="vm-snapshot-chain")
    assert event.run is not None
    assert event.run.is_increment

    vcsim.apply(ops=[{"op": "remove_snapshots", "vm": VM}])
    eventually(lambda: "vm-snapshot-chain" not in open_on(VM))
    vcsim.apply(
        ops=[
            {"op": "migrate", "vm": VM, "host": "DC0_C0_H2", "as": "CORP\\ola"},
            {"op": "clone_vm", "source": VM, "name": "born-live"},
            {"op": "host_options", "host": "DC0_C0_H0", "options": {"Syslog.global.logHost": ""}},
        ]
    )
    eventually(lambda: Asset.objects.filter(name="born-live", kind=Kind.VM).exists())
    stay = eventually(
        lambda: Stay.objects.filter(
            vm__name=VM, place_kind="host", place__name="DC0_C0_H2", basis="event"
        ).first()
    )
    assert PlatformEvent.objects.filter(
        vm__name=VM, type="VmMigratedEvent", happened_at=stay.valid_from
    ).exists()
    # What goes while the simulator has other changes to tell it tells nobody: let it be quiet.
    now = datetime.now(UTC)
    eventually(lambda: (Watch.objects.get(source=source).confirmed_at or now) > now)
    vcsim.apply(ops=[{"op": "destroy", "target": "born-live"}])
    gone = eventually(lambda: Asset.objects.filter(name="born-live", missing_since__isnull=False))
    assert gone.get().gone_at is None

    assert SyncRun.objects.collections().count() == runs
    assert_judged_as_a_whole(source)


def assert_judged_as_a_whole(source: Source) -> None:
    whole = judging.judge(Source.objects.get(pk=source.pk), now=datetime.now(UTC))
    assert whole is not None
    assert set(Verdict.objects.values_list("asset_id", "check_id", "outcome")) == {
        (whole.asset_of(one), one.check_id, one.outcome.value) for one in whole.result.evaluations
    }


def test_rights_are_read_again_when_an_event_tells_of_them(vcsim: Vcsim, source: Source) -> None:
    vcsim.apply(
        ops=[
            {
                "op": "create_role",
                "name": "Night",
                "privileges": ["VirtualMachine.Interact.PowerOff"],
            },
            {"op": "grant", "principal": "CORP\\kim", "role": "Night", "entity": VM},
            {"op": "post_event", "event": {"_typeName": "PermissionAddedEvent"}},
        ]
    )
    grant = eventually(
        lambda: Asset.objects.filter(kind=Kind.GRANT, name__contains="kim").first(), seconds=90
    )
    assert "grant-direct-user" in open_on(grant.name)

    vcsim.apply(
        ops=[
            {"op": "revoke", "principal": "CORP\\kim", "entity": VM},
            {"op": "post_event", "event": {"_typeName": "PermissionRemovedEvent"}},
        ]
    )
    eventually(
        lambda: Asset.objects.filter(pk=grant.pk, missing_since__isnull=False).exists(), seconds=90
    )


def test_tags_are_read_again_when_an_event_tells_of_them(vcsim: Vcsim, source: Source) -> None:
    runs = SyncRun.objects.collections().count()
    vcsim.apply(
        ops=[
            {"op": "tag", "target": VM, "category": "Classification", "name": "secret"},
            extended("com.vmware.cis.tagging.attach"),
        ]
    )
    eventually(lambda: Asset.objects.get(name=VM).classification == "secret", seconds=90)
    assert SyncRun.objects.collections().count() == runs
    assert_judged_as_a_whole(source)


def test_libraries_are_read_again_when_an_event_tells_of_them(vcsim: Vcsim, source: Source) -> None:
    runs = SyncRun.objects.collections().count()
    store = {"type": "Datastore", "name": "LocalDS_0"}
    vcsim.apply(
        ops=[
            {"op": "library", "name": "Gold", "datastore": store},
            {"op": "library_item", "library": "Gold", "name": "rhel9", "type": "ovf"},
            {"op": "library", "name": "Old", "datastore": store},
            {"op": "library_item", "library": "Old", "name": "nt4", "type": "ovf"},
            extended("com.vmware.cl.CreateLibraryItemEvent"),
        ]
    )
    eventually(lambda: Asset.objects.filter(kind=Kind.IMAGE, name="nt4").exists(), seconds=90)

    vcsim.apply(
        ops=[{"op": "remove_library", "name": "Old"}, extended("com.vmware.cl.DeleteLibraryEvent")]
    )
    missing = Asset.objects.filter(name="nt4", missing_since__isnull=False)
    eventually(missing.exists, seconds=90)
    assert Asset.objects.filter(name="rhel9", missing_since__isnull=True).exists()
    assert SyncRun.objects.collections().count() == runs
    assert_judged_as_a_whole(source)


def test_an_interface_that_refuses_meanwhile_makes_a_collection(
    vcsim: Vcsim, source: Source
) -> None:
    runs = SyncRun.objects.collections().count()
    vcsim.apply(
        ops=[{"op": "rest", "status": 403}, extended("com.vmware.cis.tagging.detach")],
    )
    eventually(lambda: SyncRun.objects.collections().count() > runs, seconds=90)
    eventually(lambda: source.blind_spots.filter(property="tags").exists())
    since = datetime.now(UTC)
    eventually(lambda: is_live(source, since=since))
    vcsim.apply(ops=[{"op": "rest", "status": 0}])


def extended(type_: str) -> dict[str, Any]:
    """An event of an extension; the simulator wants it to name an object of its own."""
    about = {"eventTypeId": type_, "objectType": "Folder", "objectId": "group-d1"}
    return {"op": "post_event", "event": {"_typeName": "EventEx", **about}}


def test_a_renamed_folder_makes_a_collection(vcsim: Vcsim, source: Source) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_folder", "name": "before", "parent": {"path": "/DC0/vm"}},
            {"op": "create_vm", "name": "inside", "folder": "before", "on": True},
        ]
    )
    eventually(lambda: Asset.objects.filter(name="inside").exists())
    runs = SyncRun.objects.collections().count()
    vcsim.apply(
        ops=[{"op": "rename", "target": {"type": "Folder", "exact": "before"}, "name": "after"}]
    )
    eventually(lambda: Asset.objects.filter(name="inside", record__folder="/DC0/vm/after").exists())
    assert SyncRun.objects.collections().count() > runs
    eventually(lambda: is_live(source))
    vcsim.apply(ops=[{"op": "destroy", "target": "inside"}])


def test_a_lost_session_is_followed_by_another(vcsim: Vcsim, source: Source) -> None:
    vcsim.apply(ops=[{"op": "expire_sessions"}])
    since = datetime.now(UTC)
    vcsim.apply(ops=[{"op": "power_off", "vm": VM}])

    eventually(lambda: is_live(source, since=since))
    eventually(lambda: Asset.objects.get(name=VM).power_state == "off")
    vcsim.apply(ops=[{"op": "power_on", "vm": VM}])


def test_what_is_told_waits_for_a_collection_that_reads(vcsim: Vcsim, source: Source) -> None:
    """Its facts are older, and would be published over what was told."""
    now = datetime.now(UTC)
    reading = SyncRun.objects.create(
        source=source,
        state=SyncRun.State.RUNNING,
        requested_at=now,
        started_at=now,
        lease_expires_at=now + timedelta(hours=1),
    )
    vcsim.apply(ops=[{"op": "power_off", "vm": VM}])
    time.sleep(5)
    assert Asset.objects.get(name=VM).power_state == "on"

    SyncRun.objects.filter(pk=reading.pk).update(state=SyncRun.State.FAILED)
    eventually(lambda: Asset.objects.get(name=VM).power_state == "off")
    vcsim.apply(ops=[{"op": "power_on", "vm": VM}])


def test_a_source_that_is_switched_off_is_left_alone(
    vcsim: Vcsim, source: Source, settings: LazySettings
) -> None:
    sources.disable(source_id=source.pk, by=None, now=datetime.now(UTC))

    eventually(lambda: Watch.objects.get(source=source).state == Watch.State.WAITING)
    eventually(lambda: vcsim.sessions() == 0)


def test_a_vcenter_that_refuses_says_why_on_the_watch(vcsim: Vcsim) -> None:
    added = add_source(vcsim, "vc-live")
    vcsim.faults([{"method": "CreatePropertyCollector", "fault": "NoPermission"}])
    with watching():
        watch = eventually(lambda: Watch.objects.filter(source=added, failures__gte=2).first())
    vcsim.faults([])

    assert "NoPermission" in watch.problem
    assert vcsim.sessions() == 0
