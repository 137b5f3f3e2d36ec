"""Those who maintain hosts do not need to enter machines, and the other way round."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from inventory.access.duties import (
    ADMINISTRATOR,
    CONFLICTS,
    WORDS,
    Duty,
    conflicting,
    duties,
    privilege_of,
)
from policies.facts import (
    listed,
)
from policies.spec import (
    Blank,
    Estate,
    Grant,
    Kind,
    Parameters,
    Platform,
    Remedy,
    Role,
    Severity,
    Violation,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    conflicts: Annotated[
        tuple[tuple[Duty, Duty], ...], Meta(description="Pairs of duties that exclude each other")
    ] = CONFLICTS


@check(
    id="role-separation-of-duties",
    title="No role that is in use combines duties that exclude each other",
    severity=Severity.HIGH,
    statements=("LOG-2",),
    params=Params,
    facts=("privileges",),
    reads=("grant.role_id",),
    why=(
        "With host and machine administration in one role, everyone who holds it can take a "
        "machine apart and hide that it happened. Separate roles need two people to agree."
    ),
    fix={
        Platform.VSPHERE: (
            "Make one role for each duty, grant each to a group of its own, and take the "
            "privileges of the other duty out of this role."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Decide which duty the role «role» is for; it is held by: «holders».",
                "Administration > Access Control > Roles > New: a role for the other duty, and a "
                "group for those who have it.",
                "Grant the new role where the old one is granted, and let people try their work.",
                "Roles > «role» > Edit: untick the privileges of the other duty.",
            ),
            because=(
                "which duty the role keeps is a decision, and a privilege that is taken out is "
                "taken from everybody who holds the role."
            ),
            verify="Roles > «role» > Privileges shows the privileges of one duty.",
            needs="Authorization.ModifyRoles and Authorization.ModifyPermissions at the root.",
            effect="Everybody who holds the role loses the privileges at once.",
            blanks={"holders": Blank("holders", evidence="holders")},
        ),
    },
)
def separation_of_duties(role: Role, estate: Estate, params: Params) -> Iterator[Violation]:
    if int(role.uid) == ADMINISTRATOR:
        not_applicable("Administrator holds every duty; who has it is judged by the grant checks.")
    holders = estate.derived(_holders).get(int(role.uid), [])
    if not holders:
        estate.whole(Kind.GRANT)
        not_applicable("Nobody holds this role.")
    privileges = known(role.privileges, "privileges")
    for one, two in conflicting(duties(privileges), params.conflicts):
        yield Violation(
            key=f"{one}+{two}",
            message=(
                f"Role {role.label or role.name}, held by {listed(holders, 3)}, may both "
                f"{WORDS[one]} and {WORDS[two]}."
            ),
            seen=f"{one} and {two}",
            expected="one of them",
            evidence={
                "holders": holders,
                one.value: [held for held in privileges if privilege_of(one, held)][:10],
                two.value: [held for held in privileges if privilege_of(two, held)][:10],
            },
        )


def _holders(estate: Estate) -> dict[int, list[str]]:
    holders: dict[int, set[str]] = {}
    for grant in estate.of(Grant):
        holders.setdefault(grant.role_id, set()).add(grant.principal)
    return {role_id: sorted(names) for role_id, names in holders.items()}
