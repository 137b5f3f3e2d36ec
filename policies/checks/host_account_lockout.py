"""Guessing a host's password must become hopeless after a few attempts."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    number,
    option,
)
from policies.spec import (
    Host,
    Parameters,
    Platform,
    Severity,
    Violation,
    check,
)

FAILURES, UNLOCK = "Security.AccountLockFailures", "Security.AccountUnlockTime"


class Params(Parameters, frozen=True):
    max_failures: Annotated[int, Meta(ge=1, description="Wrong passwords before lockout")] = 5
    min_unlock_seconds: Annotated[int, Meta(ge=1, description="Seconds a lockout lasts")] = 900


@check(
    id="host-account-lockout",
    title="Hosts lock an account after a few wrong passwords",
    severity=Severity.MEDIUM,
    statements=("LOG-7",),
    params=Params,
    facts=("connection_state", "options"),
    controls=("ESXI-80-000005", "ESXI-80-000111"),
    why="Local accounts have no second factor; only the lockout stands against guessing.",
    fix={
        Platform.VSPHERE: (
            "Select the host > **Configure** > **System** > **Advanced System Settings** > "
            "**Edit**: `Security.AccountLockFailures` 5, `Security.AccountUnlockTime` 900.\n\n"
            "PowerCLI: `Get-VMHost NAME | Get-AdvancedSetting Security.AccountLockFailures | "
            "Set-AdvancedSetting -Value 5`"
        ),
    },
)
def account_lockout(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    failures = number(option(host, FAILURES), FAILURES)
    if not 1 <= failures <= params.max_failures:  # 0 turns the lockout off
        yield Violation(
            key="failures",
            message=(
                f"{host.name} never locks an account."
                if failures == 0
                else f"{host.name} locks an account only after {failures} wrong passwords."
            ),
            seen=str(failures),
            expected=f"1 to {params.max_failures}",
            evidence={FAILURES: failures},
        )
    seconds = number(option(host, UNLOCK), UNLOCK)
    if 0 < seconds < params.min_unlock_seconds:  # 0 keeps it locked until somebody unlocks it
        yield Violation(
            key="unlock",
            message=f"{host.name} unlocks a locked account after {seconds} seconds.",
            seen=f"{seconds} seconds",
            expected=f"at least {params.min_unlock_seconds} seconds",
            evidence={UNLOCK: seconds},
        )
