"""Pages by key: the thousandth page of a list costs what the first does, and nothing is skipped."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Lower
from django.utils.dateparse import parse_datetime

SIZE = 100

# The key of a sort is one value that is never null; the id makes it unique.
SORTS: dict[str, Any] = {
    "name": F("sort_name"),
    "changed": F("changed_at"),
    "first_seen": F("first_seen_at"),
    "owner": Coalesce(Lower("owner"), Value("")),
    "classification": Coalesce(Lower("classification"), Value("")),
    "criticality": Coalesce(Lower("criticality"), Value("")),
    "power": Coalesce(F("power_state"), Value("")),
}


def page(
    queryset: QuerySet[Any], *, sort: str, cursor: str = "", size: int = SIZE
) -> tuple[list[Any], str]:
    """The rows after a cursor, in the order of `sort` ("-changed": newest first), and the next one.

    A cursor that is not one of ours gives the first page, an unknown sort the order of names.
    """
    name, descends = sort.removeprefix("-"), sort.startswith("-")
    if name not in SORTS:
        name, descends = "name", False
    rows = queryset.annotate(_key=SORTS[name])
    if place := _read(cursor):
        rows = _beyond(rows, *place, descends=descends)
    way = "-" if descends else ""
    found = list(rows.order_by(f"{way}_key", f"{way}id")[: size + 1])
    return found[:size], _write(found[size - 1]) if len(found) > size else ""


def _beyond(
    rows: QuerySet[Any], value: str | datetime, pk: int, *, descends: bool
) -> QuerySet[Any]:
    # The first condition lets an index begin at the right place; the second is exact.
    if descends:
        return rows.filter(_key__lte=value).filter(Q(_key__lt=value) | Q(pk__lt=pk))
    return rows.filter(_key__gte=value).filter(Q(_key__gt=value) | Q(pk__gt=pk))


def _write(row: Any) -> str:
    is_moment = isinstance(row._key, datetime)
    text = json.dumps([row._key.isoformat() if is_moment else row._key, row.pk, is_moment])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[str | datetime, int] | None:
    try:
        value, pk, is_moment = json.loads(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        )
    except (binascii.Error, ValueError, TypeError):
        return None
    if not isinstance(pk, int) or not 0 <= pk < 2**63:
        return None
    if not isinstance(value, str) or "\x00" in value:
        return None
    if not is_moment:
        return value, pk
    moment = _moment(value)
    return (moment, pk) if moment else None


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and found.tzinfo else None
