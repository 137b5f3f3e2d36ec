"""Each snapshot on a snapshot slows the machine and can break the chain."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
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
            "Select the machine > **Snapshots** > **Manage Snapshots** and delete the oldest "
            "first, or **Delete All** in a quiet hour."
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
