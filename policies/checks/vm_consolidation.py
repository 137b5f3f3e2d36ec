"""Leftover snapshot disks grow without being shown as snapshots."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.spec import (
    Platform,
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
            "Select the machine > **Snapshots** > **Consolidate**.\n\n"
            "PowerCLI: `(Get-VM NAME).ExtensionData.ConsolidateVMDisks()`"
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
