"""Pages by key: the thousandth page of a list costs what the first does, and nothing is skipped.

An order is a sequence of field names, "-" for descending, the last one unique. A field that may be
null sorts its nulls last.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.http import QueryDict

Row = TypeVar("Row", bound=Model)

AFTER = "after"
SIZE = 50
_LONGEST_CURSOR = 1_000


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Row]):
    """One page of a list, and where the next one is. `total` is None where it was not counted."""

    rows: list[Row]
    total: int | None
    one: str
    many: str
    next_address: str = ""
    first_address: str = ""

    @property
    def is_partial(self) -> bool:
        return bool(self.next_address or self.first_address)


def page(
    rows: QuerySet[Row],
    *,
    order: Sequence[str],
    query: Mapping[str, Any],
    total: int | None,
    one: str,
    many: str,
    size: int = SIZE,
) -> Page[Row]:
    """The page that `after` in the query asks for. A cursor that is not ours starts over."""
    cursor = str(query.get(AFTER, ""))
    place = _read(cursor, len(order))
    found_in_order = ordered(rows, order)
    if place is not None:
        try:
            found_in_order = found_in_order.filter(_beyond(rows.model, order, place))
        except (ValidationError, ValueError, TypeError):  # values of another order
            place = None
    found = list(found_in_order[: size + 1])
    has_more = len(found) > size
    found = found[:size]
    return Page(
        rows=found,
        total=total,
        one=one,
        many=many,
        next_address=_address(query, _write(found[-1], order)) if has_more else "",
        first_address=_address(query, "") if place is not None else "",
    )


def ordered(rows: QuerySet[Row], order: Sequence[str]) -> QuerySet[Row]:
    """The rows in the order that pages have."""
    return rows.order_by(*(_ordering(rows.model, name) for name in order))


def _ordering(model: type[Model], name: str) -> Any:
    """Nulls last, said only where it is not what the database does: an index would not fit."""
    if name.startswith("-") and _may_be_null(model, name[1:]):
        return F(name[1:]).desc(nulls_last=True)
    return name


def _may_be_null(model: type[Model], path: str) -> bool:
    field: Any = None
    current: Any = model
    for part in path.split("__"):
        field = current._meta.get_field(part)
        current = field.related_model
    # A generated column says it of what it generates.
    return bool(getattr(field, "output_field", field).null)


def _beyond(model: type[Model], order: Sequence[str], place: Sequence[Any]) -> Q:
    """What comes after a row: later by the first field, or equal in it and later by the rest.

    The first field is bounded a second time, so that an index can begin at the right place.
    """
    name, value = order[0].removeprefix("-"), place[0]
    rest = _beyond(model, order[1:], place[1:]) if len(order) > 1 else None
    if value is None:  # nulls are last: only what is null as well can follow
        same = Q(**{f"{name}__isnull": True})
        return same & rest if rest is not None else same
    way = "lt" if order[0].startswith("-") else "gt"
    later, bound = Q(**{f"{name}__{way}": value}), Q(**{f"{name}__{way}e": value})
    if _may_be_null(model, name):
        null = Q(**{f"{name}__isnull": True})
        later, bound = later | null, bound | null
    return later if rest is None else bound & (later | rest)


def _write(row: Model, order: Sequence[str]) -> str:
    values = [_value_of(row, name.removeprefix("-")) for name in order]
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _value_of(row: Any, name: str) -> Any:
    value = row
    for part in name.split("__"):
        value = getattr(value, part)
    return {"at": value.isoformat()} if isinstance(value, datetime) else value


def _read(cursor: str, length: int) -> list[Any] | None:
    if not cursor or len(cursor) > _LONGEST_CURSOR:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if not isinstance(values, list) or len(values) != length:
            return None
        return [_typed(value) for value in values]
    except (binascii.Error, ValueError, TypeError, KeyError):
        return None


def _typed(value: Any) -> Any:
    """Only what we write: text, whole numbers that a column holds, moments, null."""
    if isinstance(value, dict):
        moment = datetime.fromisoformat(value["at"])
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone")
        return moment
    if isinstance(value, bool | float | list):
        raise TypeError(f"{type(value).__name__} in a cursor")
    if isinstance(value, int) and not -(2**31) <= value < 2**31 * 2**31:
        raise ValueError("out of range")
    if isinstance(value, str):
        value.encode()  # raises ValueError for half a character, which no column holds
        if "\x00" in value:
            raise ValueError("NUL in a cursor")
    return value


def _address(query: Mapping[str, Any], cursor: str) -> str:
    """The same list, from this cursor on."""
    data = query.copy() if isinstance(query, QueryDict) else QueryDict(mutable=True)
    if not isinstance(query, QueryDict):
        data.update(query)
    data.pop(AFTER, None)
    if cursor:
        data[AFTER] = cursor
    return f"?{data.urlencode()}"
