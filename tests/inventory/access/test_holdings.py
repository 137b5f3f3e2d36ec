from typing import Any

from inventory.access.duties import ADMINISTRATOR, Duty
from inventory.access.effective import Access
from inventory.access.holdings import clashes, scopes_of
from inventory.access.principals import key_of
from inventory.records import Grant, Principal, Role
from tests.policies.builders import a_grant, a_principal, a_role

ANNA = key_of(r"HALDEN\anna", is_group=False)
HOSTS, ENTER = (
    a_role(101, "Host.Config.Network"),
    a_role(102, "VirtualMachine.GuestOperations.Modify"),
)
OPS = a_principal(r"HALDEN\Ops", r"HALDEN\anna")
NIGHTS = a_principal(r"HALDEN\Nights", r"HALDEN\anna")


def on(path: str, principal: str, role_id: int, **facts: Any) -> Grant:
    return a_grant(
        principal,
        role_id,
        uid=f"{principal} {path}",
        is_group=principal != r"HALDEN\anna",
        entity_ref=path,
        **{"entity_path": path, "at_root": path == "/", **facts},
    )


def pairs(*records: Grant | Principal | Role, **how: Any) -> set[tuple[str, str, str | None]]:
    found = clashes(scopes_of(Access([HOSTS, ENTER, OPS, NIGHTS, *records]), ANNA), **how)
    return {(one.one, one.two, one.territory) for one in found}


BOTH = (Duty.HOST_ADMIN, Duty.VM_ACCESS)


def test_scopes_name_what_is_held_by_which_way_and_the_root_comes_first() -> None:
    below = on("/Oslo/vm", r"HALDEN\Nights", 102)
    root = on("/", r"HALDEN\Ops", 101)

    first, second = scopes_of(Access([HOSTS, ENTER, OPS, NIGHTS, below, root]), ANNA)

    assert first.grant == root
    assert first.duties == {Duty.HOST_ADMIN}
    assert second.held[0].way.through == (r"HALDEN\Nights",)


def test_a_groups_grant_counts_for_nothing_where_the_user_has_one() -> None:
    group, own = on("/Oslo/vm", r"HALDEN\Nights", 102), on("/Oslo/vm", r"HALDEN\anna", 101)

    [scope] = scopes_of(Access([HOSTS, ENTER, NIGHTS, group, own]), ANNA)

    assert scope.duties == {Duty.HOST_ADMIN}
    assert [one.counts for one in scope.held] == [True, False]


def test_a_groups_grant_counts_below_where_the_users_own_does_not_propagate() -> None:
    group = on("/Oslo/vm", r"HALDEN\Nights", 102)
    own = on("/Oslo/vm", r"HALDEN\anna", 101, propagate=False)

    [scope] = scopes_of(Access([HOSTS, ENTER, NIGHTS, group, own]), ANNA)

    assert scope.duties == {Duty.HOST_ADMIN, Duty.VM_ACCESS}


def test_duties_from_two_groups_clash_within_one_data_center() -> None:
    hosts = on("/Oslo/host", r"HALDEN\Ops", 101)

    assert pairs(hosts, on("/Oslo/vm/Web", r"HALDEN\Nights", 102)) == {(*BOTH, "Oslo")}
    assert pairs(hosts, on("/Bergen/vm", r"HALDEN\Nights", 102)) == set()


def test_what_is_held_at_the_root_clashes_in_every_data_center() -> None:
    enter = on("/Oslo/vm/Web", r"HALDEN\Nights", 102)

    assert pairs(on("/", r"HALDEN\Ops", 101), enter) == {(*BOTH, "Oslo")}
    assert pairs(on("/", r"HALDEN\Ops", 101, propagate=False), enter) == set()


def test_a_grant_on_the_data_center_takes_the_place_of_one_at_the_root() -> None:
    root = on("/", r"HALDEN\Ops", 101)

    assert pairs(root, on("/Oslo", r"HALDEN\Nights", 102)) == set()
    assert pairs(root, on("/Oslo", r"HALDEN\Nights", 102, propagate=False)) == {(*BOTH, "Oslo")}


def test_what_is_at_an_unknown_place_may_clash_anywhere() -> None:
    hosts = on("/Oslo/host", r"HALDEN\Ops", 101)
    somewhere = on("/x", r"HALDEN\Nights", 102, entity_path=None)

    assert pairs(hosts, somewhere) == {(*BOTH, None)}


def test_roles_that_are_judged_elsewhere_can_be_left_out() -> None:
    everything = on("/", r"HALDEN\Ops", ADMINISTRATOR)
    hosts = on("/Oslo/host", r"HALDEN\Nights", 101)

    assert pairs(everything, hosts)
    assert pairs(everything, hosts, without_roles=frozenset({ADMINISTRATOR})) == set()
