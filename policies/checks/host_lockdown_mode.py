"""A host must be managed through the platform, not past it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from policies.facts import (
    connected,
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
            "Select the host > **Configure** > **System** > **Security Profile** > **Lockdown "
            "Mode** > **Edit** > “Normal” (or “Strict”). List break-glass accounts as exception "
            "users first.\n\n"
            "PowerCLI: `(Get-VMHost NAME | Get-View).EnterLockdownMode()`"
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
