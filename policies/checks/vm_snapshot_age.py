"""A snapshot must not outlive the change that it was taken for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from policies.facts import connected
from policies.spec import (
    Parameters,
    Platform,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    max_age_days: Annotated[int, Meta(ge=0, description="Days a snapshot may be kept")] = 3


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
            "Make sure a backup exists. Then select the machine > **Snapshots** > **Manage "
            "Snapshots**, select the snapshot > **Delete**; if the machine then shows "
            "“consolidation needed”, **Snapshots** > **Consolidate**.\n\n"
            "PowerCLI: `Get-VM NAME | Get-Snapshot | Where-Object Created -lt "
            "(Get-Date).AddDays(-3) | Remove-Snapshot`"
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
