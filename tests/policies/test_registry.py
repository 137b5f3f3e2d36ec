from collections.abc import Iterator
from typing import Any

import pytest

from inventory.records import VirtualMachine
from policies.registry import all_checks, get, refuse_misplaced
from policies.spec import (
    CHECKS,
    BadCheck,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
)

REMEDY = Remedy(
    steps=("Look at «name».",),
    script="Get-VM -Server $server -Id $id",
    verify="Nothing has changed.",
    needs="Nothing.",
    effect="Nothing.",
)
SOUND: dict[str, Any] = {
    "id": "vm-test-only",
    "title": "A test",
    "severity": Severity.LOW,
    "statements": ("SEC-4",),
    "why": "To test.",
    "fix": {Platform.VSPHERE: "Nothing to do."},
    "remedy": {Platform.VSPHERE: REMEDY},
    "facts": ("owner",),
}


def judge(vm: VirtualMachine) -> Iterator[Violation]:
    yield from ()


@pytest.fixture(autouse=True)
def _forget_what_the_test_registered():
    all_checks()
    before = dict(CHECKS)
    yield
    CHECKS.clear()
    CHECKS.update(before)


def test_every_check_is_found_and_ordered():
    ids = [one.id for one in all_checks()]

    assert "vm-snapshot-age" in ids
    assert ids == sorted(ids)


def test_a_check_is_found_by_its_id_and_by_a_former_one():
    check(**{**SOUND, "aliases": ("vm-former",)})(judge)

    assert CHECKS["vm-test-only"].aliases == ("vm-former",)
    assert get("vm-snapshot-age").id == "vm-snapshot-age"
    with pytest.raises(KeyError):
        get("vm-no-such-check")


@pytest.mark.parametrize(
    "fault",
    [
        {"why": " "},
        {"fix": {}},
        {"title": ""},
        {"statements": ()},
        {"severity": None},
        {"facts": ()},
        {"facts": ("colour",)},
        {"reads": ("vm.colour",)},
        {"reads": ("spaceship.owner",)},
        {"id": "vm-snapshot-age"},
        {"aliases": ("vm-snapshot-age",)},
    ],
)
def test_a_check_that_lacks_something_or_repeats_a_name_is_refused(fault):
    with pytest.raises(BadCheck):
        check(**{**SOUND, **fault})(judge)


def test_a_check_must_take_a_record_and_nothing_outside_the_vocabulary():
    def of_text(text: str) -> Iterator[Violation]:
        yield from ()

    def with_a_database(vm: VirtualMachine, database: object) -> Iterator[Violation]:
        yield from ()

    for function in (of_text, with_a_database):
        with pytest.raises(BadCheck):
            check(**SOUND)(function)


def test_a_check_lives_in_the_file_of_its_name_and_begins_with_its_kind():
    check(**SOUND)(judge)
    with pytest.raises(BadCheck, match="file"):
        refuse_misplaced(CHECKS["vm-test-only"])

    judge.__module__ = "policies.checks.host_test_only"
    check(**{**SOUND, "id": "host-test-only"})(judge)
    with pytest.raises(BadCheck, match="begin with the kind"):
        refuse_misplaced(CHECKS["host-test-only"])


def test_every_parameter_has_a_default_and_a_description():
    for one in all_checks():
        assert issubclass(one.params, Parameters)
        one.params()
