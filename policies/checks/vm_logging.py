"""A machine's own log is where its moves and devices are found again."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.recipes import POWERED_OFF
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
    id="vm-logging",
    title="Machines write their log",
    severity=Severity.LOW,
    statements=("IR-3",),
    facts=("connection_state", "logging_enabled"),
    controls=("VMCH-80-000207",),
    why="Without it nobody can tell later what was connected to the machine, or why it stopped.",
    fix={
        Platform.VSPHERE: (
            "Enable logging in the machine's options; it counts from the next time the machine is "
            "powered on."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Shut «name» down.",
                "Edit Settings > VM Options > Advanced > tick “Enable logging”.",
                "Start «name».",
            ),
            script=POWERED_OFF
            + """
$spec = New-Object VMware.Vim.VirtualMachineConfigSpec
$spec.Flags = New-Object VMware.Vim.VirtualMachineFlagInfo
$spec.Flags.EnableLogging = $true
if (Confirm-Change "enable the log of $($vm.Name)") {
    $vm.ExtensionData.ReconfigVM($spec)
}
""",
            verify="The folder of «name» has a vmware.log of today after it is started.",
            needs="VirtualMachine.Config.Settings on the machine.",
            effect="The machine must be off.",
        ),
    },
)
def logging(vm: VirtualMachine) -> Iterator[Violation]:
    connected(vm)
    if not known(vm.logging_enabled, "logging_enabled"):
        yield Violation(message=f"{vm.name} writes no log.", seen="off", expected="on")
