from typing import Any

from inventory.records import Kind, VirtualMachine
from policies.spec import OTHERS
from tests.policies.builders import a_disk, a_vm, missing, passes, violations

CHECK = "vm-disk-single-classification"

SHARED = "[gold] quorum/quorum.vmdk"


def with_disk(name: str, **facts: Any) -> VirtualMachine:
    return a_vm(name, disks=(a_disk(file=SHARED),), **facts)


def test_machines_of_one_classification_may_share_a_disk():
    assert passes(CHECK, with_disk("a"), with_disk("b", classification="Internal"))


def test_a_disk_of_its_own_passes():
    assert passes(CHECK, a_vm(), a_vm("db", classification="secret"))


def test_a_disk_shared_with_another_classification_fails():
    [violation] = violations(CHECK, with_disk("a"), with_disk("db", classification="secret"))

    assert violation.key == SHARED
    assert (
        violation.message == "a (internal) shares a disk with 1 machine of another classification."
    )
    assert violation.evidence[OTHERS] == ["db (secret)"]
    assert "db" not in violation.message + violation.seen


def test_the_same_disk_attached_twice_to_one_machine_is_not_shared():
    vm = a_vm(disks=(a_disk("2000", file=SHARED), a_disk("2001", file=SHARED)))

    assert passes(CHECK, vm)


def test_an_unlabelled_machine_is_unknown_only_when_it_shares():
    assert missing(CHECK, with_disk("a"), with_disk("b", classification=""))
    assert missing(CHECK, with_disk("a", classification=""), with_disk("b"))
    assert passes(CHECK, a_vm(classification=""))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(disks=None)) == "disks"
    assert missing(CHECK, a_vm(disks=(a_disk(file=None),)))
    assert missing(CHECK, a_vm(classification=None)) == "classification"
    assert missing(CHECK, a_vm(), complete=frozenset(Kind) - {Kind.VM})
