from inventory.records import Kind
from tests.policies.builders import (
    a_grant,
    a_principal,
    a_role,
    excused,
    keys,
    missing,
    passes,
    violations,
)

CHECK = "principal-combined-duties"
HOSTS = a_role(101, "Host.Config.Network")
CONSOLE = a_role(102, "VirtualMachine.Interact.ConsoleInteract")
ROLES = (HOSTS, CONSOLE)
JONAS = a_principal(r"HALDEN\jonas")
ADMINS = a_principal(r"HALDEN\Host Admins", JONAS.name)
ENTERERS = a_principal(r"HALDEN\Console Users", JONAS.name)
GROUPS = (ADMINS, ENTERERS)
ON_HOSTS = a_grant(ADMINS.name, 101, entity_ref="h", entity_path="/Oslo/host", entity_name="hosts")
ON_MACHINES = a_grant(ENTERERS.name, 102, entity_path="/Oslo/vm/Web")


def test_somebody_in_two_groups_with_both_duties_in_one_data_center_fails():
    [violation] = violations(CHECK, JONAS, *GROUPS, ON_HOSTS, ON_MACHINES, *ROLES)

    assert violation.key == "host-admin+vm-access"
    assert violation.message == (
        r"HALDEN\jonas may administer hosts and enter machines: as role-101 on hosts by way of "
        r"HALDEN\Host Admins and as role-102 on Web by way of HALDEN\Console Users."
    )


def test_a_grant_in_person_adds_to_that_of_a_group():
    own = a_grant(JONAS.name, 101, entity_ref="h", entity_path="/Oslo/host", is_group=False)

    assert violations(CHECK, JONAS, ENTERERS, own, ON_MACHINES, *ROLES)


def test_nested_groups_count():
    inner = a_principal(r"HALDEN\Contractors", JONAS.name)
    outer = a_principal(ADMINS.name, groups=(inner.name,))

    assert violations(CHECK, JONAS, inner, outer, ENTERERS, ON_HOSTS, ON_MACHINES, *ROLES)


def test_duties_in_different_data_centers_pass():
    elsewhere = a_grant(ENTERERS.name, 102, entity_path="/Bergen/vm")

    assert passes(CHECK, JONAS, *GROUPS, ON_HOSTS, elsewhere, *ROLES)


def test_what_one_principal_holds_alone_is_judged_by_its_grants():
    both = a_grant(ADMINS.name, 102, uid="other", entity_path="/Oslo/vm")

    assert passes(CHECK, JONAS, ADMINS, ON_HOSTS, both, *ROLES)


def test_administrator_is_judged_by_its_own_check_and_hides_nothing_here():
    root = a_grant(r"HALDEN\Root", -1, at_root=True, entity_ref="d1", entity_path="/")
    around = (JONAS, ADMINS, a_principal(root.principal, JONAS.name), root, ON_HOSTS, *ROLES)

    assert passes(CHECK, *around)
    assert violations(CHECK, *around, ENTERERS, ON_MACHINES)


def test_a_group_that_may_have_somebody_in_it_leaves_it_open():
    silent = a_principal(ENTERERS.name, is_group=True)
    around = (JONAS, ADMINS, silent, ON_HOSTS, ON_MACHINES, *ROLES)

    assert missing(CHECK, *around) == rf"the members of {ENTERERS.name}"


def test_a_group_that_could_add_no_conflict_leaves_nothing_open():
    silent = a_principal(r"HALDEN\Other Admins", is_group=True)
    more = a_grant(silent.name, 101, entity_ref="h", entity_path="/Oslo/host")

    assert passes(CHECK, JONAS, ADMINS, silent, ON_HOSTS, more, *ROLES)


def test_a_group_that_did_not_tell_is_judged_by_the_groups_it_is_in():
    silent = a_principal(ENTERERS.name, is_group=True)
    admins = a_principal(ADMINS.name, is_group=True, members=())
    nested = a_principal(ADMINS.name, groups=(silent.name,))

    assert violations(CHECK, silent, nested, ON_HOSTS, ON_MACHINES, *ROLES)
    assert excused(CHECK, silent, admins, ON_HOSTS, ON_MACHINES, *ROLES)


def test_a_group_whose_members_are_known_is_judged_by_them():
    assert excused(CHECK, ADMINS, JONAS, ENTERERS, ON_HOSTS, ON_MACHINES, *ROLES)


def test_without_privileges_of_a_role_or_the_place_of_a_grant_it_is_unknown():
    unread = a_role(102, privileges=None)
    lost = a_grant(ENTERERS.name, 102, entity_path=None)

    assert "role 102" in missing(CHECK, JONAS, *GROUPS, ON_HOSTS, ON_MACHINES, HOSTS, unread)
    assert "where" in missing(CHECK, JONAS, *GROUPS, ON_HOSTS, lost, *ROLES)


def test_without_the_complete_list_of_grants_nobody_passes():
    around = (JONAS, ADMINS, ON_HOSTS, *ROLES)

    assert passes(CHECK, *around)
    assert missing(CHECK, *around, complete=frozenset(Kind) - {Kind.GRANT})


def test_pairs_can_be_set():
    pairs = (("vm-access", "network-admin"),)

    assert passes(CHECK, JONAS, *GROUPS, ON_HOSTS, ON_MACHINES, *ROLES, conflicts=pairs)
    assert keys(CHECK, JONAS, *GROUPS, ON_HOSTS, ON_MACHINES, *ROLES)
