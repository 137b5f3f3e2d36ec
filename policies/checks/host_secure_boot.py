"""A host must start only code that its vendor signed."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.spec import (
    Host,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)


@check(
    id="host-secure-boot",
    title="Hosts start with UEFI secure boot",
    severity=Severity.MEDIUM,
    statements=("SEC-3",),
    facts=("connection_state", "uefi_secure_boot"),
    controls=("ESXI-80-000094",),
    why="Malware that loads before the hypervisor sees every machine and is seen by none.",
    fix={
        Platform.VSPHERE: (
            "Check that everything installed is signed, then enable UEFI boot and secure boot in "
            "the firmware set-up of the host."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "On the host «name», run /usr/lib/vmware/secureboot/bin/secureBoot.py -c: it says "
                "whether the host would still start.",
                "Remove or update what it names as unsigned.",
                "Put «name» into maintenance mode and restart it into the firmware set-up.",
                "Enable UEFI boot and secure boot, and start the host.",
                "Leave maintenance mode.",
            ),
            because="the switch is in the firmware of the hardware, out of reach of the platform.",
            verify="secureBoot.py -s on the host says Enabled.",
            needs="Maintenance mode (Host.Config.Maintenance) and access to the firmware set-up.",
            effect="The host restarts. With an unsigned package it does not start again.",
        ),
    },
)
def secure_boot(host: Host) -> Iterator[Violation]:
    connected(host)
    if not known(host.uefi_secure_boot, "uefi_secure_boot"):
        yield Violation(
            message=f"{host.name} did not start with secure boot.", seen="off", expected="on"
        )
