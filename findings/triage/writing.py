"""Writing findings, each with values of its own, in one statement however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from findings.models import Finding
from inventory.clock import database_now


def write(values: Mapping[int, Mapping[str, Any]], *, counts: bool) -> datetime:
    """Give each finding, by key, the columns that are said of it; all say the same columns.

    Moments may be text as JSON holds them. With `counts` the version of each goes up by one. Runs
    in the caller's transaction, which holds the rows; returns the moment of writing.
    """
    written_at = database_now()  # see `findings.lifecycle.Changes`
    if not values:
        return written_at
    columns = list(next(iter(values.values())))
    known = {field.column for field in Finding._meta.concrete_fields}
    if not known.issuperset(columns):  # they become part of the statement, and undoing reads them
        raise ValueError(f"No columns of findings: {sorted(set(columns) - known)}")
    rows = [{"id": pk, **said} for pk, said in values.items()]
    given = "".join(f"{column} = given.{column}, " for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE findings_finding SET {given}version = findings_finding.version + %s,"  # noqa: S608
            " updated_at = %s"
            " FROM jsonb_populate_recordset(NULL::findings_finding, %s::jsonb) AS given"
            " WHERE findings_finding.id = given.id",
            [int(counts), written_at, msgspec.json.encode(rows).decode()],
        )
    return written_at
