"""A machine must not listen to, or speak as, its neighbours."""

from collections.abc import Iterator

from policies.facts import (
    SECURITY_WORDS,
    loose_settings,
)
from policies.recipes import SECURITY_PARAMETERS
from policies.spec import (
    Blank,
    FactMissing,
    Network,
    Platform,
    Remedy,
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
            "Reject promiscuous mode, MAC address changes and forged transmits in the port group's "
            "security policy."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Find out whether something on «name» needs it: a sensor, a cluster with a shared "
                "address, a nested hypervisor. It gets a port group of its own and an exception.",
                "Select «name» > Configure > Policies > Edit > Security.",
                "Set «words» to Reject.",
            ),
            script="""
$group = Get-VDPortgroup -Server $server -Id $id
$policy = $group | Get-VDSecurityPolicy
$wanted = @{}
$wanted[$parameter] = $false
if (Confirm-Change "set $parameter of port group $($group.Name) to reject") {
    Set-VDSecurityPolicy -Policy $policy @wanted
}
""",
            verify="Configure > Policies of «name» shows Reject for «words».",
            needs="DVPortgroup.Modify and DVPortgroup.PolicyOp on the port group.",
            effect=(
                "Machines that listen to others, or send with an address that is not theirs, lose "
                "that traffic at once."
            ),
            blanks={
                "words": Blank("setting", fact=lambda found: SECURITY_WORDS.get(found.key)),
                "parameter": Blank(
                    "parameter", fact=lambda found: SECURITY_PARAMETERS.get(found.key)
                ),
            },
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
