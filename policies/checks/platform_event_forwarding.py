"""Who did what on the platform must be known outside it."""

from collections.abc import Iterator

from policies.facts import (
    is_true,
    setting,
)
from policies.spec import (
    Platform,
    PlatformSettings,
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
            f"Select the vCenter > **Configure** > **Advanced Settings** > **Edit Settings**: "
            f"`{KEY}` true; then in the appliance management (port 5480) > **Syslog** > "
            f"**Configure** enter the log server."
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
