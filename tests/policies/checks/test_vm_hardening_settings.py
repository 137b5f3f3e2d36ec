import pytest

from inventory.records import VirtualMachine
from tests.policies.builders import (
    a_vm,
    missing,
    passes,
    violations,
)

CHECK = "vm-hardening-settings"


def setting(key: str, value: str) -> VirtualMachine:
    return a_vm(extra_config={key: value})


def test_a_machine_that_sets_nothing_has_the_safe_defaults():
    assert passes(CHECK, a_vm(extra_config={}))


@pytest.mark.parametrize("value", ["TRUE", "true", "Yes"])
def test_the_safe_value_passes_however_it_is_written(value):
    assert passes(CHECK, setting("isolation.tools.copy.disable", value))


def test_the_unsafe_value_fails():
    [violation] = violations(CHECK, setting("isolation.tools.copy.disable", "FALSE"))

    assert violation.key == "isolation.tools.copy.disable"
    assert violation.message == "app-01 sets isolation.tools.copy.disable to FALSE."


@pytest.mark.parametrize(("value", "good"), [("1", True), ("2", False), ("40", False)])
def test_a_number_must_be_the_number(value, good):
    assert passes(CHECK, setting("RemoteDisplay.maxConnections", value)) is good


def test_a_setting_that_must_not_exist_fails_with_any_value():
    assert violations(CHECK, setting("sched.mem.pshare.salt", "1234"))


def test_settings_that_harden_nothing_are_not_judged():
    assert passes(CHECK, setting("svga.autodetect", "FALSE"))


def test_a_setting_can_be_left_out():
    vm = setting("mks.enable3d", "TRUE")

    assert violations(CHECK, vm)
    assert passes(CHECK, vm, ignored=("mks.*",))


def test_unread_settings_are_unknown():
    assert missing(CHECK, a_vm(extra_config=None)) == "extra_config"
