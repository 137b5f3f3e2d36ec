"""Which values a label has: read from its index step by step, however many assets carry them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from accounts.models import User
from inventory.models import Asset
from inventory.records import Kind

FIELDS = ("classification", "criticality", "owner")

# From one value to the next greater one: as many steps as there are values.
_STEPS = """
(WITH RECURSIVE step (value) AS (
    (SELECT {field} FROM inventory_asset
     WHERE kind = %s AND gone_at IS NULL AND {field} > '' ORDER BY {field} LIMIT 1)
    UNION ALL
    SELECT (SELECT {field} FROM inventory_asset
            WHERE kind = %s AND gone_at IS NULL AND {field} > step.value ORDER BY {field} LIMIT 1)
    FROM step WHERE step.value IS NOT NULL
)
SELECT '{field}', value FROM step WHERE value IS NOT NULL LIMIT %s)
"""


def values_of(
    fields: Sequence[str], *, kinds: Sequence[Kind], user: User, most: int
) -> dict[str, list[str]]:
    """Field → the values that assets within the person's scope have, sorted. One query."""
    wanted = [field for field in fields if field in FIELDS]
    found: dict[str, set[str]] = {field: set() for field in wanted}
    if wanted:
        rows = (
            _everywhere(wanted, kinds, most) if user.sees_everything else _of(user, wanted, kinds)
        )
        for field, value in rows:
            found[field].add(value)
    return {field: sorted(values)[:most] for field, values in found.items()}


def _everywhere(fields: list[str], kinds: Sequence[Kind], most: int) -> list[tuple[str, str]]:
    parts, parameters = [], []
    for field in fields:
        for kind in kinds:
            parts.append(_STEPS.format(field=field))  # one of FIELDS, not a person's text
            parameters += [kind.value, kind.value, most]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        rows: list[tuple[str, str]] = cursor.fetchall()
    return rows


def _of(user: User, fields: list[str], kinds: Sequence[Kind]) -> list[tuple[str, str]]:
    """A team has few enough to look at each."""
    seen = Asset.objects.visible_to(user).present().filter(kind__in=kinds).order_by()
    rows = seen.values_list(*fields).distinct()
    return [(field, row[n]) for row in rows for n, field in enumerate(fields) if row[n]]
