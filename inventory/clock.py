"""The database's clock: leases are measured by it alone, so a worker's own cannot lie."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection


def database_now() -> datetime:
    """The database's wall clock, at this statement rather than at the start of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def slot_of(moment: datetime, *, minutes: int) -> datetime:
    """The start of the interval that `moment` falls in, the same for every scheduler that asks."""
    step = timedelta(minutes=minutes)
    since = moment - datetime.fromtimestamp(0, tz=moment.tzinfo)
    return moment - (since % step)
