"""Who did what on the platform must be known outside it."""

from collections.abc import Iterator

from policies.facts import (
    is_true,
    setting,
)
from policies.spec import (
    Blank,
    Platform,
    PlatformSettings,
    Remedy,
    Severity,
    Violation,
    check,
)

KEY = "vpxd.event.syslog.enabled"


@check(
    id="platform-event-forwarding",
    title="The platform sends its events to the log server",
    severity=Severity.HIGH,
    statements=("IR-3",),
    facts=("settings",),
    controls=("VCSA-80-000148",),
    why="Whoever takes the platform can delete its events. Those that were sent away remain.",
    fix={
        Platform.VSPHERE: (
            "Let the vCenter write its events to syslog, and enter the log server in the "
            "appliance management."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Select the vCenter «name» > Configure > Advanced Settings > Edit Settings, and "
                "set «setting» to true.",
                "Open the appliance management (port 5480) > Syslog > Configure, and enter the log "
                "server, with TLS.",
                "Send a test message from there.",
            ),
            script="""
$entry = Get-AdvancedSetting -Entity $server -Server $server | Where-Object Name -eq $setting
if (-not $entry) { throw "$($server.Name) has no setting $setting" }
if (Confirm-Change "set $setting of $($server.Name) from $($entry.Value) to true") {
    Set-AdvancedSetting -AdvancedSetting $entry -Value 'true'
}
""",
            verify="A login to the vCenter shows up on the log server.",
            needs="Global.Settings at the root; the appliance's administrator for the log server.",
            effect="Nothing: the events are kept in the vCenter as before.",
            blanks={"setting": Blank("advanced setting", always=KEY)},
        ),
    },
)
def event_forwarding(platform: PlatformSettings) -> Iterator[Violation]:
    value = setting(platform, KEY)
    if not is_true(value):
        yield Violation(
            message=f"{platform.name} does not send its events to a log server.",
            seen=f"{KEY} = {value}",
            expected="true",
            evidence={KEY: value},
        )
