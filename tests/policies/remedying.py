"""Findings to mend: those of the flawed estate, in which every check fails, and of the demo."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from inventory.connectors.bundle import BundleConnector
from inventory.records import KIND_OF, RECORD_OF, AnyRecord
from policies.evaluate import Configured, evaluate_all
from policies.registry import all_checks
from policies.spec import Check, Estate, History, Violation
from tests.architecture.test_checks import SETTINGS
from tests.policies.builders import NOW, a_flawed_estate
from vmgov.demo import PARAMETERS

ROOT = Path(__file__).parents[2]
BUNDLES = ("demo/halden.oslo.xz", "demo/halden.bergen.xz")


class Found(NamedTuple):
    """One finding, as a remedy is asked for it."""

    check: Check
    record: AnyRecord
    violation: Violation
    params: msgspec.Struct

    def __str__(self) -> str:
        return f"{self.check.id} of {self.record.name}: {self.violation.key}"


@cache
def flawed() -> tuple[Found, ...]:
    """A finding of every check."""
    return tuple(_failures(a_flawed_estate(), SETTINGS, now=NOW))


@cache
def demo() -> tuple[Found, ...]:
    """What is wrong in the last recorded collection of the demo, without a database."""
    found: list[Found] = []
    for name in BUNDLES:
        connector = BundleConnector(ROOT / name)
        records = [one for one in connector.collect() if type(one) in KIND_OF]
        found += _failures(records, PARAMETERS, now=connector.collected_at)
    return tuple(found)


def _failures(records: list[Any], settings: dict[str, Any], *, now: datetime) -> list[Found]:
    by_id = {(KIND_OF[type(one)], one.uid): one for one in records}
    history = {
        key: History(first_seen_at=now, power_since=now - timedelta(days=90)) for key in by_id
    }
    configured = [
        Configured(one, msgspec.convert(settings.get(one.id, {}), one.params), one.severity)
        for one in all_checks()
    ]
    params = {one.check.id: one.params for one in configured}
    checks = {one.check.id: one.check for one in configured}
    return [
        Found(checks[each.check_id], by_id[each.kind, each.uid], violation, params[each.check_id])
        for each in evaluate_all(configured, Estate(records, history=history), now=now)
        for violation in each.violations
    ]


# What a record says in words of its own: nobody chooses these.
FIXED = frozenset(
    (
        *("platform", "kind", "uid", "ref", "host_ref", "entity_ref", "entity_type"),
        *("type", "key", "firmware", "power_state", "connection_state"),
        *("created_at", "modified_at", "booted_at"),
    )
)


def called(found: Found, name: str) -> Found:
    """The same finding in an estate where everything that people name is called this."""
    record = msgspec.convert(
        _called(msgspec.to_builtins(found.record), name), RECORD_OF[KIND_OF[type(found.record)]]
    )
    evidence = {
        key: value if key in ("type", "vlan_type", "tools_version_status") else _called(value, name)
        for key, value in found.violation.evidence.items()
    }
    violation = msgspec.structs.replace(
        found.violation, message=f"It is {name}.", evidence=evidence
    )
    return found._replace(record=record, violation=violation)


def _called(value: Any, name: str) -> Any:
    match value:
        case str():
            return name
        case list() | tuple():
            return [_called(one, name) for one in value]
        case dict():
            return {key: one if key in FIXED else _called(one, name) for key, one in value.items()}
        case _:
            return value
