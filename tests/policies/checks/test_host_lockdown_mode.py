import pytest

from tests.policies.builders import (
    a_host,
    missing,
    passes,
    violations,
)

CHECK = "host-lockdown-mode"


@pytest.mark.parametrize("mode", ["lockdownNormal", "lockdownStrict"])
def test_a_locked_host_passes(mode):
    assert passes(CHECK, a_host(lockdown_mode=mode))


def test_an_open_host_fails():
    [violation] = violations(CHECK, a_host(lockdown_mode="lockdownDisabled"))

    assert violation.message == "esx-01 is not in lockdown mode."


def test_normal_is_not_enough_where_strict_is_asked_for():
    host = a_host(lockdown_mode="lockdownNormal")

    assert violations(CHECK, host, minimum="lockdownStrict")
    assert passes(CHECK, a_host(lockdown_mode="lockdownStrict"), minimum="lockdownStrict")


def test_a_mode_that_was_not_read_or_is_not_known_is_unknown():
    assert missing(CHECK, a_host(lockdown_mode=None)) == "lockdown_mode"
    assert missing(CHECK, a_host(lockdown_mode="lockdownLunar"))
