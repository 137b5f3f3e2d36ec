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
from policies.recipes import PLATFORM_OPTION
from policies.spec import (
    Blank,
    Parameters,
    Platform,
    PlatformSettings,
    Remedy,
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
            "Let the vCenter keep its events for as many days as the policy asks, in its general "
            "settings."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Look in the appliance management (port 5480) > Monitor > Disks whether the "
                "partition of events (seat) has room.",
                "Select the vCenter «name» > Configure > General > Edit > Database, and set “Event "
                "retention (days)” to «value».",
            ),
            script=PLATFORM_OPTION,
            verify="General of «name» shows an event retention of «value» days.",
            needs="Global.Settings at the root.",
            effect="The database grows; nothing is interrupted.",
            blanks={
                "setting": Blank("advanced setting", always="event.maxAge"),
                "value": Blank("days events must be kept", param="min_days"),
            },
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
