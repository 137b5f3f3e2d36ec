from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.access.effective import Access, Standing, Way
from inventory.access.principals import PrincipalKey, key_of
from inventory.records import Grant, Member, Principal
from tests.policies.builders import a_grant, a_principal, a_role

ANNA = key_of(r"HALDEN\anna", is_group=False)
MACHINE = Standing(ref="vm-1", chains=(("folder", "root"), ("pool", "root")))


def grant(principal: str, ref: str, *, propagate: bool = True, role_id: int = 101) -> Grant:
    return a_grant(
        principal,
        role_id,
        uid=f"{principal} {ref}",
        is_group=principal.endswith("s"),
        entity_ref=ref,
        propagate=propagate,
    )


def deciding(*records: Grant | Principal, where: Standing = MACHINE) -> set[str]:
    return {way.grant.uid for way in Access(records).on(where, ANNA)}


def test_a_grant_reaches_what_is_below_it_only_when_it_propagates() -> None:
    assert deciding(grant(r"HALDEN\anna", "folder")) == {r"HALDEN\anna folder"}
    assert deciding(grant(r"HALDEN\anna", "folder", propagate=False)) == set()
    assert deciding(grant(r"HALDEN\anna", "vm-1", propagate=False)) == {r"HALDEN\anna vm-1"}


def test_a_nearer_grant_takes_the_place_of_one_further_up_of_whichever_principal() -> None:
    ops = a_principal(r"HALDEN\Ops", r"HALDEN\anna")
    nearer, further = grant(r"HALDEN\Ops", "vm-1"), grant(r"HALDEN\anna", "root")

    assert deciding(nearer, further, ops) == {r"HALDEN\Ops vm-1"}

    in_folder = Standing(ref="inner", chains=(("folder", "root"),))
    nearer = grant(r"HALDEN\Ops", "folder")
    assert deciding(nearer, further, ops, where=in_folder) == {r"HALDEN\Ops folder"}


def test_one_that_does_not_propagate_takes_no_place_below_itself() -> None:
    nearer = grant(r"HALDEN\anna", "folder", propagate=False)

    assert deciding(nearer, grant(r"HALDEN\anna", "root")) == {r"HALDEN\anna root"}


def test_on_one_object_the_users_own_grant_decides_alone() -> None:
    ops = a_principal(r"HALDEN\Ops", r"HALDEN\anna")

    found = deciding(grant(r"HALDEN\anna", "folder"), grant(r"HALDEN\Ops", "folder"), ops)

    assert found == {r"HALDEN\anna folder"}


def test_what_the_groups_hold_on_one_object_adds_up() -> None:
    groups = [a_principal(name, r"HALDEN\anna") for name in (r"HALDEN\Ops", r"HALDEN\Nights")]
    grants = [grant(r"HALDEN\Ops", "folder"), grant(r"HALDEN\Nights", "folder")]

    assert deciding(*grants, *groups) == {r"HALDEN\Ops folder", r"HALDEN\Nights folder"}


def test_what_comes_by_the_folder_and_by_the_pool_adds_up() -> None:
    grants = [grant(r"HALDEN\anna", "folder"), grant(r"HALDEN\anna", "root")]

    assert deciding(*grants) == {r"HALDEN\anna folder", r"HALDEN\anna root"}  # the root by the pool


def test_the_way_names_the_groups_from_the_person_to_the_grant() -> None:
    inner = a_principal(r"HALDEN\Nights", r"HALDEN\anna")
    outer = a_principal(r"HALDEN\Ops", groups=(r"HALDEN\Nights",))
    given = grant(r"HALDEN\Ops", "root")

    [way] = Access([given, inner, outer]).held(ANNA)

    assert way == Way(given, (r"HALDEN\Nights", r"HALDEN\Ops"))


def test_groups_that_contain_each_other_end_the_search() -> None:
    one = a_principal(r"HALDEN\Ops", r"HALDEN\anna", groups=(r"HALDEN\Nights",))
    two = a_principal(r"HALDEN\Nights", groups=(r"HALDEN\Ops",))

    assert deciding(grant(r"HALDEN\Nights", "root"), one, two) == {r"HALDEN\Nights root"}


def test_a_principal_is_one_however_it_is_written_but_a_user_is_no_group() -> None:
    ops = a_principal(r"HALDEN\Ops", "ANNA@halden")

    assert deciding(a_grant("ops@Halden", entity_ref="root", uid="g"), ops) == {"g"}
    assert deciding(a_grant("ops@Halden", entity_ref="root", is_group=False), ops) == set()


def test_a_group_that_did_not_tell_stands_for_whoever_is_in_it() -> None:
    access = Access([grant(r"HALDEN\Ops", "root"), a_principal(r"HALDEN\Ops", is_group=True)])

    assert access.unknown_groups == (key_of(r"HALDEN\Ops", is_group=True),)
    assert access.actors() == [*access.unknown_groups]


def test_an_empty_group_lets_nobody_in() -> None:
    empty = a_principal(r"HALDEN\Ops", is_group=True, members=())

    assert Access([grant(r"HALDEN\Ops", "root"), empty]).actors() == []


def test_duties_are_unknown_where_the_role_did_not_tell_its_privileges() -> None:
    given = grant(r"HALDEN\anna", "root")

    assert Access([given, a_role(101, privileges=None)]).duties(given) is None
    assert Access([given]).duties(given) is None


# --- against the rules, word by word ------------------------------------------------------------

USERS, GROUPS = ("ann", "bob"), ("g1s", "g2s", "g3s")
OBJECTS = ("root", "a", "b", "c", "d", "vm")


@st.composite
def estates(
    draw: st.DrawFn,
) -> tuple[dict[str, list[str]], list[Grant], dict[str, list[str]]]:
    """What is above each object, who holds what, and who is in which group."""
    above: dict[str, list[str]] = {"root": []}
    for n, name in enumerate(OBJECTS[1:-1], start=1):
        above[name] = [draw(st.sampled_from(OBJECTS[:n]))]
    above["vm"] = draw(st.lists(st.sampled_from(OBJECTS[:-1]), min_size=1, max_size=2))
    holders = st.tuples(st.sampled_from(USERS + GROUPS), st.sampled_from(OBJECTS))
    held = draw(st.dictionaries(holders, st.booleans(), max_size=8))
    grants = [grant(who, ref, propagate=propagate) for (who, ref), propagate in held.items()]
    inside = {
        group: draw(st.lists(st.sampled_from(USERS + GROUPS), unique=True, max_size=3))
        for group in GROUPS
    }
    return above, grants, inside


def routes(ref: str, above: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Every way from an object up to the root."""
    if not above[ref]:
        yield (ref,)
    for parent in above[ref]:
        for rest in routes(parent, above):
            yield (ref, *rest)


def members_of(group: str, inside: dict[str, list[str]], seen: frozenset[str]) -> set[str]:
    found = set(inside[group])
    for inner in inside[group]:
        if inner in inside and inner not in seen:
            found |= members_of(inner, inside, seen | {inner})
    return found


def decides(
    given: Grant,
    who: str,
    ref: str,
    grants: list[Grant],
    above: dict[str, list[str]],
    mine: set[str],
) -> bool:
    """Whether on some way up this grant applies and no other takes its place."""

    def applies(one: Grant) -> bool:
        return one.principal in mine and (one.entity_ref == ref or one.propagate)

    for way in routes(ref, above):
        if given.entity_ref not in way or not applies(given):
            continue
        nearer = way[: way.index(given.entity_ref)]
        if any(applies(one) and one.entity_ref in nearer for one in grants):
            continue
        own = [
            one
            for one in grants
            if applies(one) and one.entity_ref == given.entity_ref and one.principal == who
        ]
        if own and who in USERS and given.principal != who:
            continue
        return True
    return False


@given(estate=estates(), who=st.sampled_from(USERS + GROUPS), ref=st.sampled_from(OBJECTS))
@settings(max_examples=400)
def test_the_grants_that_decide_are_those_that_the_rules_name(
    estate: tuple[dict[str, list[str]], list[Grant], dict[str, list[str]]], who: str, ref: str
) -> None:
    above, grants, inside = estate
    mine = {who} | {group for group in GROUPS if who in members_of(group, inside, frozenset())}
    expected = {one.uid for one in grants if decides(one, who, ref, grants, above, mine)}

    groups = [
        a_principal(
            name,
            is_group=True,
            members=tuple(Member(name=one, is_group=one in GROUPS) for one in members),
        )
        for name, members in inside.items()
    ]
    standing = Standing(ref=ref, chains=tuple(way[1:] for way in routes(ref, above)))
    found = Access([*grants, *groups]).on(standing, PrincipalKey(f"{who}@", who in GROUPS))

    assert {way.grant.uid for way in found} == expected


def test_a_group_that_is_told_of_no_more_may_be_supposed() -> None:
    gone = key_of(r"HALDEN\Service Desk", is_group=True)
    supposed = Access([grant(r"HALDEN\anna", "vm-1")]).supposing(ANNA, [gone])

    assert supposed.groups_of(ANNA) == {gone: (gone.text,)}
    assert supposed.on(MACHINE, ANNA) == (Way(grant(r"HALDEN\anna", "vm-1")),)
