from tests.policies.builders import a_grant, a_role, excused, missing, passes, violations

CHECK = "grant-file-access"

FILES = a_role(101, "Datastore.Browse")
NAMED = {"custodians": (r"HALDEN\storage",)}


def test_nobody_is_judged_until_custodians_are_named():
    assert excused(CHECK, a_grant(), FILES)


def test_a_custodian_passes():
    assert passes(CHECK, a_grant("Storage@halden"), FILES, **NAMED)


def test_somebody_else_with_file_rights_fails():
    assert violations(CHECK, a_grant(r"HALDEN\web"), FILES, **NAMED)


def test_a_role_without_file_rights_passes():
    assert passes(CHECK, a_grant(), a_role(101, "Datastore.AllocateSpace"), **NAMED)


def test_administrator_is_judged_elsewhere():
    assert excused(CHECK, a_grant(role_id=-1), **NAMED)


def test_a_role_that_was_not_read_is_unknown():
    assert missing(CHECK, a_grant(), **NAMED) == "the privileges of role 101"
