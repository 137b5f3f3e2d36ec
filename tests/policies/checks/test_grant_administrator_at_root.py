from typing import Any

from inventory.records import Grant
from tests.policies.builders import a_grant, excused, missing, passes, violations

CHECK = "grant-administrator-at-root"


def administrator(principal: str = r"HALDEN\admins", **facts: Any) -> Grant:
    return a_grant(principal, -1, **{"at_root": True, "entity_path": "/", **facts})


def test_a_group_that_administers_everything_fails():
    [violation] = violations(CHECK, administrator())

    assert "HALDEN" in violation.message


def test_the_platforms_own_administrators_pass():
    assert passes(CHECK, administrator(r"VSPHERE.LOCAL\Administrators"))
    assert passes(CHECK, administrator("Administrator@vsphere.local", is_group=False))


def test_administrator_below_the_root_passes():
    assert passes(CHECK, administrator(at_root=False))


def test_administrator_of_the_root_object_alone_passes():
    assert passes(CHECK, administrator(propagate=False))


def test_another_role_is_not_concerned():
    assert excused(CHECK, a_grant(at_root=True))


def test_an_unread_place_is_unknown():
    assert missing(CHECK, administrator(at_root=None)) == "at_root"
