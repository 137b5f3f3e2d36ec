"""A disk in two machines carries data from one to the other."""

from collections.abc import Iterator

from policies.facts import (
    connected,
    counted,
)
from policies.spec import (
    OTHERS,
    Blank,
    Estate,
    FactMissing,
    Kind,
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


@check(
    id="vm-disk-single-classification",
    title="Machines that share a disk have the same classification",
    severity=Severity.HIGH,
    statements=("SEC-5",),
    facts=("connection_state", "disks", "classification"),
    reads=("vm.disks", "vm.classification"),
    why=(
        "What one machine writes the other reads, past every network control. Between "
        "classifications that is a mixture of data on one machine."
    ),
    fix={
        Platform.VSPHERE: (
            "Decide which machine the disk belongs to, and take it out of the other without "
            "deleting the file."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "«name» shares the disk «file» with a machine of another classification. Decide "
                "which machine it belongs to; ask somebody who sees the whole estate for the "
                "other.",
                "When data has to pass between them, use a service that both reach and that is "
                "logged.",
                "Shut the other machine down, Edit Settings > the disk > Remove device, and leave "
                "“Delete files from datastore” unticked.",
            ),
            because=(
                "which machine keeps the disk is a decision, and a disk that is removed from the "
                "wrong one, or deleted with it, is lost."
            ),
            verify="Edit Settings of one machine only lists «file».",
            needs="VirtualMachine.Config.RemoveDisk on the machine that gives the disk up.",
            effect="The machine that gives the disk up has to be shut down, and loses its data.",
            blanks={"file": Blank("file of the disk", evidence="file")},
        ),
    },
)
def disk_single_classification(vm: VirtualMachine, estate: Estate) -> Iterator[Violation]:
    connected(vm)
    doubts: list[str] = []
    own = known(vm.classification, "classification").casefold()
    for disk in known(vm.disks, "disks"):
        if disk.file is None:
            doubts.append(f"disks: the file of {disk.label or disk.key}")
            continue
        others = [one for one in estate.derived(_by_file)[disk.file] if one.uid != vm.uid]
        foreign = [
            one
            for one in others
            if own and one.classification and one.classification.casefold() != own
        ]
        if foreign:
            names = [f"{one.name} ({one.classification})" for one in foreign]
            those = f"{counted(len(names), 'machine')} of another classification"
            yield Violation(
                key=disk.file,
                message=f"{vm.name} ({vm.classification}) shares a disk with {those}.",
                seen=f"{disk.file} shared with {those}",
                expected="machines of one classification",
                evidence={"file": disk.file, OTHERS: sorted(names)},
            )
        elif others and not (own and all(one.classification for one in others)):
            doubts.append(f"the classification of every machine that uses {disk.file}")
    if doubts:
        raise FactMissing(doubts[0])
    estate.listed(Kind.VM)


def _by_file(estate: Estate) -> dict[str, list[VirtualMachine]]:
    users: dict[str, list[VirtualMachine]] = {}
    for vm in estate.of(VirtualMachine):
        for file in {disk.file for disk in vm.disks or () if disk.file}:
            users.setdefault(file, []).append(vm)
    return users
