"""The role that can do everything everywhere is for very few."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.duties import (
    ADMINISTRATOR,
)
from policies.facts import (
    backslashed,
    listed,
    matches,
)
from policies.spec import (
    Grant,
    Parameters,
    Platform,
    Severity,
    Violation,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    allowed: Annotated[
        tuple[str, ...], Meta(description="Patterns of principals that may administer everything")
    ] = (
        r"VSPHERE.LOCAL\Administrator",
        r"VSPHERE.LOCAL\Administrators",
        r"VSPHERE.LOCAL\vpxd-*",
        r"VSPHERE.LOCAL\vsphere-webclient-*",
    )


@check(
    id="grant-administrator-at-root",
    title="Nobody but the named holds Administrator over everything",
    severity=Severity.CRITICAL,
    statements=("LOG-1",),
    params=Params,
    facts=("principal", "role_id", "at_root", "propagate"),
    controls=("VCSA-80-000095",),
    why=(
        "One stolen password with this role is the whole estate: hosts, machines, their files and "
        "the rights of everybody else."
    ),
    fix={
        Platform.VSPHERE: (
            "Make roles for what these people do: **Administration** > **Access Control** > "
            "**Roles** > **New**. Grant them on the folders concerned, then select the vCenter > "
            "**Permissions** > the entry > **Delete**. List who must keep it in this check's "
            "settings.\n\nPowerCLI: `Get-VIPermission -Entity (Get-Folder -NoRecursion) | "
            "Where-Object Role -eq Admin`"
        ),
    },
)
def administrator_at_root(grant: Grant, params: Params) -> Iterator[Violation]:
    if grant.role_id != ADMINISTRATOR:
        not_applicable("The grant is of another role.")
    if not known(grant.at_root, "at_root"):
        return
    if grant.propagate and not matches(backslashed(grant.principal), params.allowed):
        yield Violation(
            message=f"{grant.principal} holds Administrator over the whole of the platform.",
            seen="Administrator at the root, for everything below",
            expected=f"only {listed(list(params.allowed), 3)}",
            evidence={"principal": grant.principal, "is_group": grant.is_group},
        )
