"""What a switch allows by default, every new port group allows."""

from collections.abc import Iterator

from policies.facts import (
    SECURITY_WORDS,
    loose_settings,
)
from policies.recipes import SECURITY_PARAMETERS
from policies.spec import (
    Blank,
    FactMissing,
    Platform,
    Remedy,
    Severity,
    Switch,
    Violation,
    check,
)


@check(
    id="switch-security-policy",
    title="Distributed switches refuse promiscuous mode and changed addresses by default",
    severity=Severity.MEDIUM,
    statements=("IR-6",),
    facts=("security",),
    controls=("VCSA-80-000268", "VCSA-80-000269", "VCSA-80-000270"),
    why="A port group made in a hurry inherits the switch's default; it should be the safe one.",
    fix={
        Platform.VSPHERE: (
            "Reject the setting in the switch's default policy; the client shows it only while a "
            "port group is made, so a script is the way."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "The client shows the default of «name» only while a port group is made; use the "
                "script to set «words» to reject.",
                "Look at the port groups of «name»: those that inherit the default change too.",
            ),
            script="""
$vds = Get-VDSwitch -Server $server -Id $id
$policy = $vds | Get-VDSecurityPolicy
$wanted = @{}
$wanted[$parameter] = $false
if (Confirm-Change "set $parameter of switch $($vds.Name) to reject") {
    Set-VDSecurityPolicy -Policy $policy @wanted
}
""",
            verify="Get-VDSwitch | Get-VDSecurityPolicy shows False for «words» of «name».",
            needs="DVSwitch.Modify and DVSwitch.PolicyOp on the switch.",
            effect="Port groups that inherit the default reject it too, at once.",
            blanks={
                "words": Blank("setting", fact=lambda found: SECURITY_WORDS.get(found.key)),
                "parameter": Blank(
                    "parameter", fact=lambda found: SECURITY_PARAMETERS.get(found.key)
                ),
            },
        ),
    },
)
def switch_security(switch: Switch) -> Iterator[Violation]:
    accepted, unread = loose_settings(switch.security)
    for name in accepted:
        yield Violation(
            key=name,
            message=f"Switch {switch.name} accepts {SECURITY_WORDS[name]} by default.",
            seen="accepted",
            expected="rejected",
            evidence={"setting": name},
        )
    if unread:
        raise FactMissing(f"security: {SECURITY_WORDS[unread[0]]}")
