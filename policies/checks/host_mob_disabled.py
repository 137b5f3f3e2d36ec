"""The managed object browser is a debugging door into a host."""

from collections.abc import Iterator

from policies.facts import (
    connected,
    is_true,
    option,
)
from policies.spec import (
    Blank,
    Host,
    Platform,
    Remedy,
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
            "Switch the managed object browser off in the host's advanced settings; nothing in "
            "daily work needs it."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Select «name» > Configure > System > Advanced System Settings > Edit.",
                "Set «setting» to false.",
            ),
            script="""
$esx = Get-VMHost -Server $server -Id $id
$entry = Get-AdvancedSetting -Entity $esx -Server $server | Where-Object Name -eq $setting
if (-not $entry) { throw "$($esx.Name) has no setting $setting" }
if (Confirm-Change "set $setting of $($esx.Name) from $($entry.Value) to false") {
    Set-AdvancedSetting -AdvancedSetting $entry -Value $false
}
""",
            verify="https://HOST/mob of «name» answers with an error.",
            needs="Host.Config.AdvancedConfig on the host.",
            effect="Nothing: no restart, and machines are not touched.",
            blanks={"setting": Blank("advanced setting", always=KEY)},
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
