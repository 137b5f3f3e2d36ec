"""A machine's own log is where its moves and devices are found again."""

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
    id="vm-logging",
    title="Machines write their log",
    severity=Severity.LOW,
    statements=("IR-3",),
    facts=("connection_state", "logging_enabled"),
    controls=("VMCH-80-000207",),
    why="Without it nobody can tell later what was connected to the machine, or why it stopped.",
    fix={
        Platform.VSPHERE: (
            "Shut the machine down, **Edit Settings** > **VM Options** > **Advanced** > tick "
            "“Enable logging”."
        ),
    },
)
def logging(vm: VirtualMachine) -> Iterator[Violation]:
    connected(vm)
    if not known(vm.logging_enabled, "logging_enabled"):
        yield Violation(message=f"{vm.name} writes no log.", seen="off", expected="on")
