"""A session left open must end by itself."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, field

from policies.facts import (
    connected,
    number,
)
from policies.recipes import HOST_OPTION
from policies.spec import (
    Blank,
    Deviation,
    FactMissing,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    check,
    key_of,
    known,
)


class Params(Parameters, frozen=True):
    max_seconds: Annotated[
        dict[str, int], Meta(description="Longest idle time, in seconds, by advanced setting")
    ] = field(
        default_factory=lambda: {
            "UserVars.DcuiTimeOut": 600,
            "UserVars.ESXiShellInteractiveTimeOut": 900,
            "UserVars.ESXiShellTimeOut": 600,
            "UserVars.HostClientSessionTimeout": 900,
        }
    )


def _longest(found: Deviation) -> Value:
    limits: dict[str, int] = getattr(found.params, "max_seconds", {})
    return limits.get(found.key)


@check(
    id="host-session-timeout",
    title="Idle sessions on hosts end",
    severity=Severity.LOW,
    statements=("LOG-7",),
    params=Params,
    facts=("connection_state", "options"),
    controls=("ESXI-80-000010", "ESXI-80-000068", "ESXI-80-000195", "ESXI-80-000196"),
    why="An unattended console is an administrator for whoever sits down at it.",
    fix={
        Platform.VSPHERE: (
            "Set the idle time named in the finding to what the policy allows in the host's "
            "advanced settings; 0 means never."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Select «name» > Configure > System > Advanced System Settings > Edit.",
                "Set «setting» to «value» (seconds; 0 means never).",
            ),
            script=HOST_OPTION,
            verify="Advanced System Settings of «name» shows «setting» as «value».",
            needs="Host.Config.AdvancedConfig on the host.",
            effect="Idle sessions on the host end sooner; machines are not touched.",
            blanks={
                "setting": Blank("advanced setting", fact=key_of),
                "value": Blank("longest idle time in seconds", fact=_longest),
            },
        ),
    },
)
def session_timeout(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    options = known(host.options, "options")
    doubts: list[str] = []
    for key, limit in sorted(params.max_seconds.items()):
        if key not in options:
            doubts.append(f"options: {key}")
            continue
        seconds = number(options[key], key)
        if not 1 <= seconds <= limit:
            ends = f"after {seconds} seconds" if seconds > 0 else "never"
            yield Violation(
                key=key,
                message=f"{key} of {host.name} ends an idle session {ends}.",
                seen=ends,
                expected=f"after at most {limit} seconds",
                evidence={key: seconds},
            )
    if doubts:
        raise FactMissing(doubts[0])
