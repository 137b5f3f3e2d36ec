"""A session left open must end by itself."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, field

from policies.facts import (
    connected,
    number,
)
from policies.spec import (
    FactMissing,
    Host,
    Parameters,
    Platform,
    Severity,
    Violation,
    check,
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
            "Select the host > **Configure** > **System** > **Advanced System Settings** > "
            "**Edit** and set the value named in the finding; 0 means never.\n\nPowerCLI: "
            "`Get-VMHost NAME | Get-AdvancedSetting UserVars.DcuiTimeOut | "
            "Set-AdvancedSetting -Value 600`"
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
