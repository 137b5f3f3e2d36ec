"""A machine must not listen to, or speak as, its neighbours."""

from collections.abc import Iterator

from policies.facts import (
    SECURITY_WORDS,
    loose_settings,
)
from policies.spec import (
    FactMissing,
    Network,
    Platform,
    Severity,
    Violation,
    check,
    known,
    not_applicable,
)


@check(
    id="network-security-policy",
    title="Distributed port groups refuse promiscuous mode and changed addresses",
    severity=Severity.HIGH,
    statements=("IR-6",),
    facts=("uplink", "security"),
    controls=("VCSA-80-000268", "VCSA-80-000269", "VCSA-80-000270"),
    why=(
        "With these settings accepted a machine reads its neighbours' traffic, or sends with the "
        "address of another one, on a wire that no physical sensor sees."
    ),
    fix={
        Platform.VSPHERE: (
            "Select the port group > **Configure** > **Policies** > **Edit** > **Security**: "
            "“Reject” for all three.\n\nPowerCLI: `Get-VDPortgroup NAME | Get-VDSecurityPolicy | "
            "Set-VDSecurityPolicy -AllowPromiscuous $false -MacChanges $false "
            "-ForgedTransmits $false`"
        ),
    },
)
def network_security(network: Network) -> Iterator[Violation]:
    if network.type != "distributed":
        not_applicable(f"{network.name} is {network.type}; its policy is set elsewhere.")
    if known(network.uplink, "uplink"):
        not_applicable(f"{network.name} holds uplinks, no machines.")
    accepted, unread = loose_settings(network.security)
    for name in accepted:
        yield Violation(
            key=name,
            message=f"Port group {network.name} accepts {SECURITY_WORDS[name]}.",
            seen="accepted",
            expected="rejected",
            evidence={"setting": name},
        )
    if unread:
        raise FactMissing(f"security: {SECURITY_WORDS[unread[0]]}")
