"""An address must name one machine, or no log can."""

from collections.abc import Iterator

from policies.facts import counted
from policies.recipes import NEW_ADDRESS, POWERED_OFF
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
    id="vm-duplicate-mac",
    title="No two network adapters have the same MAC address",
    severity=Severity.HIGH,
    statements=("IR-8",),
    facts=("nics",),
    reads=("vm.nics", "image.nics"),
    why=(
        "Two machines with one address lose each other's packets, and an investigator cannot say "
        "which of them a log line is about. It happens after restores and copies."
    ),
    fix={
        Platform.VSPHERE: (
            "Decide which machine keeps the address, and give the adapter of the other a new one "
            "while it is off."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Decide whether «name» keeps the address «mac». A restored copy usually gives it "
                "up; so does a machine that is bound to nothing by it.",
                "«name» gives it up: shut it down, Edit Settings > Network adapter > MAC Address > "
                "“Automatic”; when it was automatic already, remove the adapter and add a new one.",
                "Start it, and mend what knew the old address: reservations, licences, firewalls.",
                "«name» keeps it: this finding closes when the other machine has given it up.",
            ),
            script=POWERED_OFF
            + """
$card = Get-NetworkAdapter -VM $vm -Server $server | Where-Object MacAddress -eq $mac
"""
            + NEW_ADDRESS,
            verify="Edit Settings of «name» shows another address than «mac».",
            needs="VirtualMachine.Config.EditDevice on the machine.",
            effect="The machine must be off, and comes back with another address on its network.",
            blanks={"mac": Blank("MAC address", evidence="mac")},
        ),
    },
)
def duplicate_mac(vm: VirtualMachine, estate: Estate) -> Iterator[Violation]:
    doubts: list[str] = []
    for nic in known(vm.nics, "nics"):
        if nic.mac is None:
            doubts.append(f"nics: the MAC address of {nic.label or nic.key}")
            continue
        # A machine whose adapters could not be read is unknown itself; it does not blind the rest.
        # A template counts: it keeps its address, and has it again when it is made a machine.
        others = [
            (other.name, key)
            for other, key in estate.machines_by_mac.get(nic.mac, ())
            if other.uid != vm.uid or key != nic.key
        ]
        if others:
            elsewhere = counted(len(others), "other adapter")
            yield Violation(
                key=nic.mac,
                message=f"{vm.name} shares the MAC address {nic.mac} with {elsewhere}.",
                seen=f"{nic.mac} also on {elsewhere}",
                expected="an address of its own",
                evidence={"mac": nic.mac, OTHERS: sorted({name for name, _ in others})},
            )
    if doubts:
        raise FactMissing(doubts[0])
    estate.listed(Kind.VM)  # templates are listed with the machines
