"""What holds for every check, whoever writes the next one."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from inventory.records import KIND_OF, RECORD_OF, AnyRecord, Kind
from policies.evaluate import Configured, Evaluation, as_shipped, evaluate_all
from policies.registry import all_checks
from policies.spec import Check, Estate, History, Outcome
from tests.policies.builders import NOW, a_flawed_estate, a_sound_estate

ROOT = Path(__file__).parents[2]
CHECKS = pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.id)

# What a check must be told before it says anything but "does not apply".
SETTINGS: dict[str, dict[str, Any]] = {
    "grant-file-access": {"custodians": (r"HALDEN\vm-operators",)},
    "host-build": {"minimum_builds": {"8.0.3": 24022510}},
}


def configured(check: Check) -> Configured:
    params = check.params(**SETTINGS.get(check.id, {}))
    return Configured(check, params, check.severity)


def answers(check: Check, records: list[AnyRecord]) -> dict[str, Evaluation]:
    since = {"old-01": NOW - timedelta(days=90)}
    history = {
        (KIND_OF[type(record)], record.uid): History(
            first_seen_at=NOW, power_since=since.get(record.name, NOW)
        )
        for record in records
    }
    estate = Estate(records, history=history)
    return {one.uid: one for one in evaluate_all([configured(check)], estate, now=NOW)}


def outcomes(check: Check, records: list[AnyRecord], outcome: Outcome) -> set[str]:
    return {uid for uid, one in answers(check, records).items() if one.outcome is outcome}


def withhold(record: AnyRecord, fields: list[str]) -> AnyRecord:
    return msgspec.structs.replace(record, **dict.fromkeys(fields))


def may_be_withheld(kind: Kind) -> set[str]:
    """The fields of this kind of record that the platform may leave out."""
    hints = get_type_hints(RECORD_OF[kind])
    return {name for name, hint in hints.items() if NoneType in get_args(hint)}


def everything_withheld(check: Check, records: list[AnyRecord], uid: str) -> list[AnyRecord]:
    """The estate without any field that the check does not say it reads."""
    reads = {Kind(read.partition(".")[0]): set[str]() for read in check.reads}
    for read in check.reads:
        kind, _, field = read.partition(".")
        reads[Kind(kind)].add(field)
    stripped: list[AnyRecord] = []
    for record in records:
        kind = KIND_OF[type(record)]
        kept = set(reads.get(kind, ()))
        if kind is check.kind and record.uid == uid:
            kept |= set(check.facts)
        stripped.append(withhold(record, sorted(may_be_withheld(kind) - kept)))
    return stripped


@CHECKS
def test_a_check_has_its_test_file(check: Check):
    name = check.id.replace("-", "_")

    assert (ROOT / "tests" / "policies" / "checks" / f"test_{name}.py").exists()


@CHECKS
def test_a_sound_estate_shows_a_pass_and_no_failure(check: Check):
    records = a_sound_estate()

    assert outcomes(check, records, Outcome.PASS)
    assert not outcomes(check, records, Outcome.FAIL)
    assert not outcomes(check, records, Outcome.UNKNOWN)
    assert not outcomes(check, records, Outcome.ERROR)


@CHECKS
def test_a_flawed_estate_shows_a_failure(check: Check):
    records = a_flawed_estate()

    assert outcomes(check, records, Outcome.FAIL)
    assert not outcomes(check, records, Outcome.ERROR)


@CHECKS
def test_no_subject_passes_without_a_fact_that_the_check_declares(check: Check):
    """Reliability promise P25b: a property that was lost is unknown, never a pass."""
    records = a_sound_estate()

    for fact in sorted(set(check.facts) & may_be_withheld(check.kind)):
        poorer = [
            withhold(one, [fact]) if KIND_OF[type(one)] is check.kind else one for one in records
        ]
        assert not outcomes(check, poorer, Outcome.PASS), fact
        assert not outcomes(check, poorer, Outcome.ERROR), fact


@CHECKS
def test_losing_a_fact_never_turns_another_answer_into_a_pass(check: Check):
    """P25b, across assets: neither a lost field of the subject nor one of its neighbours."""
    for records in (a_sound_estate(), a_flawed_estate()):
        passing = outcomes(check, records, Outcome.PASS)
        for kind in Kind:
            for field in sorted(may_be_withheld(kind)):
                poorer = [
                    withhold(one, [field]) if KIND_OF[type(one)] is kind else one for one in records
                ]
                assert outcomes(check, poorer, Outcome.PASS) <= passing, (kind, field)
                assert not outcomes(check, poorer, Outcome.ERROR), (kind, field)


@pytest.mark.parametrize(
    "check",
    [check for check in all_checks() if "connection_state" in check.facts],
    ids=lambda check: check.id,
)
def test_facts_of_an_asset_that_the_platform_lost_touch_with_decide_nothing(check: Check):
    for records in (a_sound_estate(), a_flawed_estate()):
        lost = [
            msgspec.structs.replace(one, connection_state="notResponding")
            if KIND_OF[type(one)] is check.kind
            else one
            for one in records
        ]
        assert not outcomes(check, lost, Outcome.PASS)
        assert not outcomes(check, lost, Outcome.FAIL)


@CHECKS
def test_losing_a_fact_never_charges_a_sound_estate(check: Check):
    records = a_sound_estate()

    for kind in Kind:
        for field in sorted(may_be_withheld(kind)):
            poorer = [
                withhold(one, [field]) if KIND_OF[type(one)] is kind else one for one in records
            ]
            assert not outcomes(check, poorer, Outcome.FAIL), (kind, field)


@CHECKS
def test_a_check_reads_nothing_that_it_does_not_declare(check: Check):
    for records in (a_sound_estate(), a_flawed_estate()):
        for uid, answer in answers(check, records).items():
            stripped = answers(check, everything_withheld(check, records, uid))[uid]

            assert stripped.outcome is answer.outcome, (uid, stripped)
            assert [one.key for one in stripped.violations] == [
                one.key for one in answer.violations
            ]


@CHECKS
def test_the_order_of_records_does_not_matter(check: Check):
    records = a_flawed_estate()

    assert answers(check, records) == answers(check, records[::-1])


@CHECKS
def test_violations_are_sentences_about_the_asset_with_a_key_of_their_own(check: Check):
    records = a_flawed_estate()
    names = {record.uid: record for record in records}

    for uid, answer in answers(check, records).items():
        keys = [violation.key for violation in answer.violations]
        assert len(keys) == len(set(keys))
        for violation in answer.violations:
            assert violation.message.endswith(".")
            assert "None" not in violation.message
            assert spoken_name(names[uid]) in violation.message
            assert violation.seen
            json.dumps(violation.evidence)


def spoken_name(record: AnyRecord) -> str:
    """What a sentence about the record calls it."""
    match KIND_OF[type(record)]:
        case Kind.ROLE:
            return record.label
        case Kind.GRANT:
            return record.principal
        case _:
            return record.name


@CHECKS
def test_a_fix_is_text_to_follow_not_a_template_to_fill(check: Check):
    for text in check.fix.values():
        assert "{" not in text.replace("ForEach-Object {", "").replace("Where-Object {", "")
        assert len(text) > 40


@CHECKS
def test_every_parameter_is_described_and_survives_the_database(check: Check):
    for field in msgspec.structs.fields(check.params):
        described = msgspec.inspect.type_info(field.type)
        assert isinstance(described, msgspec.inspect.Metadata), field.name
        assert (described.extra_json_schema or {}).get("description"), field.name
        assert not field.required, field.name
    default = as_shipped(check).params
    assert msgspec.convert(msgspec.to_builtins(default), check.params) == default


def test_a_misspelt_parameter_is_refused():
    for check in all_checks():
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"no_such_parameter": 1}, check.params)
