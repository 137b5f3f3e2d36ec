"""The address that manages a host must serve no other traffic."""

from collections.abc import Iterator

from policies.facts import (
    connected,
    listed,
)
from policies.spec import (
    Host,
    Platform,
    Severity,
    Violation,
    check,
)
from policies.wiring import (
    management_vmks,
)


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
            "Select the host > **Configure** > **VMkernel adapters** > **Add Networking** and "
            "make an adapter a service on its own VLAN; then **Edit** the management adapter and "
            "untick every service but “Management”.\n\n"
            "On the host: `esxcli network ip interface tag remove -i vmk0 -t VMotion`"
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
