from typing import Any

from inventory.records import Kind, PowerState
from tests.policies.builders import a_history, a_vm, missing, passes, violations

CHECK = "vm-powered-off-too-long"

OFF = a_vm(power_state=PowerState.OFF)


def off_for(days: float) -> dict[str, Any]:
    return {"history": a_history(OFF, Kind.VM, off_for_days=days)}


def test_a_running_machine_passes_however_long_it_runs():
    assert passes(CHECK, a_vm(), **off_for(400))


def test_exactly_the_allowed_time_passes():
    assert passes(CHECK, OFF, **off_for(30))


def test_a_machine_that_is_off_longer_fails():
    [violation] = violations(CHECK, OFF, **off_for(31))

    assert violation.message == "app-01 has been off for 31 days."


def test_a_suspended_machine_is_as_dormant():
    [violation] = violations(CHECK, a_vm(power_state=PowerState.SUSPENDED), **off_for(90))

    assert violation.message == "app-01 has been suspended for 90 days."


def test_the_limit_can_be_set():
    assert violations(CHECK, OFF, max_days=0, **off_for(0.5))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(power_state=None)) == "power_state"
    assert missing(CHECK, OFF) == "since when app-01 is off"
