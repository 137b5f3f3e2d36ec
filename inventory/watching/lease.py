"""Holding a watch: one process at a time, by the database's clock, as with runs."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from inventory import ledger
from inventory.clock import database_now
from inventory.errors import LeaseLost
from inventory.models import Source, Watch

State = Watch.State
LAST_RETRY = timedelta(minutes=10)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The right to watch a source, for as long as the token is the newest one."""

    watch_id: int
    source_id: int
    token: int


def claim() -> Held | None:
    """Take a source that nobody watches, or None when all are watched, or wait."""
    for source in Source.objects.watchable().filter(watch__isnull=True):
        Watch.objects.get_or_create(source=source)
    with transaction.atomic():
        watch = (
            Watch.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(source__in=Source.objects.watchable())
            .filter(Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lt=Now()))
            .filter(Q(not_before_at__isnull=True) | Q(not_before_at__lt=Now()))
            .order_by("not_before_at", "pk")
            .first()
        )
        if watch is None:
            return None
        watch.token += 1
        watch.state, watch.worker = State.CATCHING_UP, f"{socket.gethostname()}:{os.getpid()}"
        watch.lease_expires_at = database_now() + ledger.lease()
        watch.began_at = watch.live_since = watch.confirmed_at = None
        watch.save()
    return Held(watch_id=watch.pk, source_id=watch.source_id, token=watch.token)


def beat(held: Held) -> bool:
    """Extend the lease. Returns whether the watch is to end; or raise LeaseLost."""
    _update(held, lease_expires_at=database_now() + ledger.lease())
    return not Source.objects.watchable().filter(pk=held.source_id).exists()


def hold_row(held: Held) -> Watch:
    """Lock the watch's row inside a transaction, or raise LeaseLost. The fence of every write."""
    watch = Watch.objects.select_for_update(of=("self",)).filter(**_names(held)).first()
    if watch is None:
        raise _lost(held)
    return watch


def began(held: Held) -> datetime:
    """That changes are told from now on: what was before, a collection has to tell."""
    moment = database_now()
    _update(held, state=State.CATCHING_UP, began_at=moment, live_since=None, confirmed_at=None)
    return moment


def confirm(held: Held, *, until: datetime) -> None:
    """That every change that was told until then is published."""
    _update(held, confirmed_at=until)


def live(held: Held) -> None:
    """That what was before is known, and what is told from now on is published."""
    moment = database_now()
    _update(held, state=State.LIVE, live_since=moment, failures=0, problem="", advice="")


def end(held: Held) -> None:
    """Nobody watches any more, since somebody wished so: the next may begin at once."""
    _update(held, state=State.WAITING, lease_expires_at=None, not_before_at=None)


def fail(held: Held, *, problem: str, advice: str = "") -> None:
    """It cannot be watched at the moment: try again, later each time."""
    watch = Watch.objects.filter(**_names(held)).first()
    if watch is None:
        raise _lost(held)
    first = timedelta(seconds=settings.SYNC_RETRY_SECONDS)
    wait = min(first * 2 ** min(watch.failures, 10), LAST_RETRY)
    _update(
        held,
        state=State.WAITING,
        lease_expires_at=None,
        not_before_at=database_now() + wait,
        failures=F("failures") + 1,
        problem=problem,
        advice=advice,
    )


def _update(held: Held, **fields: object) -> None:
    if Watch.objects.filter(**_names(held)).update(**fields) == 0:
        raise _lost(held)


def _names(held: Held) -> dict[str, int]:
    return {"pk": held.watch_id, "token": held.token}


def _lost(held: Held) -> LeaseLost:
    return LeaseLost(f"watch {held.watch_id} is no longer held with token {held.token}")
