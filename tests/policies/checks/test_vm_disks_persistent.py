import pytest

from tests.policies.builders import (
    a_disk,
    a_vm,
    keys,
    missing,
    passes,
)

CHECK = "vm-disks-persistent"


@pytest.mark.parametrize("mode", ["persistent", "independent_persistent", "append"])
def test_a_disk_that_keeps_its_changes_passes(mode):
    assert passes(CHECK, a_vm(disks=(a_disk(mode=mode),)))


@pytest.mark.parametrize("mode", ["nonpersistent", "independent_nonpersistent"])
def test_a_disk_that_forgets_fails(mode):
    assert keys(CHECK, a_vm(disks=(a_disk("2000"), a_disk("2001", mode=mode)))) == {"2001"}


def test_a_machine_without_disks_passes():
    assert passes(CHECK, a_vm(disks=()))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(disks=None)) == "disks"
    assert missing(CHECK, a_vm(disks=(a_disk(mode=None),))) == "disks: the mode of Hard disk 1"
