"""What no grant and no role gives alone, one person can have by being in two groups."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from inventory.access.duties import ADMINISTRATOR, CONFLICTS, WORDS, Duty, conflicting
from inventory.access.effective import Access, Way
from inventory.access.holdings import Clash, clashes, scopes_of
from inventory.access.principals import PrincipalKey, key_of
from policies.spec import (
    Blank,
    Estate,
    FactMissing,
    Kind,
    Parameters,
    Platform,
    Principal,
    Remedy,
    Severity,
    Violation,
    check,
    not_applicable,
)

JUDGED_ELSEWHERE = frozenset({ADMINISTRATOR})


class Params(Parameters, frozen=True):
    conflicts: Annotated[
        tuple[tuple[Duty, Duty], ...], Meta(description="Pairs of duties that exclude each other")
    ] = CONFLICTS


@check(
    id="principal-combined-duties",
    title="Nobody combines duties that exclude each other by way of groups",
    severity=Severity.HIGH,
    statements=("LOG-2",),
    params=Params,
    facts=("name", "is_group"),
    reads=(
        "principal.members",
        "principal.name",
        "principal.is_group",
        "grant.principal",
        "grant.is_group",
        "grant.role_id",
        "grant.propagate",
        "grant.at_root",
        "grant.entity_ref",
        "grant.entity_name",
        "grant.entity_path",
        "role.privileges",
    ),
    why=(
        "Each group has one duty and looks right in a review of grants. Somebody who is in both "
        "can change a machine and remove the trace, and no single entry shows it."
    ),
    fix={
        Platform.VSPHERE: (
            "Decide which duty the person has and take them out of the group of the other; "
            "somebody who has both duties uses two accounts."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask which duty «principal» has. They hold: «ways».",
                "Take «principal» out of the group of the other duty, in the directory it is from, "
                "or delete the person's own grant where it is one.",
                "When one person has both duties, make a second account for the second duty.",
            ),
            because="which of the two duties goes is a decision of people.",
            verify="After the next collection the page of «principal» marks no conflict.",
            needs="The right to change the members of the group.",
            effect="«principal» loses what the group held, at the next login.",
            blanks={"ways": Blank("grants and groups", evidence="ways")},
        ),
    },
)
def combined_duties(principal: Principal, estate: Estate, params: Params) -> Iterator[Violation]:
    access = estate.derived(_access)
    who = key_of(principal.name, is_group=principal.is_group)
    if principal.is_group and access.members_known(who):
        not_applicable("Its members are judged one by one, its own grants by the grant checks.")
    found = _added(access, who, params)
    certain = [clash for clash in found if clash.territory is not None]
    if principal.is_group and not certain:
        not_applicable("What its own grants combine is judged by the grant checks.")
    for clash in certain:
        yield _violation(principal, clash)
    if len(certain) < len(found):
        raise FactMissing(f"where the grants of {principal.name} are")
    _nothing_unknown(access, who, params, known={clash_key(clash) for clash in found})
    estate.whole(Kind.GRANT)


def _access(estate: Estate) -> Access:
    return Access(estate.records)


def _added(
    access: Access, who: PrincipalKey, params: Params, *, replacing: bool = True
) -> list[Clash]:
    """A clash for each pair of duties that no principal alone has already, known places first."""
    found: dict[str, Clash] = {}
    held = {duty for way in access.held(who) for duty in access.duties(way.grant) or ()}
    if not conflicting(frozenset(held), params.conflicts):
        return []  # most people
    for clash in clashes(
        scopes_of(access, who),
        params.conflicts,
        without_roles=JUDGED_ELSEWHERE,
        replacing=replacing,
    ):
        one, two = ({way.holder for way in ways} for ways in (clash.by_one, clash.by_two))
        before = found.get(clash_key(clash))
        if not one & two and (before is None or before.territory is None):
            found[clash_key(clash)] = clash
    return list(found.values())


def _nothing_unknown(access: Access, who: PrincipalKey, params: Params, *, known: set[str]) -> None:
    """Return when nothing that is not known could make a difference, or raise FactMissing."""
    for way in access.held(who):
        if access.duties(way.grant) is None:
            raise FactMissing(f"the privileges of role {way.grant.role_id}")
    supposed = access.supposing(who) if access.unknown_groups else access
    for clash in _added(supposed, who, params, replacing=False):
        if clash_key(clash) not in known:
            groups = [
                way.through[0]
                for way in (*clash.by_one, *clash.by_two)
                if way.through and not access.members_known(key_of(way.through[0], is_group=True))
            ]
            raise FactMissing(f"the members of {min(groups, default='the groups with grants')}")


def clash_key(clash: Clash) -> str:
    return f"{clash.one}+{clash.two}"


def _violation(principal: Principal, clash: Clash) -> Violation:
    one, two = clash.by_one[0], clash.by_two[0]
    return Violation(
        key=clash_key(clash),
        message=(
            f"{principal.name} may {WORDS[clash.one]} and {WORDS[clash.two]}: "
            f"{_said(one)} and {_said(two)}."
        ),
        seen=f"{clash.one} and {clash.two}",
        expected="one of them",
        evidence={
            "conflicts": [[clash.one.value, clash.two.value]],
            "in": clash.territory or "everywhere",
            "ways": [_said(one), _said(two)],
        },
    )


def _said(way: Way) -> str:
    """ "as Operator on Web by way of HALDEN\\Ops" """
    grant = way.grant
    held = f"as {grant.role_name or grant.role_id} on {grant.entity_name or grant.entity_ref}"
    return f"{held} by way of {', '.join(way.through)}" if way.through else f"{held} in person"
