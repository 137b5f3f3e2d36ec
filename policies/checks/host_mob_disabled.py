"""The managed object browser is a debugging door into a host."""

from collections.abc import Iterator

from policies.facts import (
    connected,
    is_true,
    option,
)
from policies.spec import (
    Host,
    Platform,
    Severity,
    Violation,
    check,
)

KEY = "Config.HostAgent.plugins.solo.enableMob"


@check(
    id="host-mob-disabled",
    title="The managed object browser of hosts is off",
    severity=Severity.MEDIUM,
    statements=("PHY-6",),
    facts=("connection_state", "options"),
    controls=("ESXI-80-000047",),
    why=(
        "It shows and changes the host's configuration from a plain browser, for developers. "
        "Nothing in daily work needs it."
    ),
    fix={
        Platform.VSPHERE: (
            f"Select the host > **Configure** > **System** > **Advanced System Settings** > "
            f"**Edit**, set `{KEY}` to false.\n\nPowerCLI: `Get-VMHost NAME | "
            f"Get-AdvancedSetting {KEY} | Set-AdvancedSetting -Value $false`"
        ),
    },
)
def mob_disabled(host: Host) -> Iterator[Violation]:
    connected(host)
    value = option(host, KEY)
    if is_true(value):
        yield Violation(
            message=f"The managed object browser of {host.name} is on.",
            seen=f"{KEY} = {value}",
            expected="false",
            evidence={KEY: value},
        )
