"""Each snapshot on a snapshot slows the machine and can break the chain."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.spec import (
    Blank,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    max_depth: Annotated[int, Meta(ge=1, description="Snapshots on top of each other")] = 3


@check(
    id="vm-snapshot-chain",
    title="Snapshot chains are short",
    severity=Severity.LOW,
    statements=("IR-10",),
    params=Params,
    facts=("connection_state", "snapshots"),
    why="Every read walks the chain; one damaged link loses everything after it.",
    fix={
        Platform.VSPHERE: (
            "Delete the oldest snapshots first, in a quiet hour, with a backup at hand."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Make sure that a backup of «name» exists: a deleted snapshot is gone for good.",
                "«name» has «depth» snapshots on top of each other; the policy allows «max_depth».",
                "Select «name» > Snapshots > Manage Snapshots, and delete the oldest first, or "
                "Delete All in a quiet hour.",
            ),
            script="""
$vm = Get-VM -Server $server -Id $id
$oldest = Get-Snapshot -VM $vm -Server $server | Sort-Object Created |
    Select-Object -First ($depth - $max_depth)
foreach ($one in $oldest) {
    if (Confirm-Change "delete snapshot $($one.Name) of $($vm.Name), taken at $($one.Created)") {
        Remove-Snapshot -Snapshot $one
    }
}
""",
            verify="Manage Snapshots of «name» shows «max_depth» or fewer on top of each other.",
            needs="VirtualMachine.State.RemoveSnapshot on the machine.",
            effect=(
                "The machine keeps running; its disks are slow while a snapshot is merged, and it "
                "may stand still for seconds at the end of each."
            ),
            blanks={
                "depth": Blank("present depth", evidence="depth"),
                "max_depth": Blank("allowed depth", param="max_depth"),
            },
        ),
    },
)
def snapshot_chain(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    connected(vm)
    longest = max((one.depth + 1 for one in known(vm.snapshots, "snapshots")), default=0)
    if longest > params.max_depth:
        yield Violation(
            message=f"{vm.name} has {longest} snapshots on top of each other.",
            seen=str(longest),
            expected=f"at most {params.max_depth}",
            evidence={"depth": longest},
        )
