"""Who administered a machine in a time, and what else they administered meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from accounts.access import SignedInRequest
from inventory.access.objects import CONCERNING, Right
from inventory.access.tenure import Held, Tenure
from inventory.chronicle.administrators import (
    MACHINES,
    PAGE,
    Administrator,
    Careers,
    careers_of,
)
from inventory.chronicle.windows import Asked
from inventory.models import Asset
from inventory.records import Kind
from inventory.views.access import Step, in_order, step_of

_WORDS = CONCERNING[Kind.VM]


class Stage(msgspec.Struct, frozen=True):
    """A time in which somebody held the same, as it is shown."""

    tenure: Tenure
    steps: tuple[Step, ...]


class Line(msgspec.Struct, frozen=True):
    """An administrator, as they are shown."""

    one: Administrator
    address: int | None
    words: tuple[str, ...]
    stages: tuple[Stage, ...]


def administering(
    request: SignedInRequest,
    vm: Asset,
    asked: Asked,
    *,
    start: int,
    other: Asset | None,
    now: datetime,
) -> dict[str, Any]:
    """The administrators; with `who` the other machines of one, with an `other` when they had both.

    `careers` is None where that is not to be told.
    """
    careers = careers_of(vm, request.user, window=asked.window, now=now)
    uid = request.GET.get("who", "")
    told: dict[str, Any] = {"careers": careers, "who": uid}
    if careers is None:
        return told
    if not uid:
        lines = [_line(one, careers) for one in careers.page(start)]
        return told | {"lines": lines} | _span(start, PAGE, careers.total)
    if other is not None:
        return told | _proof(careers, uid, other)
    found = careers.shared(uid, start=start)
    if found is None:
        return told
    one, rows = found
    return told | {"line": _line(one, careers), "rows": rows} | _span(start, MACHINES, one.machines)


def _proof(careers: Careers, uid: str, other: Asset) -> dict[str, Any]:
    """By which ways an administrator had both machines."""
    found = careers.with_machine(uid, other)
    if found is None:
        return {}
    one, shared = found
    stages = _stages(shared.held, careers) if shared else ()
    return {"line": _line(one, careers), "other": other, "shared": shared, "stages": stages}


def _span(start: int, size: int, total: int | None) -> dict[str, Any]:
    total = total or 0
    end = min(start + size, total)
    return {"span": (start + 1, end), "total": total, "more": end if end < total else 0}


def _line(one: Administrator, careers: Careers) -> Line:
    return Line(
        one,
        careers.principal(one.who),
        in_order(one.held.duties, _WORDS) or (),
        _stages(one.held, careers),
    )


def _stages(held: Held, careers: Careers) -> tuple[Stage, ...]:
    return tuple(Stage(one, _steps(one.rights, careers)) for one in held.tenures)


def _steps(rights: Iterable[Right], careers: Careers) -> tuple[Step, ...]:
    return tuple(step_of(right.way, careers, in_order(right.duties, _WORDS)) for right in rights)
