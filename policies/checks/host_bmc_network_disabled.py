"""The host must not offer its own system a network path to its management controller."""

from collections.abc import Iterator

from policies.facts import (
    connected,
    number,
    option,
)
from policies.spec import (
    Host,
    Platform,
    Severity,
    Violation,
    check,
)

KEY = "Net.BMCNetworkEnable"


@check(
    id="host-bmc-network-disabled",
    title="Hosts have no virtual network path to their hardware controller",
    severity=Severity.MEDIUM,
    statements=("PHY-6",),
    facts=("connection_state", "options"),
    controls=("ESXI-80-000250",),
    why=(
        "An attacker on the host could reach the baseboard controller over this path, and from it "
        "the out-of-band network and the hardware of the whole estate."
    ),
    fix={
        Platform.VSPHERE: (
            f"Select the host > **Configure** > **System** > **Advanced System Settings** > "
            f"**Edit**, set `{KEY}` to 0.\n\n"
            f"On the host: `esxcli system settings advanced set -o /Net/BMCNetworkEnable -i 0`"
        ),
    },
)
def bmc_network_disabled(host: Host) -> Iterator[Violation]:
    connected(host)
    value = option(host, KEY)
    if number(value, KEY) != 0:
        yield Violation(
            message=f"{host.name} has a virtual network path to its hardware controller.",
            seen=f"{KEY} = {value}",
            expected="0",
            evidence={KEY: value},
        )
