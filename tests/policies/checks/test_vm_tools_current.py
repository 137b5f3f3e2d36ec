import pytest

from inventory.records import PowerState
from tests.policies.builders import a_vm, excused, missing, passes, violations, without

CHECK = "vm-tools-current"


@pytest.mark.parametrize(
    "status",
    [
        "guestToolsCurrent",
        "guestToolsSupportedNew",
        "guestToolsSupportedOld",
        "guestToolsUnmanaged",
    ],
)
def test_current_supported_and_unmanaged_tools_pass(status):
    assert passes(CHECK, a_vm(tools_version_status=status))


@pytest.mark.parametrize(
    "status",
    [
        "guestToolsNeedUpgrade",
        "guestToolsTooOld",
        "guestToolsBlacklisted",
        "guestToolsNotInstalled",
    ],
)
def test_outdated_and_missing_tools_fail(status):
    assert violations(CHECK, a_vm(tools_version_status=status))


def test_what_is_accepted_can_be_set():
    vm = a_vm(tools_version_status="guestToolsUnmanaged")

    [violation] = violations(CHECK, vm, accepted=())

    assert violation.message == "The guest tools of app-01 are not managed by the platform."


@pytest.mark.parametrize("state", [PowerState.OFF, PowerState.SUSPENDED])
def test_a_machine_that_does_not_run_is_excused(state):
    assert excused(CHECK, a_vm(power_state=state, tools_version_status="guestToolsTooOld"))


@pytest.mark.parametrize("fact", ["connection_state", "power_state", "tools_version_status"])
def test_what_could_not_be_read_is_unknown(fact):
    assert missing(CHECK, a_vm(**without(fact))) == fact


def test_a_state_that_is_not_known_is_unknown():
    assert missing(CHECK, a_vm(tools_version_status="guestToolsLunar"))
