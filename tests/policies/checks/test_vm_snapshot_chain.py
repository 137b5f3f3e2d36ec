import pytest

from inventory.records import VirtualMachine
from tests.policies.builders import (
    a_snapshot,
    a_vm,
    missing,
    passes,
    violations,
)

CHECK = "vm-snapshot-chain"


def chain(length: int) -> VirtualMachine:
    return a_vm(snapshots=tuple(a_snapshot(f"s{depth}", depth=depth) for depth in range(length)))


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_short_chain_passes(length):
    assert passes(CHECK, chain(length))


def test_a_long_chain_fails_once():
    [violation] = violations(CHECK, chain(4))

    assert violation.message == "app-01 has 4 snapshots on top of each other."


def test_snapshots_beside_each_other_are_no_chain():
    beside = tuple(a_snapshot(f"s{number}", depth=0) for number in range(9))

    assert passes(CHECK, a_vm(snapshots=beside))


def test_unread_is_unknown():
    assert missing(CHECK, a_vm(snapshots=None)) == "snapshots"
