from collections.abc import Iterator
from typing import Any

import pytest

from inventory.records import Kind, Platform, VirtualMachine
from policies.evaluate import (
    Configured,
    as_shipped,
    evaluate_all,
    evaluate_tallied,
)
from policies.registry import get
from policies.spec import (
    Check,
    Estate,
    FactMissing,
    NoParams,
    Outcome,
    Severity,
    Violation,
    known,
    not_applicable,
)
from tests.policies.builders import NOW, a_host, a_vm


def asking(run: Any, *, id: str = "vm-test", enabled: bool = True) -> Configured:
    check = Check(
        id=id,
        title="test",
        kind=Kind.VM,
        severity=Severity.LOW,
        statements=("SEC-4",),
        why="test",
        fix={Platform.VSPHERE: "test"},
        run=run,
        params=NoParams,
        wants=frozenset(),
        facts=("owner",),
    )
    return Configured(check, NoParams(), Severity.LOW, enabled)


def owned(vm: VirtualMachine) -> Iterator[Violation]:
    if vm.name == "broken":
        raise ZeroDivisionError("division by zero")
    if vm.name == "gone":
        not_applicable("It is gone.")
    if not known(vm.owner, "owner"):
        yield Violation(message="no owner")


ESTATE = Estate(
    [
        a_vm("good"),
        a_vm("bad", owner=""),
        a_vm("unread", owner=None),
        a_vm("broken"),
        a_vm("gone"),
        a_vm("foreign", platform=Platform.HYPERV),
        a_host(),
    ]
)
EXPECTED = {
    "uuid-good": Outcome.PASS,
    "uuid-bad": Outcome.FAIL,
    "uuid-unread": Outcome.UNKNOWN,
    "uuid-broken": Outcome.ERROR,
    "uuid-gone": Outcome.NOT_APPLICABLE,
    "uuid-foreign": Outcome.NOT_APPLICABLE,
}


def test_every_subject_of_the_kind_gets_one_answer_and_one_bad_check_spoils_only_its_own():
    answers = list(evaluate_all([asking(owned)], ESTATE, now=NOW))

    assert {answer.uid: answer.outcome for answer in answers} == EXPECTED
    assert len(answers) == len(EXPECTED)


def test_the_answer_says_why():
    reasons = {
        answer.uid: answer.reason for answer in evaluate_all([asking(owned)], ESTATE, now=NOW)
    }

    assert reasons["uuid-unread"] == "owner"
    assert reasons["uuid-broken"] == "ZeroDivisionError: division by zero"
    assert reasons["uuid-gone"] == "It is gone."
    assert "hyperv" in reasons["uuid-foreign"]


def test_a_tally_counts_passes_and_keeps_the_rest():
    result = evaluate_tallied([asking(owned)], ESTATE, now=NOW)

    assert result.tally == {
        "vm-test": {
            Outcome.PASS: 1,
            Outcome.FAIL: 1,
            Outcome.UNKNOWN: 1,
            Outcome.ERROR: 1,
            Outcome.NOT_APPLICABLE: 2,
        }
    }
    assert {kept.uid: kept.outcome for kept in result.evaluations} == {
        uid: outcome for uid, outcome in EXPECTED.items() if outcome is not Outcome.PASS
    }


def test_a_restricted_evaluation_asks_only_about_the_named_subjects():
    only = {(Kind.VM, "uuid-bad"), (Kind.HOST, "uuid-good")}

    [answer] = evaluate_all([asking(owned)], ESTATE, now=NOW, subjects=only)
    result = evaluate_tallied([asking(owned)], ESTATE, now=NOW, subjects=only)

    assert answer.uid == "uuid-bad"
    assert sum(result.tally["vm-test"].values()) == 1


def test_a_disabled_check_is_not_asked():
    disabled = asking(owned, enabled=False)

    assert list(evaluate_all([disabled], ESTATE, now=NOW)) == []
    assert evaluate_tallied([disabled], ESTATE, now=NOW).tally == {}


def test_a_violation_proven_before_a_fact_was_missing_counts_and_says_what_is_missing():
    def half(vm: VirtualMachine) -> Iterator[Violation]:
        yield Violation(key="a", message="proven")
        raise FactMissing("devices")

    [answer] = evaluate_all([asking(half)], Estate([a_vm()]), now=NOW)

    assert answer.outcome is Outcome.FAIL
    assert [violation.key for violation in answer.violations] == ["a"]
    assert answer.incomplete == "devices"


def test_a_crash_after_a_violation_is_an_error_and_charges_nobody():
    def crashing(vm: VirtualMachine) -> Iterator[Violation]:
        yield Violation(message="perhaps")
        raise RuntimeError("boom")

    [answer] = evaluate_all([asking(crashing)], Estate([a_vm()]), now=NOW)

    assert answer.outcome is Outcome.ERROR
    assert answer.violations == ()


def test_a_violation_is_never_carried_over_to_the_next_subject():
    def first_only(vm: VirtualMachine) -> Iterator[Violation]:
        if vm.name == "one":
            yield Violation(message="one")
            raise RuntimeError("boom")
        if vm.name == "two":
            yield Violation(message="two")

    estate = Estate([a_vm("one"), a_vm("two"), a_vm("three")])
    result = evaluate_tallied([asking(first_only)], estate, now=NOW)

    assert [(kept.uid, len(kept.violations)) for kept in result.evaluations] == [
        ("uuid-one", 0),
        ("uuid-two", 1),
    ]


def test_a_key_is_one_violation_however_often_it_is_named():
    def stuttering(vm: VirtualMachine) -> Iterator[Violation]:
        yield Violation(key="a", message="first")
        yield Violation(key="b", message="other")
        yield Violation(key="a", message="again")

    [answer] = evaluate_all([asking(stuttering)], Estate([a_vm()]), now=NOW)

    assert sorted((one.key, one.message) for one in answer.violations) == [
        ("a", "first"),
        ("b", "other"),
    ]


def test_running_out_of_memory_is_not_an_answer():
    def hungry(vm: VirtualMachine) -> Iterator[Violation]:
        raise MemoryError

    with pytest.raises(MemoryError):
        list(evaluate_all([asking(hungry)], Estate([a_vm()]), now=NOW))


def test_a_long_error_is_cut():
    def verbose(vm: VirtualMachine) -> Iterator[Violation]:
        raise ValueError("x" * 10_000)

    [answer] = evaluate_all([asking(verbose)], Estate([a_vm()]), now=NOW)

    assert len(answer.reason) == 300


def test_a_check_gets_the_estate_the_parameters_and_the_clock_that_it_asks_for():
    configured = as_shipped(get("host-single-classification"))
    estate = Estate([a_host(), a_vm("a"), a_vm("b", classification="secret")])

    [answer] = evaluate_all([configured], estate, now=NOW)

    assert answer.outcome is Outcome.FAIL
