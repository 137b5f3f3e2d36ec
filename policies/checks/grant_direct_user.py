"""Rights belong to roles that people take and leave, not to people."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    backslashed,
    matches,
)
from policies.spec import (
    Grant,
    Parameters,
    Platform,
    Severity,
    Violation,
    check,
)


class Params(Parameters, frozen=True):
    allowed: Annotated[
        tuple[str, ...],
        Meta(description="Patterns of users that may hold rights directly: break-glass, services"),
    ] = (
        r"VSPHERE.LOCAL\Administrator",
        r"VSPHERE.LOCAL\vpxd-*",
        r"VSPHERE.LOCAL\vsphere-webclient-*",
        r"VSPHERE.LOCAL\vsphere-ui-*",
        r"VSPHERE.LOCAL\machine-*",
    )


@check(
    id="grant-direct-user",
    title="Rights are granted to groups, not to single users",
    severity=Severity.HIGH,
    statements=("LOG-1",),
    params=Params,
    facts=("principal", "is_group"),
    why=(
        "A right given to a person stays when the person changes job. Group membership is "
        "reviewed, and ends with the account; a personal grant is forgotten."
    ),
    fix={
        Platform.VSPHERE: (
            "Select the object > **Permissions** > **Add**, give the same role to a group that the "
            "person is a member of; then select the person's entry > **Delete**.\n\nPowerCLI: "
            "`Get-VIPermission -Principal 'DOMAIN\\USER' | Remove-VIPermission`"
        ),
    },
)
def direct_user(grant: Grant, params: Params) -> Iterator[Violation]:
    if grant.is_group or matches(backslashed(grant.principal), params.allowed):
        return
    yield Violation(
        message=(
            f"{grant.principal} holds the role {grant.role_name or grant.role_id} on "
            f"{grant.entity_name or grant.entity_ref} in person."
        ),
        seen="a user",
        expected="a group",
        evidence={"principal": grant.principal, "role": grant.role_id, "on": grant.entity_path},
    )
