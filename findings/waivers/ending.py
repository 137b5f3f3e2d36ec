"""What time does to exceptions: people are warned before the end and told of it once.

An exception ends by the clock whether this runs or not; nothing here makes it count or not count.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from findings import rules
from findings.announcing.outbox import Topic
from findings.models import Waiver, WaiverEvent
from findings.rules import RuleSet
from findings.waivers import acting, controls, history
from ui.clock import exactly

log = logging.getLogger(__name__)
Status = Waiver.Status
Act = Callable[[Waiver, RuleSet, datetime], None]


def tick(*, now: datetime) -> None:
    """Warn, tell of ends, look at controls. Each exception by itself: one blocks no other."""
    laid_down = rules.current()
    for find, act in ((_to_warn, _warn), (_to_tell, _tell_end)):
        for pk in list(
            find(laid_down, now).order_by("expires_at", "pk").values_list("pk", flat=True)
        ):
            _one(pk, find, act, laid_down, now=now)
    for waiver in _with_control(laid_down, now).order_by("pk"):
        if controls.has_failed(waiver, now=now) != (waiver.lapsed_since is not None):
            _one(waiver.pk, _with_control, _watch, laid_down, now=now)


def _one(
    pk: int,
    find: Callable[[RuleSet, datetime], QuerySet[Waiver]],
    act: Act,
    laid_down: RuleSet,
    *,
    now: datetime,
) -> None:
    """Act on one exception that still is to be acted on and that nobody else holds."""
    try:
        with transaction.atomic():
            if act is not _warn:
                acting.hold_findings(pk, now=now)
            rows = Waiver.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            held = rows.filter(pk=pk).first()
            if held is not None and find(laid_down, now).filter(pk=pk).exists():
                act(held, laid_down, now)
    except OperationalError:
        log.warning("Exception %s is looked at again at the next tick", pk)
    except Exception:
        log.exception("Exception %s could not be looked at", pk)


def _to_warn(laid_down: RuleSet, now: datetime) -> QuerySet[Waiver]:
    ahead = timedelta(days=laid_down.exception_warn_days)
    goes_on = Waiver.objects.filter(extends=OuterRef("pk"), status=Status.APPROVED)
    return Waiver.objects.filter(
        ~Exists(goes_on),
        status=Status.APPROVED,
        warned_at=None,
        expires_at__gt=now,
        expires_at__lte=now + ahead,
    )


def _warn(waiver: Waiver, laid_down: RuleSet, now: datetime) -> None:
    waiver.warned_at = now
    waiver.save(update_fields=["warned_at"])
    history.tell(waiver, history.Kind.WARNED, at=now)
    history.announce(waiver, Topic.WAIVER_ENDING, at=now)


def _to_tell(laid_down: RuleSet, now: datetime) -> QuerySet[Waiver]:
    told = WaiverEvent.objects.filter(waiver=OuterRef("pk"), kind=WaiverEvent.Kind.EXPIRED)
    return Waiver.objects.filter(~Exists(told), status=Status.APPROVED, expires_at__lte=now)


def _tell_end(waiver: Waiver, laid_down: RuleSet, now: datetime) -> None:
    covered = list(waiver.covers.order_by("finding_id").values_list("finding_id", flat=True))
    history.tell(waiver, history.Kind.EXPIRED, at=waiver.expires_at, count=len(covered))
    if waiver.lapsed_since is None:
        why = f"The exception ended on {exactly(waiver.expires_at)}."
        history.returned(waiver, covered, why, at=waiver.expires_at)
    history.announce(waiver, Topic.WAIVER_ENDED, at=now, how="expired")


def _with_control(laid_down: RuleSet, now: datetime) -> QuerySet[Waiver]:
    return Waiver.objects.exclude(control_check_id="").filter(
        status=Status.APPROVED, expires_at__gt=now
    )


def _watch(waiver: Waiver, laid_down: RuleSet, now: datetime) -> None:
    controls.watch(waiver, laid_down, now=now)
