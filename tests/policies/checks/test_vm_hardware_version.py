import pytest

from tests.policies.builders import (
    a_vm,
    missing,
    passes,
    violations,
)

CHECK = "vm-hardware-version"


@pytest.mark.parametrize("version", [17, 21])
def test_the_minimum_and_newer_pass(version):
    assert passes(CHECK, a_vm(hardware_version=version))


def test_an_older_version_fails():
    [violation] = violations(CHECK, a_vm(hardware_version=16))

    assert violation.message == "app-01 has virtual hardware version 16."


def test_the_minimum_can_be_set():
    assert violations(CHECK, a_vm(hardware_version=19), minimum=20)


def test_unread_is_unknown():
    assert missing(CHECK, a_vm(hardware_version=None)) == "hardware_version"
