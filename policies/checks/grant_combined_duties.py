"""Two harmless roles in one hand can be what one role must not be."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from inventory.access.duties import (
    ADMINISTRATOR,
    CONFLICTS,
    WORDS,
    Duty,
    conflicting,
)
from inventory.access.effective import holder_of
from inventory.access.holdings import territory
from inventory.access.principals import PrincipalKey
from policies.duties import duties_of_role
from policies.spec import (
    Blank,
    Deviation,
    Estate,
    FactMissing,
    Grant,
    Kind,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    conflicts: Annotated[
        tuple[tuple[Duty, Duty], ...], Meta(description="Pairs of duties that exclude each other")
    ] = CONFLICTS


def _conflicts(found: Deviation) -> Value:
    pairs = found.evidence.get("conflicts")
    if not isinstance(pairs, list | tuple):
        return None
    words = {duty.value: word for duty, word in WORDS.items()}
    return "; ".join(
        " and ".join(words.get(str(one), str(one)) for one in pair)
        for pair in pairs
        if isinstance(pair, list | tuple)
    )


@check(
    id="grant-combined-duties",
    title="No principal combines duties that exclude each other",
    severity=Severity.HIGH,
    statements=("LOG-2",),
    params=Params,
    facts=("principal", "role_id", "entity_path"),
    reads=("grant.principal", "grant.role_id", "grant.entity_path", "role.privileges"),
    why=(
        "Whoever maintains hosts has no need to enter machines. When several grants add up to "
        "both, one account can change a machine and remove the trace."
    ),
    fix={
        Platform.VSPHERE: (
            "Decide which duty the principal has and delete the grant of the other; somebody who "
            "has both duties uses two accounts."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask which duty «principal» has. They may «conflicts», through the role «role» on "
                "«entity» and the grant “«other_grant»”.",
                "Delete the grant of the other duty: select its object > Permissions > the entry > "
                "Delete.",
                "When one person has both duties, make a second account for the second duty.",
            ),
            because="which of the two duties goes is a decision of people.",
            verify="Permissions lists only one of the two entries for «principal».",
            needs="Authorization.ModifyPermissions on the object of the grant.",
            effect="«principal» loses what the deleted grant gave, at once.",
            blanks={
                "conflicts": Blank("duties", fact=_conflicts),
                "other_grant": Blank("other grant", evidence="other_grant"),
            },
        ),
    },
)
def combined_duties(grant: Grant, estate: Estate, params: Params) -> Iterator[Violation]:
    if grant.role_id == ADMINISTRATOR:
        not_applicable("Administrator is judged by grant-administrator-at-root.")
    here = _territory(grant)
    own = duties_of_role(grant.role_id, estate)
    doubts: list[str] = []
    for other in estate.derived(_by_principal)[holder_of(grant)]:
        if other.role_id in (grant.role_id, ADMINISTRATOR):
            continue
        try:
            theirs = duties_of_role(other.role_id, estate)
            there = _territory(other)
        except FactMissing as missing:
            doubts.append(missing.fact)
            continue
        alone = set(conflicting(own, params.conflicts)) | set(conflicting(theirs, params.conflicts))
        added = [one for one in conflicting(own | theirs, params.conflicts) if one not in alone]
        if added and (here == there or "" in (here, there)):
            one, two = added[0]
            yield Violation(
                key=other.uid,
                message=(
                    f"{grant.principal} may {WORDS[one]} and {WORDS[two]}: as "
                    f"{grant.role_name or grant.role_id} on {_where(grant)} and as "
                    f"{other.role_name or other.role_id} on {_where(other)}."
                ),
                seen=f"{one} and {two}",
                expected="one of them",
                evidence={"conflicts": [list(pair) for pair in added], "other_grant": other.name},
            )
    if doubts:
        raise FactMissing(doubts[0])
    estate.whole(Kind.GRANT)


def _territory(grant: Grant) -> str:
    """The data center a grant is in, "" for the root; or raise FactMissing."""
    return known(territory(grant), f"the entity path of {grant.name}")


def _where(grant: Grant) -> str:
    return grant.entity_name or grant.entity_ref


def _by_principal(estate: Estate) -> dict[PrincipalKey, list[Grant]]:
    grants: dict[PrincipalKey, list[Grant]] = {}
    for grant in estate.of(Grant):
        grants.setdefault(holder_of(grant), []).append(grant)
    return grants
