"""A disk that forgets at power-off also forgets what an intruder did."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.spec import (
    FactMissing,
    Platform,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


@check(
    id="vm-disks-persistent",
    title="Machines have no non-persistent disks",
    severity=Severity.MEDIUM,
    statements=("SEC-3",),
    facts=("connection_state", "disks"),
    controls=("VMCH-80-000208",),
    why=(
        "Everything written since power-on is gone at power-off: the traces of an intrusion, and "
        "every patch that was installed."
    ),
    fix={
        Platform.VSPHERE: (
            "Shut the machine down, **Edit Settings** > the hard disk > **Disk Mode** > "
            "“Dependent” or “Independent - Persistent”.\n\n"
            "PowerCLI: `Get-VM NAME | Get-HardDisk | Set-HardDisk -Persistence Persistent`"
        ),
    },
)
def disks_persistent(vm: VirtualMachine) -> Iterator[Violation]:
    connected(vm)
    doubts: list[str] = []
    for disk in known(vm.disks, "disks"):
        if disk.mode is None:
            doubts.append(f"disks: the mode of {disk.label or disk.key}")
        elif disk.mode in ("nonpersistent", "independent_nonpersistent"):
            yield Violation(
                key=disk.key,
                message=f"{disk.label or 'A disk'} of {vm.name} forgets its changes at power-off.",
                seen=disk.mode,
                expected="persistent",
                evidence={"file": disk.file, "mode": disk.mode},
            )
    if doubts:
        raise FactMissing(doubts[0])
