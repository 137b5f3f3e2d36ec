"""The address that manages a host must serve no other traffic."""

from collections.abc import Iterator

from policies.facts import (
    connected,
    listed,
)
from policies.spec import (
    Blank,
    Deviation,
    Host,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    check,
)
from policies.wiring import (
    management_vmks,
)


def _other_services(found: Deviation) -> Value:
    services = found.evidence.get("services")
    if not isinstance(services, list | tuple):
        return None
    return ", ".join(sorted(str(one) for one in services if one != "management")) or None


@check(
    id="host-management-vmkernel-dedicated",
    title="The management VMkernel NIC serves management only",
    severity=Severity.MEDIUM,
    statements=("PHY-3",),
    facts=("connection_state", "vmkernel_nics"),
    controls=("ESXI-80-000198", "ESXI-80-000160", "ESXI-80-000199"),
    why=(
        "Memory in motion, storage and replication traffic cross the wire in bulk and often "
        "unencrypted. On the management address they widen who can listen and what can be reached."
    ),
    fix={
        Platform.VSPHERE: (
            "Give each service a VMkernel adapter and a VLAN of its own, then untick it on the "
            "management adapter."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "For each of «services», make an adapter of its own on its own VLAN: «name» > "
                "Configure > VMkernel adapters > Add Networking.",
                "Do the same on every host of the cluster before the next step, or machines cannot "
                "be moved any more.",
                "Edit «device» and untick every service but “Management”.",
            ),
            script="""
$esx = Get-VMHost -Server $server -Id $id
$adapters = Get-View -Server $server -Id $esx.ExtensionData.ConfigManager.VirtualNicManager
foreach ($service in ($services -split ', ')) {
    if (@($adapters.QueryNetConfig($service).SelectedVnic).Count -lt 2) {
        Write-Warning "No other adapter of $($esx.Name) carries $service yet"
    } elseif (Confirm-Change "take $service off $device of $($esx.Name)") {
        $adapters.DeselectVnicForNicType($service, $device)
    }
}
""",
            verify="VMkernel adapters of «name» shows “Management” alone at «device».",
            needs="Host.Config.Network on the host.",
            effect="Moves, storage or replication under way over «device» are broken off.",
            blanks={
                "device": Blank("VMkernel NIC", evidence="vmkernel_nic"),
                "services": Blank("services besides management", fact=_other_services),
            },
        ),
    },
)
def vmkernel_dedicated(host: Host) -> Iterator[Violation]:
    connected(host)
    for vmk in management_vmks(host):
        others = sorted(set(vmk.services or ()) - {"management"})
        if others:
            yield Violation(
                key=vmk.device,
                message=f"{vmk.device} of {host.name} carries management and {listed(others)}.",
                seen=f"management, {', '.join(others)}",
                expected="management only",
                evidence={"vmkernel_nic": vmk.device, "services": list(vmk.services or ())},
            )
