"""A machine must not listen to, or speak as, its neighbours."""

from collections.abc import Iterator

from policies.facts import (
    SECURITY_WORDS,
    connected,
    listed,
    loose_settings,
)
from policies.spec import (
    FactMissing,
    Host,
    Platform,
    Severity,
    Violation,
    check,
    known,
)


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
            "Select the host > **Configure** > **Virtual switches** > the port group > **Edit "
            "settings** > **Security**: “Reject” for all three. A sensor that must listen gets a "
            "port group of its own and an exception.\n\nOn the host: `esxcli network vswitch "
            "standard portgroup policy security set -p PORTGROUP -o false -m false -f false`"
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
