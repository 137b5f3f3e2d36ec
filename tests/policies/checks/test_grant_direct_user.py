import pytest

from tests.policies.builders import (
    a_grant,
    passes,
    violations,
)

CHECK = "grant-direct-user"


def test_a_group_passes():
    assert passes(CHECK, a_grant())


def test_a_person_fails():
    [violation] = violations(CHECK, a_grant(r"HALDEN\kari", is_group=False))

    assert violation.message == r"HALDEN\kari holds the role role-101 on Web in person."


@pytest.mark.parametrize(
    "principal",
    [
        r"VSPHERE.LOCAL\Administrator",
        "administrator@vsphere.local",
        r"VSPHERE.LOCAL\vpxd-7f0e",
    ],
)
def test_the_break_glass_account_and_services_of_the_platform_pass(principal):
    assert passes(CHECK, a_grant(principal, is_group=False))


def test_somebody_with_the_name_of_the_break_glass_account_elsewhere_fails():
    assert violations(CHECK, a_grant(r"HALDEN\Administrator", is_group=False))


def test_the_list_of_the_allowed_can_be_set():
    assert passes(CHECK, a_grant("backup@HALDEN", is_group=False), allowed=(r"halden\backup",))
