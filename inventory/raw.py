"""SQL where the ORM has no words for it."""

from __future__ import annotations

from typing import Any

from django.db import connection


def execute(sql: str, values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def fetch(sql: str, values: Any) -> list[Any]:
    """All rows that a statement returns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[Any] = cursor.fetchall()
    return rows
