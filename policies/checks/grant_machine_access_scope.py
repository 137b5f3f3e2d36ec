"""Access to machines is given where it is needed, not from above."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from inventory.access.duties import (
    ADMINISTRATOR,
    WORDS,
    Duty,
)
from policies.duties import duties_of_role
from policies.facts import (
    backslashed,
    listed,
    matches,
)
from policies.recipes import FIND_GRANT, REMOVE_GRANT
from policies.spec import (
    Blank,
    Estate,
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

WIDE = ("Datacenter", "ClusterComputeResource", "ComputeResource", "HostSystem")


class Params(Parameters, frozen=True):
    allowed: Annotated[
        tuple[str, ...], Meta(description="Patterns of principals that may reach machines widely")
    ] = ()


@check(
    id="grant-machine-access-scope",
    title="Rights over machines are granted on folders or machines",
    severity=Severity.HIGH,
    statements=("LOG-5",),
    params=Params,
    facts=("principal", "role_id", "propagate", "at_root", "entity_type"),
    reads=("role.privileges",),
    why=(
        "Inherited from a datacenter or cluster, the right reaches every machine there, today's "
        "and tomorrow's, whatever it holds. Need-to-know ends at the machines somebody works on."
    ),
    fix={
        Platform.VSPHERE: (
            "Grant the role on a folder of the machines concerned, then delete the entry on the "
            "object named in the finding."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask «principal» which machines they work on, and gather these in a folder: VMs "
                "and Templates > New Folder.",
                "Select the folder > Permissions > Add: «principal», the role «role», “Propagate "
                "to children”.",
                "Let «principal» try their work.",
                "Select «entity» > Permissions > the entry of «principal» > Delete.",
            ),
            script=FIND_GRANT
            + """
$folder = Get-View -Server $server -Id $folder_id
if (Confirm-Change "give $principal the role $role_id on folder $($folder.Name)") {
    $new = New-Object VMware.Vim.Permission
    $new.Principal = $grant.Principal
    $new.Group = $grant.Group
    $new.RoleId = $grant.RoleId
    $new.Propagate = $true
    $authorization.SetEntityPermissions($folder.MoRef, @($new))
}
"""
            + REMOVE_GRANT,
            verify=(
                "Permissions of the folder lists «principal»; Permissions of «entity» does not."
            ),
            needs="Authorization.ModifyPermissions on both, and every privilege of the role.",
            effect="«principal» loses the machines outside the folder at once.",
            blanks={"folder_id": Blank("managed object id of the folder, as Folder-group-v12")},
        ),
    },
)
def machine_access_scope(grant: Grant, estate: Estate, params: Params) -> Iterator[Violation]:
    if grant.role_id == ADMINISTRATOR:
        not_applicable("Administrator is judged by grant-administrator-at-root.")
    held = duties_of_role(grant.role_id, estate) & {Duty.VM_ACCESS, Duty.VM_LIFECYCLE}
    if not held:
        not_applicable("The role gives no rights over machines.")
    at_root = known(grant.at_root, "at_root")
    entity_type = known(grant.entity_type, "entity_type")
    if matches(backslashed(grant.principal), params.allowed) or not grant.propagate:
        return
    if at_root or entity_type in WIDE:
        words = listed([WORDS[duty] for duty in sorted(held)])
        where = grant.entity_name or grant.entity_ref
        yield Violation(
            message=f"{grant.principal} may {words} on everything below {where}.",
            seen=f"granted on {where} ({entity_type}), inherited by all below",
            expected="granted on a folder of machines or on a machine",
            evidence={"principal": grant.principal, "role": grant.role_name, "on": where},
        )
