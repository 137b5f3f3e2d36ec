from inventory.records import Kind
from tests.policies.builders import a_grant, a_role, excused, keys, missing, passes, violations

CHECK = "grant-combined-duties"

HOSTS = a_role(101, "Host.Config.Network", label="Host admins")
CONSOLE = a_role(102, "VirtualMachine.Interact.ConsoleInteract")
ON_HOSTS = a_grant(r"HALDEN\contractor", 101, entity_path="/Oslo/host", entity_name="hosts")
ON_MACHINES = a_grant(r"HALDEN\contractor", 102, entity_path="/Oslo/vm/Web")


def test_one_principal_with_both_duties_in_one_datacenter_fails():
    [violation] = violations(CHECK, ON_HOSTS, ON_MACHINES, HOSTS, CONSOLE)

    assert violation.key == ON_MACHINES.uid
    assert violation.message == (
        r"HALDEN\contractor may administer hosts and enter machines: "
        "as role-101 on hosts and as role-102 on Web."
    )


def test_both_grants_are_reported():
    assert keys(CHECK, ON_MACHINES, ON_HOSTS, HOSTS, CONSOLE) == {ON_HOSTS.uid}


def test_a_grant_at_the_root_reaches_every_datacenter():
    root = a_grant(r"HALDEN\Contractor", 101, at_root=True, entity_path="/")

    assert violations(CHECK, root, ON_MACHINES, HOSTS, CONSOLE)


def test_a_principal_is_one_in_both_spellings_and_a_user_is_no_group():
    spelt = a_grant("Contractor@halden", 102, entity_path="/Oslo/vm/Web")
    user = a_grant(r"HALDEN\contractor", 102, entity_path="/Oslo/vm/Web", is_group=False)

    assert violations(CHECK, ON_HOSTS, spelt, HOSTS, CONSOLE)
    assert passes(CHECK, ON_HOSTS, user, HOSTS, CONSOLE)


def test_duties_in_different_datacenters_pass():
    elsewhere = a_grant(r"HALDEN\contractor", 102, entity_path="/Bergen/vm")

    assert passes(CHECK, ON_HOSTS, elsewhere, HOSTS, CONSOLE)


def test_two_principals_pass():
    assert passes(
        CHECK, ON_HOSTS, a_grant(r"HALDEN\web", 102, entity_path="/Oslo/vm"), HOSTS, CONSOLE
    )


def test_a_conflict_inside_one_role_is_judged_with_the_role():
    both = a_role(101, "Host.Config.Network", "VirtualMachine.Interact.ConsoleInteract")

    assert passes(CHECK, ON_HOSTS, ON_MACHINES, both, CONSOLE)


def test_administrator_is_judged_elsewhere():
    assert excused(CHECK, a_grant(role_id=-1))
    assert passes(CHECK, ON_HOSTS, a_grant(r"HALDEN\contractor", -1), HOSTS)


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, ON_HOSTS, CONSOLE) == "the privileges of role 101"
    assert missing(CHECK, ON_HOSTS, ON_MACHINES, HOSTS) == "the privileges of role 102"
    assert missing(CHECK, a_grant(entity_path=None, at_root=None), HOSTS)
    assert missing(CHECK, ON_HOSTS, HOSTS, complete=frozenset(Kind) - {Kind.GRANT})
