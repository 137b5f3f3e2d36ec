"""A host must start only code that its vendor signed."""

from collections.abc import Iterator

from policies.facts import (
    connected,
)
from policies.spec import (
    Host,
    Platform,
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
            "Check first: `/usr/lib/vmware/secureboot/bin/secureBoot.py -c` on the host. Put the "
            "host in maintenance mode, restart, and enable UEFI boot and secure boot in the "
            "firmware set-up."
        ),
    },
)
def secure_boot(host: Host) -> Iterator[Violation]:
    connected(host)
    if not known(host.uefi_secure_boot, "uefi_secure_boot"):
        yield Violation(
            message=f"{host.name} did not start with secure boot.", seen="off", expected="on"
        )
