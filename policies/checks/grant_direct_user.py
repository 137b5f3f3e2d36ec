"""Rights belong to roles that people take and leave, not to people."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    backslashed,
    matches,
)
from policies.recipes import FIND_GRANT, REMOVE_GRANT
from policies.spec import (
    Blank,
    Grant,
    Parameters,
    Platform,
    Remedy,
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
            "Give the same role to a group that the person is a member of, then delete the "
            "person's own entry."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Find or make a group for what «principal» does, and make the person a member.",
                "Select «entity» > Permissions > Add: the group, the role «role», and the same "
                "“Propagate to children” as the entry of «principal» has.",
                "Let the person sign out, sign in and try their work.",
                "Select the entry of «principal» > Delete.",
            ),
            script=FIND_GRANT
            + """
if (Confirm-Change "give $group the role $role_id on $($object.Name)") {
    $new = New-Object VMware.Vim.Permission
    $new.Principal = $group
    $new.Group = $true
    $new.RoleId = $grant.RoleId
    $new.Propagate = $grant.Propagate
    $authorization.SetEntityPermissions($object.MoRef, @($new))
}
"""
            + REMOVE_GRANT,
            verify="Permissions of «entity» lists the group with the role and not «principal».",
            needs="Authorization.ModifyPermissions on the object, and every privilege of the role.",
            effect=(
                "The person loses the right when the entry goes, unless the group already has it; "
                "open sessions included."
            ),
            blanks={"group": Blank("group, as the vCenter writes it")},
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
