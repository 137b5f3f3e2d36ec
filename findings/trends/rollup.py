"""Keeping the day: written with each evaluation of a source, in its transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from findings.trends import counting
from inventory.models import Source
from policies.configuration import configured_checks, fingerprint
from policies.spec import Check


def keep(source_id: int, *, checks: Iterable[Check], now: datetime) -> None:
    """Count the source and put it in the place of what was counted earlier on the same day.

    Runs in the caller's transaction, after verdicts and findings were written and while the
    source's row is held.
    """
    values = counting.names([source_id], checks=checks, now=now) | {"source": source_id}
    with connection.cursor() as cursor:
        cursor.execute(counting.FORGET_DAY, values)
        cursor.execute(counting.FILL_DAY, values)
        cursor.execute(counting.FORGET_WORST, values)
        cursor.execute(counting.FILL_WORST, values)
        cursor.execute(counting.MARK_DAY, values)


def keep_all(*, now: datetime) -> None:
    """Count every evaluated source, and take it for judged by the checks as they are set now.

    After an estate was brought in past the pipeline, as benchmarks do.
    """
    configured = configured_checks()
    checks = [one.check for one in configured if one.enabled]
    sources = Source.objects.filter(evaluated_at__isnull=False, published_at__isnull=False)
    sources.update(judged_as=fingerprint(configured))
    for source in sources:
        keep(source.pk, checks=checks, now=now)
