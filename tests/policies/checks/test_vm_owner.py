from inventory.records import PowerState
from tests.policies.builders import a_vm, excused, missing, passes, violations

CHECK = "vm-owner"


def test_an_owned_machine_passes():
    assert passes(CHECK, a_vm())


def test_a_machine_without_an_owner_fails_on_or_off():
    assert violations(CHECK, a_vm(owner=""))
    assert violations(CHECK, a_vm(owner="", power_state=PowerState.OFF))


def test_an_owner_that_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(owner=None)) == "owner"


def test_agents_of_the_platform_are_excused():
    assert excused(CHECK, a_vm("vCLS-4c2f", owner=""))
