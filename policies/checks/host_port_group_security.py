"""A machine must not listen to, or speak as, its neighbours."""

from collections.abc import Iterator

from policies.facts import (
    SECURITY_WORDS,
    connected,
    listed,
    loose_settings,
)
from policies.spec import (
    Blank,
    Deviation,
    FactMissing,
    Host,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    check,
    known,
)


def _accepted(found: Deviation) -> Value:
    names = found.evidence.get("accepted")
    if not isinstance(names, list | tuple):
        return None
    return ", ".join(SECURITY_WORDS[name] for name in names if name in SECURITY_WORDS) or None


@check(
    id="host-port-group-security",
    title="Standard port groups refuse promiscuous mode and changed addresses",
    severity=Severity.HIGH,
    statements=("IR-6",),
    facts=("connection_state", "port_groups"),
    controls=("ESXI-80-000216", "ESXI-80-000217", "ESXI-80-000218"),
    why=(
        "With these settings accepted a machine reads its neighbours' traffic, or sends with the "
        "address of another one, on a wire that no physical sensor sees."
    ),
    fix={
        Platform.VSPHERE: (
            "Reject promiscuous mode, MAC address changes and forged transmits on the port group; "
            "a sensor that must listen gets a port group of its own and an exception."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Find out whether something on «port_group» needs it: a sensor, a cluster with a "
                "shared address, a nested hypervisor. It gets a port group of its own and an "
                "exception.",
                "Select «name» > Configure > Virtual switches > «port_group» > Edit settings > "
                "Security.",
                "Tick Override and set «words» to Reject.",
                "Do the same on the other hosts of the cluster: a standard port group is set on "
                "each.",
            ),
            script="""
$esx = Get-VMHost -Server $server -Id $id
$group = Get-VirtualPortGroup -VMHost $esx -Server $server -Standard |
    Where-Object Name -ceq $port_group
if (-not $group) { throw "$($esx.Name) has no port group $port_group" }
$policy = $group | Get-SecurityPolicy
if (Confirm-Change "reject all three on port group $port_group of $($esx.Name)") {
    Set-SecurityPolicy -VirtualPortGroupPolicy $policy -AllowPromiscuous $false -MacChanges $false `
        -ForgedTransmits $false
}
""",
            verify="Security of «port_group» on «name» shows Reject three times.",
            needs="Host.Config.Network on the host.",
            effect=(
                "Machines that listen to others, or send with an address that is not theirs, lose "
                "that traffic at once."
            ),
            blanks={
                "port_group": Blank("name of the port group", evidence="port_group"),
                "words": Blank("settings", fact=_accepted),
            },
        ),
    },
)
def port_group_security(host: Host) -> Iterator[Violation]:
    connected(host)
    doubts: list[str] = []
    for port_group in known(host.port_groups, "port_groups"):
        accepted, unread = loose_settings(port_group.security)
        doubts += [f"port_groups: {SECURITY_WORDS[name]} of {port_group.name}" for name in unread]
        if accepted:
            words = listed([SECURITY_WORDS[name] for name in accepted])
            yield Violation(
                key=port_group.name,
                message=f"Port group {port_group.name} of {host.name} accepts {words}.",
                seen=f"{words} accepted",
                expected="rejected",
                evidence={"port_group": port_group.name, "accepted": accepted},
            )
    if doubts:
        raise FactMissing(doubts[0])
