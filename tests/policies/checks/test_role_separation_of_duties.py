from inventory.records import Kind
from tests.policies.builders import a_grant, a_role, excused, keys, missing, passes, violations

CHECK = "role-separation-of-duties"

BOTH = ("Host.Config.Network", "VirtualMachine.Interact.ConsoleInteract")


def test_a_role_of_one_duty_passes():
    assert passes(CHECK, a_role(101, "Host.Config.Network", "Host.Local.CreateVM"), a_grant())


def test_a_role_that_combines_duties_fails_when_somebody_holds_it():
    [violation] = violations(CHECK, a_role(101, *BOTH), a_grant(r"HALDEN\contractor"))

    assert violation.key == "host-admin+vm-access"
    assert violation.message == (
        r"Role Role 101, held by HALDEN\contractor, may both administer hosts and enter machines."
    )


def test_a_role_that_nobody_holds_is_not_concerned():
    assert "Nobody" in excused(CHECK, a_role(101, *BOTH))


def test_each_conflict_is_its_own_finding():
    role = a_role(101, *BOTH, "Authorization.ModifyPermissions")

    assert keys(CHECK, role, a_grant()) == {
        "host-admin+vm-access",
        "access-admin+host-admin",
        "access-admin+vm-access",
    }


def test_which_duties_exclude_each_other_can_be_set():
    assert passes(CHECK, a_role(101, *BOTH), a_grant(), conflicts=())


def test_a_privilege_that_only_looks_alike_does_not_count():
    assert passes(
        CHECK, a_role(101, "Host.Config.Network", "Network.Assigned", "HostProfile.View"), a_grant()
    )


def test_administrator_is_judged_elsewhere():
    assert "Administrator" in excused(CHECK, a_role(-1, *BOTH), a_grant(role_id=-1))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_role(101, privileges=None), a_grant()) == "privileges"
    assert missing(CHECK, a_role(101, *BOTH), complete=frozenset(Kind) - {Kind.GRANT})
