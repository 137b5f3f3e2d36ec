"""Many rows written at once, each its own statement in one round trip.

The ORM's `bulk_update` builds one statement of a CASE for each row and column, which takes longer
to write down than to carry out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models


def rewrite(rows: Iterable[models.Model], fields: Sequence[str], *, only: str = "") -> None:
    """Write these fields of each row. `only` is a condition, in SQL of ours, that a row has to
    meet.

    Belongs into a transaction that holds the rows.
    """
    written = list(rows)
    if not written:
        return
    meta = written[0]._meta
    columns: list[Any] = [meta.get_field(name) for name in fields]
    quote = connection.ops.quote_name
    told = ", ".join(f"{quote(field.column)} = %s" for field in columns)
    condition = f" AND ({only})" if only else ""
    statement = f"UPDATE {quote(meta.db_table)} SET {told} WHERE id = %s{condition}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(statement, [_values(row, columns) for row in written])


def _values(row: models.Model, columns: Sequence[Any]) -> tuple[Any, ...]:
    values = (field.get_db_prep_save(getattr(row, field.attname), connection) for field in columns)
    return (*values, row.pk)
