"""A snapshot must not outlive the change that it was taken for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from policies.facts import connected
from policies.remedy import powercli_id
from policies.spec import (
    Blank,
    Deviation,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    max_age_days: Annotated[int, Meta(ge=0, description="Days a snapshot may be kept")] = 3


def _snapshot_id(found: Deviation) -> Value:
    return powercli_id("VirtualMachineSnapshot", found.key)


@check(
    id="vm-snapshot-age",
    title="Snapshots are removed within the allowed age",
    severity=Severity.MEDIUM,
    statements=("IR-10",),
    params=Params,
    facts=("connection_state", "snapshots"),
    why=(
        "A snapshot is a way back for hours, not a backup. An old one grows until the datastore is "
        "full, slows the machine, and brings back an unpatched state when somebody reverts to it."
    ),
    fix={
        Platform.VSPHERE: (
            "Make sure a backup exists, then delete the snapshot and consolidate the disks if the "
            "machine asks for it."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Make sure that a backup of «name» exists: a deleted snapshot is gone for good.",
                "Select «name» > Snapshots > Manage Snapshots.",
                "Select the snapshot “«snapshot»” of «created_at» > Delete.",
                "If «name» then shows “consolidation needed”: Snapshots > Consolidate.",
            ),
            script="""
$vm = Get-VM -Server $server -Id $id
$old = Get-Snapshot -VM $vm -Server $server | Where-Object Id -eq $snapshot_id
if (-not $old) { throw "$($vm.Name) no longer has the snapshot" }
if (Confirm-Change "delete snapshot $($old.Name) of $($vm.Name), taken at $($old.Created)") {
    Remove-Snapshot -Snapshot $old
}
""",
            verify="The snapshot is missing under Snapshots > Manage Snapshots of «name».",
            needs="VirtualMachine.State.RemoveSnapshot on the machine.",
            effect=(
                "The machine keeps running; its disks are slow while the snapshot is merged, and "
                "it may stand still for seconds at the end."
            ),
            blanks={
                "snapshot": Blank("name of the snapshot", evidence="snapshot"),
                "created_at": Blank("time of the snapshot", moment="created_at"),
                "snapshot_id": Blank("managed object id of the snapshot", fact=_snapshot_id),
            },
        ),
    },
)
def snapshot_age(vm: VirtualMachine, params: Params, now: datetime) -> Iterator[Violation]:
    connected(vm)
    limit = now - timedelta(days=params.max_age_days)
    for snapshot in known(vm.snapshots, "snapshots"):
        if snapshot.created_at < limit:
            age = (now - snapshot.created_at).days
            yield Violation(
                key=snapshot.uid,
                message=f"Snapshot “{snapshot.name}” of {vm.name} is {age} days old.",
                seen=f"{age} days old",
                expected=f"at most {params.max_age_days} days",
                evidence={
                    "snapshot": snapshot.name,
                    "created_at": snapshot.created_at.isoformat(),
                    "max_age_days": params.max_age_days,
                },
            )
