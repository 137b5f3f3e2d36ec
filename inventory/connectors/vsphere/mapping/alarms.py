"""Alarms vCenter raises, and what sets them off."""

from __future__ import annotations

from typing import Any

from inventory.connectors.vsphere.mapping.facts import (
    Facts,
    as_flag,
    as_text,
    dicts,
    display_name,
    inside,
)
from inventory.connectors.vsphere.xml import Ref
from inventory.parts import Alarm


def alarm(facts: Facts) -> Alarm:
    info = facts.section("info")
    entity, expression = inside(info, "entity"), inside(info, "expression")
    return Alarm(
        key=str(facts.ref),
        name=display_name(as_text(inside(info, "name")) or str(facts.ref)),
        enabled=as_flag(inside(info, "enabled")),
        entity_ref=str(entity) if isinstance(entity, Ref) else None,
        when=_conditions(expression) if isinstance(expression, dict) else None,
        acts=None if info is None else "action" in info,
    )


def _conditions(expression: dict[str, Any]) -> tuple[str, ...]:
    """Every event and condition in an expression, however it is nested."""
    found: set[str] = set()
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        inner = dicts(part.get("expression"))
        waiting += inner
        if not inner:
            found.add(_condition(part))
    return tuple(sorted(found - {""}))


def _condition(part: dict[str, Any]) -> str:
    operator = as_text(part.get("operator")) or ""
    limit = as_text(part.get("red")) or as_text(part.get("yellow")) or ""
    match part.get("_type"):
        case "EventAlarmExpression":
            event = as_text(part.get("eventTypeId")) or as_text(part.get("eventType")) or ""
            return " and ".join([event, *map(_comparison, dicts(part.get("comparisons")))])
        case "StateAlarmExpression":
            return f"{as_text(part.get('statePath')) or ''} {operator} {limit}".strip()
        case "MetricAlarmExpression":
            counter = as_text(inside(part, "metric", "counterId")) or ""
            return f"counter {counter} {operator} {limit}".strip()
        case other:
            return as_text(other) or ""


def _comparison(found: dict[str, Any]) -> str:
    names = ("attributeName", "operator", "value")
    return " ".join(as_text(found.get(name)) or "" for name in names)
