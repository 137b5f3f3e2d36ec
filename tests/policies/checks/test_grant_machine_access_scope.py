import pytest

from tests.policies.builders import (
    a_grant,
    a_role,
    excused,
    missing,
    passes,
    violations,
)

CHECK = "grant-machine-access-scope"

CONSOLE = a_role(101, "VirtualMachine.Interact.ConsoleInteract")


def test_a_right_on_a_folder_passes():
    assert passes(CHECK, a_grant(entity_type="Folder"), CONSOLE)


@pytest.mark.parametrize("entity_type", ["Datacenter", "ClusterComputeResource"])
def test_a_right_on_everything_below_fails(entity_type):
    assert violations(CHECK, a_grant(entity_type=entity_type), CONSOLE)


def test_a_right_on_the_root_fails():
    [violation] = violations(CHECK, a_grant(at_root=True, entity_name="Datacenters"), CONSOLE)

    assert violation.message == (
        r"HALDEN\vm-operators may enter machines on everything below Datacenters."
    )


def test_a_right_that_is_not_inherited_reaches_no_machine():
    assert passes(CHECK, a_grant(entity_type="Datacenter", propagate=False), CONSOLE)


def test_the_list_of_the_allowed_can_be_set():
    grant = a_grant("backup@HALDEN", entity_type="Datacenter")

    assert passes(CHECK, grant, CONSOLE, allowed=(r"HALDEN\backup",))


def test_a_role_without_rights_over_machines_is_not_concerned():
    assert excused(CHECK, a_grant(entity_type="Datacenter"), a_role(101, "System.Read"))


def test_administrator_is_judged_elsewhere():
    assert excused(CHECK, a_grant(role_id=-1, at_root=True))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_grant(entity_type=None), CONSOLE) == "entity_type"
    assert missing(CHECK, a_grant(at_root=None), CONSOLE) == "at_root"
    assert missing(CHECK, a_grant()) == "the privileges of role 101"
    assert missing(CHECK, a_grant(), a_role(101, privileges=None))
