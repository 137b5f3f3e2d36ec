"""Which findings an approved exception covers: written at approval, and with every judgement.

Whether it hides them is asked of the clock when somebody looks (`findings.querysets.effective`).
Everything here runs in the caller's transaction, which holds findings before exceptions.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from findings import rules
from findings.announcing.outbox import Topic
from findings.models import Finding, Waiver, WaiverCover
from findings.rules import RuleSet
from findings.waivers import controls, dates, history, scopes

log = logging.getLogger(__name__)
GONE = "What the exception is about does not match any more."


def cover(*, now: datetime, source_id: int | None = None, waiver: Waiver | None = None) -> None:
    """Bring covers in line with what matches: of one exception, or of all for one source.

    Controls are looked at afterwards, so that an exception lapses with the verdicts that make it.
    """
    laid_down = rules.current()
    if waiver is not None:
        _cover(waiver, laid_down, now=now, source_id=source_id)
        controls.watch(waiver, laid_down, now=now, source_id=source_id)
        return
    for held in _held(now=now):
        try:
            with transaction.atomic():
                _cover(held, laid_down, now=now, source_id=source_id)
                controls.watch(held, laid_down, now=now, source_id=source_id)
        except OperationalError:  # the database is in trouble, not this exception
            raise
        except Exception:
            # One that cannot be computed hides nothing, and keeps no other from being computed.
            log.exception("What exception %s covers could not be computed", held.pk)
            _covers(held, source_id).delete()
    if source_id is not None:
        dates.keep(source_id, now=now)


def _held(*, now: datetime) -> list[Waiver]:
    # Locked in one order, so that sources judged at once wait for each other and none overfills.
    return list(
        Waiver.objects.select_for_update(no_key=True, of=("self",))
        .filter(status=Waiver.Status.APPROVED, expires_at__gt=now)
        .select_related("requested_by")
        .order_by("pk")
    )


def coverable(waiver: Waiver, *, now: datetime) -> QuerySet[Finding]:
    """What it is about and may cover: nothing graver than what was approved."""
    return scopes.of_waiver(waiver, now=now).filter(severity_rank__gte=waiver.gravest)


def uncovered(waiver: Waiver, *, now: datetime) -> QuerySet[Finding]:
    """What matches an approved exception and is not covered, since it has outgrown."""
    return scopes.of_waiver(waiver, now=now).filter(~is_covered_by(waiver))


def is_covered_by(waiver: Waiver) -> Exists:
    """The condition that a finding is covered by this exception."""
    return Exists(WaiverCover.objects.filter(waiver=waiver, finding=OuterRef("pk")))


def _cover(waiver: Waiver, laid_down: RuleSet, *, now: datetime, source_id: int | None) -> None:
    matching = coverable(waiver, now=now)
    if source_id is not None:
        matching = matching.filter(source_id=source_id)
    _drop(waiver, matching, laid_down, now=now, source_id=source_id)
    added = _add(waiver, matching, laid_down, now=now)
    if added and waiver.is_effective(now=now) and source_id is not None:
        history.excepted(waiver, added, at=now)
    _watch_growth(waiver, now=now, source_id=source_id)


def _drop(
    waiver: Waiver,
    matching: QuerySet[Finding],
    laid_down: RuleSet,
    *,
    now: datetime,
    source_id: int | None,
) -> None:
    covers = _covers(waiver, source_id).filter(~Exists(matching.filter(pk=OuterRef("finding_id"))))
    gone = list(covers.values_list("finding_id", flat=True))
    if not gone:
        return
    is_effective = waiver.is_effective(now=now)
    dates.bring_back(waiver, gone, laid_down, now=now)
    WaiverCover.objects.filter(waiver=waiver, finding__in=gone).delete()
    if is_effective:
        history.returned(waiver, gone, GONE, at=now)


def _covers(waiver: Waiver, source_id: int | None) -> QuerySet[WaiverCover]:
    covers = WaiverCover.objects.filter(waiver=waiver)
    return covers if source_id is None else covers.filter(finding__source_id=source_id)


def _add(
    waiver: Waiver, matching: QuerySet[Finding], laid_down: RuleSet, *, now: datetime
) -> list[int]:
    """Cover what matches and is not covered, the oldest first, while it may cover more."""
    wanted = matching.order_by().values("pk")
    try:
        sql, params = wanted.query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO findings_waivercover (waiver_id, finding_id, since, due_was, due_set)
            SELECT %s, f.id, %s, {dates.WAS}, {dates.SET} FROM findings_finding f
            WHERE f.id IN ({sql}) AND NOT EXISTS (
                SELECT FROM findings_waivercover c WHERE c.waiver_id = %s AND c.finding_id = f.id)
            ORDER BY f.opened_at, f.id
            LIMIT greatest(0, %s - (
                SELECT count(*) FROM findings_waivercover c WHERE c.waiver_id = %s))
            RETURNING finding_id
            """,  # noqa: S608  # the pieces are ours, the values are parameters
            [
                waiver.pk,
                now,
                *dates.parameters(waiver, laid_down),
                *params,
                waiver.pk,
                waiver.at_most,
                waiver.pk,
            ],
        )
        added = [pk for (pk,) in cursor.fetchall()]
    dates.put_off(waiver, added)
    return added


def _watch_growth(waiver: Waiver, *, now: datetime, source_id: int | None) -> None:
    """Note since when more matches than it may cover; and when everything fits again."""
    outside = uncovered(waiver, now=now)
    here = outside if source_id is None else outside.filter(source_id=source_id)
    has_outgrown = here.exists()
    if not has_outgrown and waiver.outgrown_since is not None and source_id is not None:
        has_outgrown = outside.exists()
    if has_outgrown == (waiver.outgrown_since is not None):
        return
    waiver.outgrown_since = now if has_outgrown else None
    waiver.save(update_fields=["outgrown_since"])
    kind = history.Kind.OUTGROWN if has_outgrown else history.Kind.CHANGED
    detail: dict[str, Any] = {"at_most": waiver.at_most}
    history.tell(waiver, kind, at=now, why="" if has_outgrown else "It fits again.", **detail)
    if has_outgrown:
        history.announce(waiver, Topic.WAIVER_OUTGROWN, at=now)
