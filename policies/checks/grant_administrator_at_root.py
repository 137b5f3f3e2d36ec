"""The role that can do everything everywhere is for very few."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from inventory.access.duties import ADMINISTRATOR
from policies.facts import (
    backslashed,
    listed,
    matches,
)
from policies.recipes import FIND_GRANT, REMOVE_GRANT
from policies.spec import (
    Grant,
    Parameters,
    Platform,
    Remedy,
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
            "Give these people roles for what they do, on the folders concerned, and delete their "
            "entry at the root."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask what «principal» does, and make a role for it: Administration > Access "
                "Control > Roles > New.",
                "Grant that role on the folders concerned, and let «principal» try their work.",
                "Make sure that somebody else can still administer «entity», and that you are not "
                "signed in through the entry you are about to delete.",
                "Select the vCenter (its root, «entity») > Permissions > the entry of «principal» "
                "> Delete.",
                "Look under Administration > Access Control > Global Permissions for the same "
                "entry: the script does not reach those.",
            ),
            script=FIND_GRANT
            + """
$others = $all | Where-Object { $_.RoleId -eq -1 -and $_.Principal -ne $principal }
if (-not $others) { throw "nobody else would administer $($object.Name)" }
"""
            + REMOVE_GRANT,
            verify="Permissions of «entity» lists no Administrator entry of «principal».",
            needs="Authorization.ModifyPermissions on the root, and the role Administrator.",
            effect="«principal» loses every right that no other grant gives, at once.",
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
