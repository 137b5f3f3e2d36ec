"""The password with which the platform rules its hosts must change."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    counted,
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

KEY = "VirtualCenter.VimPasswordExpirationInDays"


class Params(Parameters, frozen=True):
    max_days: Annotated[int, Meta(ge=1, description="Days until the password is changed")] = 30


@check(
    id="platform-host-password-age",
    title="The platform's password on hosts is changed regularly",
    severity=Severity.MEDIUM,
    statements=("LOG-4",),
    params=Params,
    facts=("settings",),
    controls=("VCSA-80-000275",),
    why="The vpxuser account administers every host; a password that leaked once must die soon.",
    fix={
        Platform.VSPHERE: (
            f"Select the vCenter > **Configure** > **Advanced Settings** > **Edit Settings**: "
            f"`{KEY}` 30.\n\nPowerCLI: `Get-AdvancedSetting -Entity SERVER {KEY} | "
            f"Set-AdvancedSetting -Value 30`"
        ),
    },
)
def host_password_age(platform: PlatformSettings, params: Params) -> Iterator[Violation]:
    days = number(setting(platform, KEY), KEY)
    if not 1 <= days <= params.max_days:
        yield Violation(
            message=f"{platform.name} changes its password on hosts every {counted(days, 'day')}.",
            seen=counted(days, "day"),
            expected=f"1 to {params.max_days} days",
            evidence={KEY: days},
        )
