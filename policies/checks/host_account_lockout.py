"""Guessing a host's password must become hopeless after a few attempts."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    number,
    option,
)
from policies.recipes import HOST_OPTION
from policies.spec import (
    Blank,
    Deviation,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    check,
)

FAILURES, UNLOCK = "Security.AccountLockFailures", "Security.AccountUnlockTime"


class Params(Parameters, frozen=True):
    max_failures: Annotated[int, Meta(ge=1, description="Wrong passwords before lockout")] = 5
    min_unlock_seconds: Annotated[int, Meta(ge=1, description="Seconds a lockout lasts")] = 900


def _setting(found: Deviation) -> Value:
    return {"failures": FAILURES, "unlock": UNLOCK}.get(found.key)


def _allowed(found: Deviation) -> Value:
    limits = {"failures": "max_failures", "unlock": "min_unlock_seconds"}
    return found.asked(limits.get(found.key, ""))


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
            "Set the number of wrong passwords before an account is locked, and how long it stays "
            "locked, in the host's advanced settings."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Select «name» > Configure > System > Advanced System Settings > Edit.",
                "Set «setting» to «value».",
            ),
            script=HOST_OPTION,
            verify="Advanced System Settings of «name» shows «setting» as «value».",
            needs="Host.Config.AdvancedConfig on the host.",
            effect="Nothing: no restart, and machines are not touched.",
            blanks={
                "setting": Blank("advanced setting", fact=_setting),
                "value": Blank("value that the policy allows", fact=_allowed),
            },
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
