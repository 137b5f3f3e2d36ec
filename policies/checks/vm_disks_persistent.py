"""A disk that forgets at power-off also forgets what an intruder did."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.recipes import POWERED_OFF
from policies.spec import (
    Blank,
    Deviation,
    FactMissing,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    VirtualMachine,
    check,
    key_of,
    known,
)


def _label(found: Deviation) -> Value:
    disks = getattr(found.record, "disks", None) or ()
    return next((disk.label for disk in disks if disk.key == found.key), None)


def _mode(found: Deviation) -> Value:
    modes = {"nonpersistent": "Persistent", "independent_nonpersistent": "IndependentPersistent"}
    return modes.get(str(found.said("mode")))


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
            "Shut the machine down and make the disk persistent; what was written since power-on "
            "is lost."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Save what was written to the disk since «name» was started: it is lost when the "
                "machine goes off.",
                "Shut «name» down.",
                "Edit Settings > «label» (file «file») > Disk Mode > “Dependent”, or “Independent "
                "- Persistent” for a disk that snapshots leave out.",
                "Start «name».",
            ),
            script=POWERED_OFF
            + """
$disk = Get-HardDisk -VM $vm -Server $server | Where-Object { $_.ExtensionData.Key -eq $disk_key }
if (-not $disk) { throw "$($vm.Name) no longer has the disk" }
if (Confirm-Change "set $($disk.Name) of $($vm.Name) from $($disk.Persistence) to $mode") {
    Set-HardDisk -HardDisk $disk -Persistence $mode
}
""",
            verify="Edit Settings of «name» shows a persistent mode at «label».",
            needs="VirtualMachine.Config.EditDevice on the machine.",
            effect="The machine must be off; the disk returns to what it was at power-on.",
            blanks={
                "label": Blank("label of the disk", fact=_label),
                "file": Blank("file of the disk", evidence="file"),
                "disk_key": Blank("device key of the disk", fact=key_of),
                "mode": Blank("Persistent or IndependentPersistent", fact=_mode),
            },
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
