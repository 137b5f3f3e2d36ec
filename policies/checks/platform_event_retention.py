"""The platform's own record must last until somebody asks."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    counted,
    is_true,
    number,
    setting,
)
from policies.spec import (
    Parameters,
    Platform,
    PlatformSettings,
    Severity,
    Violation,
    check,
)


class Params(Parameters, frozen=True):
    min_days: Annotated[int, Meta(ge=1, description="Days events must be kept")] = 30


@check(
    id="platform-event-retention",
    title="The platform keeps its events long enough",
    severity=Severity.MEDIUM,
    statements=("IR-3",),
    params=Params,
    facts=("settings",),
    controls=("VCSA-80-000293",),
    why="An intrusion is often found weeks later; the events that show it must still exist then.",
    fix={
        Platform.VSPHERE: (
            "Select the vCenter > **Configure** > **General** > **Edit** > **Database**: “Event "
            "cleanup” enabled, “Event retention (days)” 30 or more.\n\nPowerCLI: "
            "`Get-AdvancedSetting -Entity SERVER event.maxAge | Set-AdvancedSetting -Value 30`"
        ),
    },
)
def event_retention(platform: PlatformSettings, params: Params) -> Iterator[Violation]:
    days = number(setting(platform, "event.maxAge"), "event.maxAge")
    limited = is_true(setting(platform, "event.maxAgeEnabled"))
    if limited and days < params.min_days:
        yield Violation(
            message=f"{platform.name} keeps its events for {counted(days, 'day')}.",
            seen=counted(days, "day"),
            expected=f"at least {params.min_days} days",
            evidence={"event.maxAge": days},
        )
