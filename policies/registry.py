"""Every check there is: found by walking `policies/checks`, refused when it breaks a rule."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from policies import checks
from policies.spec import CHECKS, BadCheck, Check


@cache
def all_checks() -> tuple[Check, ...]:
    """All checks in the order of their ids, or raise BadCheck."""
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"{checks.__name__}.{module.name}")
    shipped = tuple(
        CHECKS[id] for id in sorted(CHECKS) if CHECKS[id].run.__module__.startswith(checks.__name__)
    )
    for check in shipped:
        refuse_misplaced(check)
    return shipped


def refuse_misplaced(check: Check) -> None:
    """Raise BadCheck unless a reader finds the check in the file that has its name."""
    file = check.run.__module__.rpartition(".")[2]
    if file != check.id.replace("-", "_"):
        raise BadCheck(f"{check.id}: is in {file}.py; the file must have the name of the check")
    if not check.id.startswith(f"{check.kind.value}-"):
        raise BadCheck(f"{check.id}: must begin with the kind it judges, {check.kind.value}")


@cache
def _by_name() -> dict[str, Check]:
    return {name: check for check in all_checks() for name in (check.id, *check.aliases)}


def get(id: str) -> Check:
    """The check of this id or former id, or raise KeyError."""
    return _by_name()[id]
