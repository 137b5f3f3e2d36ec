"""Ask every check about every subject of its kind. One bad check spoils one answer.

`evaluate_all` yields every answer, passes included. `evaluate_tallied` is what a collection of
40,000 machines goes through: it keeps what is not a pass and counts the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from inventory.records import RECORD_OF, AnyRecord, Kind
from policies.spec import (
    Check,
    Estate,
    FactMissing,
    NotApplicable,
    Outcome,
    Parameters,
    Severity,
    Violation,
    not_applicable,
)

REASON_LENGTH = 300
UNREAD = "current facts: the last collection could not read this object"


class Configured(msgspec.Struct, frozen=True):
    """A check as one organisation wants it asked."""

    check: Check
    params: Parameters
    severity: Severity
    enabled: bool = True


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """One answer: what a check says about one subject."""

    check_id: str
    kind: Kind
    uid: str
    outcome: Outcome
    violations: tuple[Violation, ...] = ()
    reason: str = ""  # the missing fact, why it does not apply, or what went wrong
    # The fact that was missing after violations had been proven: the outcome is FAIL, but the
    # absence of any other key proves nothing.
    incomplete: str = ""


class Result(msgspec.Struct, frozen=True):
    """Every answer that is not a pass, and how many of each there were."""

    evaluations: list[Evaluation]
    tally: dict[str, dict[Outcome, int]]


Subjects = AbstractSet[tuple[Kind, str]]


def as_shipped(check: Check) -> Configured:
    """The check with its default parameters and severity."""
    return Configured(check=check, params=check.params(), severity=check.severity)


def evaluate_all(
    configured: Sequence[Configured],
    estate: Estate,
    *,
    now: datetime,
    subjects: Subjects | None = None,
) -> Iterator[Evaluation]:
    """Yield the answer of every enabled check about every subject of its kind.

    `subjects` restricts the answers to these; the estate stays whole around them.
    """
    for one in configured:
        if one.enabled:
            yield from _answers(one, estate, now=now, subjects=subjects)


def evaluate_tallied(
    configured: Sequence[Configured],
    estate: Estate,
    *,
    now: datetime,
    subjects: Subjects | None = None,
    unread: Subjects = frozenset(),
) -> Result:
    """Like `evaluate_all`, but passes are only counted.

    Of `unread` only older facts are known, so every answer about it is unknown.
    """
    evaluations: list[Evaluation] = []
    tally: dict[str, dict[Outcome, int]] = {}
    for one in configured:
        if not one.enabled:
            continue
        asked = _subjects(one.check, estate, subjects)
        before = len(evaluations)
        evaluations.extend(_deviations(one, asked, estate, now, unread))
        counts = dict.fromkeys(Outcome, 0)
        for evaluation in evaluations[before:]:
            counts[evaluation.outcome] += 1
        counts[Outcome.PASS] = len(asked) - (len(evaluations) - before)
        tally[one.check.id] = counts
    return Result(evaluations=evaluations, tally=tally)


def _answers(
    one: Configured, estate: Estate, *, now: datetime, subjects: Subjects | None
) -> Iterator[Evaluation]:
    check, asked = one.check, _subjects(one.check, estate, subjects)
    deviations = _deviations(one, asked, estate, now)
    deviation = next(deviations, None)
    for subject in asked:
        if deviation is not None and deviation.uid == subject.uid:
            yield deviation
            deviation = next(deviations, None)
        else:
            yield _answer(check, subject, Outcome.PASS)


def _subjects(check: Check, estate: Estate, subjects: Subjects | None) -> Sequence[AnyRecord]:
    everyone: Sequence[AnyRecord] = estate.of(RECORD_OF[check.kind])
    if subjects is None:
        return everyone
    return [subject for subject in everyone if (check.kind, subject.uid) in subjects]


def _deviations(
    one: Configured,
    asked: Iterable[AnyRecord],
    estate: Estate,
    now: datetime,
    unread: Subjects = frozenset(),
) -> Iterator[Evaluation]:
    """The answers that are not a pass, in the order of the subjects. The loop is the hot path."""
    check, ask = one.check, _bound(one, estate, now, unread)
    found: list[Violation] = []
    for subject in asked:
        try:
            if subject.platform not in check.fix:
                not_applicable(f"This check does not concern {subject.platform.value}.")
            for violation in ask(subject):
                found.append(violation)  # one by one: what came before an exception is kept
        except MemoryError:
            raise
        except Exception as exception:
            yield _stopped(check, subject, found, exception)
        else:
            if not found:
                continue
            yield _answer(check, subject, Outcome.FAIL, found)
        found = []


def _bound(
    one: Configured, estate: Estate, now: datetime, unread: Subjects
) -> Callable[[AnyRecord], Iterable[Violation]]:
    given: dict[str, Any] = {"estate": estate, "params": one.params, "now": now}
    ask = partial(one.check.run, **{name: given[name] for name in one.check.wants})
    return partial(_ask_if_read, ask, one.check.kind, unread) if unread else ask


def _ask_if_read(
    ask: Callable[[AnyRecord], Iterable[Violation]],
    kind: Kind,
    unread: Subjects,
    subject: AnyRecord,
) -> Iterable[Violation]:
    if (kind, subject.uid) in unread:
        raise FactMissing(UNREAD)
    return ask(subject)


def _stopped(
    check: Check, subject: AnyRecord, found: list[Violation], exception: Exception
) -> Evaluation:
    """The answer of a check that did not reach its end."""
    match exception:
        case FactMissing() if found:
            return _answer(check, subject, Outcome.FAIL, found, incomplete=exception.fact)
        case FactMissing():
            return _answer(check, subject, Outcome.UNKNOWN, reason=exception.fact)
        case NotApplicable() if not found:
            return _answer(check, subject, Outcome.NOT_APPLICABLE, reason=str(exception))
        case _:
            reason = f"{type(exception).__name__}: {exception}"[:REASON_LENGTH]
            return _answer(check, subject, Outcome.ERROR, reason=reason)


def _answer(
    check: Check,
    subject: AnyRecord,
    outcome: Outcome,
    found: Sequence[Violation] = (),
    *,
    reason: str = "",
    incomplete: str = "",
) -> Evaluation:
    return Evaluation(
        check_id=check.id,
        kind=check.kind,
        uid=subject.uid,
        outcome=outcome,
        violations=_distinct(found),
        reason=reason,
        incomplete=incomplete,
    )


def _distinct(found: Sequence[Violation]) -> tuple[Violation, ...]:
    """One violation a key: a key is one finding, however often a check names it."""
    return tuple({violation.key: violation for violation in reversed(found)}.values())[::-1]
