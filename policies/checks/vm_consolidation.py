"""Leftover snapshot disks grow without being shown as snapshots."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.spec import (
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


@check(
    id="vm-consolidation",
    title="Machines need no disk consolidation",
    severity=Severity.MEDIUM,
    statements=("IR-10",),
    facts=("connection_state", "consolidation_needed"),
    why=(
        "The machine still writes to disks of a snapshot that is gone. They fill the datastore, "
        "and backups of the machine may fail."
    ),
    fix={
        Platform.VSPHERE: (
            "Consolidate the disks of the machine in a quiet hour, with room on the datastore."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Make sure that no backup of «name» runs: it may hold the disks open.",
                "Make sure that the datastore has room for the largest disk.",
                "Select «name» > Snapshots > Consolidate.",
            ),
            script="""
$vm = Get-VM -Server $server -Id $id
if (-not $vm.ExtensionData.Runtime.ConsolidationNeeded) { throw "$($vm.Name) needs none" }
if (Confirm-Change "consolidate the disks of $($vm.Name)") {
    $vm.ExtensionData.ConsolidateVMDisks()
}
""",
            verify="Monitor > Issues of «name» no longer says that consolidation is needed.",
            needs="VirtualMachine.State.RemoveSnapshot on the machine.",
            effect=(
                "The machine keeps running; its disks are slow meanwhile, and it may stand still "
                "for seconds at the end."
            ),
        ),
    },
)
def consolidation(vm: VirtualMachine) -> Iterator[Violation]:
    connected(vm)
    if known(vm.consolidation_needed, "consolidation_needed"):
        yield Violation(
            message=f"{vm.name} still writes to disks of a deleted snapshot.",
            seen="consolidation needed",
            expected="consolidated",
        )
