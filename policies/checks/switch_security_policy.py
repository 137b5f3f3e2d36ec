"""What a switch allows by default, every new port group allows."""

from collections.abc import Iterator

from policies.facts import (
    SECURITY_WORDS,
    loose_settings,
)
from policies.spec import (
    FactMissing,
    Platform,
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
            "PowerCLI (the client shows the default only when a port group is made): "
            "`Get-VDSwitch NAME | Get-VDSecurityPolicy | Set-VDSecurityPolicy -AllowPromiscuous "
            "$false -MacChanges $false -ForgedTransmits $false`"
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
