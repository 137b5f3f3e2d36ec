"""The host must not offer its own system a network path to its management controller."""

from collections.abc import Iterator

from policies.facts import (
    connected,
    number,
    option,
)
from policies.recipes import HOST_OPTION
from policies.spec import (
    Blank,
    Host,
    Platform,
    Remedy,
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
            "Set the advanced setting that offers the host a network path to its hardware "
            "controller to 0."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Select «name» > Configure > System > Advanced System Settings > Edit.",
                "Set «setting» to «value».",
                "Restart the host when the setting says so.",
            ),
            script=HOST_OPTION,
            verify="Advanced System Settings of «name» shows «setting» as «value».",
            needs="Host.Config.AdvancedConfig on the host.",
            effect="Vendor tools on the host that talk to the controller over this path stop.",
            blanks={
                "setting": Blank("advanced setting", always=KEY),
                "value": Blank("value", always=0),
            },
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
