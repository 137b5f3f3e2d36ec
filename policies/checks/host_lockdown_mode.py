"""A host must be managed through the platform, not past it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.spec import (
    Blank,
    FactMissing,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)

MODES = ("lockdownDisabled", "lockdownNormal", "lockdownStrict")


class Params(Parameters, frozen=True):
    minimum: Annotated[
        Literal["lockdownNormal", "lockdownStrict"], Meta(description="The least strict mode")
    ] = "lockdownNormal"


@check(
    id="host-lockdown-mode",
    title="Hosts are in lockdown mode",
    severity=Severity.MEDIUM,
    statements=("PHY-6",),
    params=Params,
    facts=("connection_state", "lockdown_mode"),
    controls=("ESXI-80-000008",),
    why=(
        "Without lockdown anyone who knows a local password administers the host directly, where "
        "roles, approvals and the event log of the platform do not reach."
    ),
    fix={
        Platform.VSPHERE: (
            "Name the break-glass accounts as exception users, then switch lockdown mode on."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Make sure that «name» is reached through the vCenter, and that a break-glass "
                "account and the service accounts that need the host are exception users: "
                "Configure > System > Security Profile > Lockdown Mode > Edit > Exception Users.",
                "Set the mode to «mode» in the same place (lockdownNormal is “Normal”, "
                "lockdownStrict is “Strict”).",
            ),
            script="""
$esx = Get-VMHost -Server $server -Id $id
$access = Get-View -Server $server -Id $esx.ExtensionData.ConfigManager.HostAccessManager
Write-Host "Exception users: $($access.QueryLockdownExceptions() -join ', ')"
if (Confirm-Change "set $($esx.Name) from $($access.LockdownMode) to $mode") {
    $access.ChangeLockdownMode($mode)
}
""",
            verify="Security Profile of «name» shows the mode «mode».",
            needs="Host.Config.Settings on the host.",
            effect=(
                "Direct logins to the host end for all but exception users. In strict mode the "
                "console is closed too: without the vCenter there is no way in."
            ),
            blanks={"mode": Blank("lockdownNormal or lockdownStrict", param="minimum")},
        ),
    },
)
def lockdown_mode(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    mode = known(host.lockdown_mode, "lockdown_mode")
    if mode not in MODES:
        raise FactMissing(f"lockdown_mode: {mode} is not a mode we know")
    if MODES.index(mode) < MODES.index(params.minimum):
        off = mode == "lockdownDisabled"
        yield Violation(
            message=(
                f"{host.name} is not in lockdown mode."
                if off
                else f"{host.name} is in normal lockdown mode; the policy asks for strict."
            ),
            seen=mode,
            expected=params.minimum,
            evidence={"lockdown_mode": mode},
        )
