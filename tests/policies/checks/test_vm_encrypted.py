import pytest

from tests.policies.builders import (
    a_vm,
    excused,
    missing,
    passes,
    violations,
)

CHECK = "vm-encrypted"


@pytest.mark.parametrize("classification", ["patient data", "Restricted", "SECRET"])
def test_a_machine_of_a_high_classification_fails_without_encryption(classification):
    assert violations(CHECK, a_vm(classification=classification, encrypted=False))
    assert passes(CHECK, a_vm(classification=classification, encrypted=True))


def test_other_machines_are_not_concerned():
    assert "internal" in excused(CHECK, a_vm(encrypted=False))


def test_which_classifications_can_be_set():
    assert violations(CHECK, a_vm(encrypted=False), classifications=("Internal",))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(classification="secret", encrypted=None)) == "encrypted"
    assert missing(CHECK, a_vm(classification=None)) == "classification"
    assert missing(CHECK, a_vm(classification="")) == "classification"
