"""Who can copy a machine's files has the machine."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from inventory.access.duties import (
    ADMINISTRATOR,
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
    Estate,
    Grant,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    not_applicable,
)


class Params(Parameters, frozen=True):
    custodians: Annotated[
        tuple[str, ...],
        Meta(
            description=(
                "Patterns of principals responsible for machine files; empty: the check does not "
                "apply"
            )
        ),
    ] = ()


@check(
    id="grant-file-access",
    title="Only file custodians may reach the files of machines",
    severity=Severity.HIGH,
    statements=("CHG-4",),
    params=Params,
    facts=("principal", "role_id"),
    reads=("role.privileges",),
    why=(
        "A copied disk is opened at leisure on another computer: no guest login, no guest log. "
        "Rights on datastores are rights on the data in every machine."
    ),
    fix={
        Platform.VSPHERE: (
            "Take the file privileges out of the role, delete the grant, or name the principal as "
            "a custodian in this check's settings."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask what «principal» needs the files for. A backup or replication account may be "
                "named as a custodian in the settings of this check.",
                "When nobody who holds the role «role» needs files: Administration > Access "
                "Control > Roles > «role» > Edit, and untick “Browse datastore”, “Low level file "
                "operations” and the disk and file privileges under Virtual machine > "
                "Provisioning.",
                "Otherwise give «principal» a role without them, and delete the entry: select "
                "«entity» > Permissions > the entry of «principal» > Delete. That is what the "
                "script does.",
            ),
            script=FIND_GRANT + REMOVE_GRANT,
            verify="Permissions of «entity» does not list «principal» with the role «role».",
            needs="Authorization.ModifyPermissions on the object, and every privilege of the role.",
            effect="«principal» loses all that the role gave there, not the files alone.",
        ),
    },
)
def file_access(grant: Grant, estate: Estate, params: Params) -> Iterator[Violation]:
    if not params.custodians:
        not_applicable("No custodians of machine files are named for this check.")
    if grant.role_id == ADMINISTRATOR:
        not_applicable("Administrator is judged by grant-administrator-at-root.")
    if Duty.FILE_ADMIN not in duties_of_role(grant.role_id, estate):
        return
    if not matches(backslashed(grant.principal), params.custodians):
        yield Violation(
            message=(
                f"{grant.principal} may read machine files on "
                f"{grant.entity_name or grant.entity_ref} and is not a file custodian."
            ),
            seen=f"role {grant.role_name or grant.role_id}",
            expected=f"only {listed(list(params.custodians), 3)}",
            evidence={"principal": grant.principal, "on": grant.entity_path},
        )
