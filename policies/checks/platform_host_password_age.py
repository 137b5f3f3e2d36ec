"""The password with which the platform rules its hosts must change."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    counted,
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
            "Let the vCenter change its password on hosts as often as the policy asks, in its "
            "advanced settings."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Select the vCenter «name» > Configure > Advanced Settings > Edit Settings.",
                "Set «setting» to «value».",
            ),
            script=PLATFORM_OPTION,
            verify="Advanced Settings of «name» shows «setting» as «value».",
            needs="Global.Settings at the root.",
            effect="Nothing: the vCenter changes the password on the hosts by itself.",
            blanks={
                "setting": Blank("advanced setting", always=KEY),
                "value": Blank("days until the password is changed", param="max_days"),
            },
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
