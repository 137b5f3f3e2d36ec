"""The ledger of runs: who asked, who holds the lease, what came of it.

PostgreSQL is the queue of record. A run is claimed with a lease and a fencing token; a heartbeat
extends the lease; every write of a run checks the token in its own transaction, so a worker that
was thought dead and comes back changes nothing. Leases are measured by the database's clock.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from inventory import doorbell
from inventory.clock import database_now, slot_of
from inventory.errors import LeaseLost, NotPossible
from inventory.models import Source, StagedRecord, SyncRun, UploadedPart

State = SyncRun.State
Phase = SyncRun.Phase


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to work on a run, for as long as the token is the newest one."""

    run_id: int
    source_id: int
    token: int


def lease() -> timedelta:
    return timedelta(seconds=settings.SYNC_LEASE_SECONDS)


# --- asking -----------------------------------------------------------------------------------


@transaction.atomic
def request_run(
    *,
    source: Source,
    by: User | None,
    now: datetime,
    wake_worker: bool = True,
    asker: str = "console",
) -> SyncRun:
    """The run that will collect this source next: a waiting one if there is one, else a new one.

    `asker` is what asks where no person does.
    """
    source = Source.objects.get(pk=source.pk)
    if not source.is_enabled:
        raise NotPossible(f"{source.name} is switched off. Switch it on before collecting.")
    if source.takes_files:
        raise NotPossible(f"{source.name} cannot be asked from here: its facts are uploaded.")
    run = source.runs.filter(state=State.QUEUED).first()
    run = run or _queue(source, by=by, now=now, asker=asker)
    if wake_worker:
        doorbell.ring(run.pk)
    return run


def _queue(source: Source, *, by: User | None, now: datetime, asker: str) -> SyncRun:
    """A new waiting run, or the one that somebody else queued at the same moment.

    The source is not locked: publishing holds it for as long as it takes.
    """
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                source=source, requested_by=str(by) if by else asker, requested_at=now
            )
            trail.record(by, Permission.RUN_START, run, after={"source": source.name}, at=now)
            return run
    except IntegrityError:  # one_queued_sync_per_source
        return source.runs.get(state=State.QUEUED)


def schedule(*, now: datetime) -> list[SyncRun]:
    """Queue a run for every source whose interval slot has none yet.

    However many schedulers look, a slot gets one run; slots missed while nobody looked get none. A
    source whose last run was quarantined waits for a person.
    """
    queued = []
    for source in Source.objects.collectable().filter(is_enabled=True):
        slot = slot_of(now, minutes=source.interval_minutes)
        newest = source.runs.collections().order_by("-id")
        last = newest.values("state", "slot_at", "requested_at").first()
        if last is not None:
            parked = last["state"] == State.QUARANTINED
            fresh = last["requested_at"] >= slot and last["slot_at"] is None
            if parked or fresh or last["slot_at"] == slot:
                continue
        try:
            with transaction.atomic():
                run = SyncRun.objects.create(
                    source=source, slot_at=slot, requested_by="schedule", requested_at=now
                )
                doorbell.ring(run.pk)
        except IntegrityError:
            continue  # another scheduler was first, or a run is waiting already
        queued.append(run)
    return queued


def claimable() -> list[int]:
    """Runs that could be worked on now, oldest first."""
    busy = SyncRun.objects.filter(state=State.RUNNING).values("source")
    return list(
        SyncRun.objects.filter(state=State.QUEUED)
        .filter(Q(not_before_at__isnull=True) | Q(not_before_at__lte=Now()))
        .exclude(source__in=busy)
        .order_by("id")
        .values_list("pk", flat=True)
    )


# --- holding ----------------------------------------------------------------------------------


def claim(run_id: int) -> Claim | None:
    """Take the run, or None when it is not waiting or its source is being worked on."""
    try:
        with transaction.atomic():
            run = (
                SyncRun.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(pk=run_id, state=State.QUEUED)
                .filter(Q(not_before_at__isnull=True) | Q(not_before_at__lte=Now()))
                .first()
            )
            if run is None:
                return None
            moment = database_now()
            run.state, run.token, run.attempt = State.RUNNING, run.token + 1, run.attempt + 1
            run.worker = f"{socket.gethostname()}:{os.getpid()}"
            run.started_at = run.started_at or moment
            run.heartbeat_at, run.lease_expires_at = moment, moment + lease()
            run.not_before_at = None
            if run.published_at is None:
                run.phase = Phase.COLLECTING
            run.save()
    except IntegrityError:  # one_running_sync_per_source
        return None
    return Claim(run_id=run.pk, source_id=run.source_id, token=run.token)


def beat(held: Claim, *, progress: dict[str, int] | None = None) -> bool:
    """Extend the lease. Returns whether a person asked to cancel; or raise LeaseLost."""
    moment = database_now()
    fields: dict[str, Any] = {"heartbeat_at": moment, "lease_expires_at": moment + lease()}
    if progress:
        fields["progress"] = progress
    rows = SyncRun.objects.filter(pk=held.run_id, token=held.token, state=State.RUNNING)
    if rows.update(**fields) == 0:
        raise LeaseLost(f"run {held.run_id} is no longer held with token {held.token}")
    return rows.filter(cancel_requested_at__isnull=False).exists()


def renew(run: SyncRun) -> None:
    """Extend the lease of a row that the caller has locked and will save."""
    moment = database_now()
    run.heartbeat_at, run.lease_expires_at = moment, moment + lease()


def hold_row(held: Claim) -> SyncRun:
    """Lock the run's row inside a transaction, or raise LeaseLost. The fence of every write."""
    run = (
        SyncRun.objects.select_for_update(of=("self",))
        .filter(pk=held.run_id, token=held.token, state=State.RUNNING)
        .first()
    )
    if run is None:
        raise LeaseLost(f"run {held.run_id} is no longer held with token {held.token}")
    return run


# --- ending -----------------------------------------------------------------------------------


def end(run: SyncRun, state: str, *, causes: list[dict[str, str]] | None = None) -> None:
    """Close a row that the caller has locked. What was staged or uploaded for it goes."""
    run.state, run.phase = state, Phase.DONE
    run.finished_at = database_now()
    run.lease_expires_at = None
    if causes is not None:
        run.causes = causes
    run.notes = {}
    run.save()
    StagedRecord.objects.filter(run=run).delete()
    UploadedPart.objects.filter(run=run).delete()


def cause(code: str, message: str, advice: str = "") -> dict[str, str]:
    return {"code": code, "message": message, "advice": advice}


@transaction.atomic
def fail(held: Claim, *, code: str, message: str, advice: str = "") -> None:
    """The platform could not be read: nothing was published."""
    end(hold_row(held), State.FAILED, causes=[cause(code, message, advice)])


@transaction.atomic
def give_back(held: Claim, *, message: str) -> None:
    """The worker failed, not the platform: try again later, or quarantine after the last try."""
    _retry_or_quarantine(hold_row(held), message=message)


def _retry_or_quarantine(run: SyncRun, *, message: str) -> None:
    if run.cancel_requested_at is not None and run.published_at is None:
        end(run, State.CANCELLED, causes=[cause("cancelled", "A person cancelled the run.")])
        return
    if run.attempt >= SyncRun.MAX_ATTEMPTS:
        end(
            run,
            State.QUARANTINED,
            causes=[
                *run.causes,
                cause(
                    "attempts-exhausted",
                    f"{message} This was attempt {run.attempt} of {SyncRun.MAX_ATTEMPTS}.",
                    "Look at the worker's log, then collect again by hand. Until then the "
                    "schedule leaves this source alone.",
                ),
            ],
        )
        return
    wait = timedelta(seconds=settings.SYNC_RETRY_SECONDS * 2 ** (run.attempt - 1))
    run.state = State.QUEUED
    run.phase = Phase.WAITING if run.published_at is None else run.phase
    run.lease_expires_at = None
    run.not_before_at = database_now() + wait
    try:
        with transaction.atomic():
            run.save()
    except IntegrityError:  # a newer run is waiting already: it will do this one's work
        end(run, State.CANCELLED, causes=[cause("superseded", "A newer run took its place.")])


def reap() -> list[int]:
    """Take back the runs whose worker went silent. Returns their ids."""
    reaped = []
    silent = SyncRun.objects.filter(state=State.RUNNING, lease_expires_at__lt=Now())
    for run_id in list(silent.values_list("pk", flat=True)):
        with transaction.atomic():
            run = (
                SyncRun.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(pk=run_id, state=State.RUNNING, lease_expires_at__lt=database_now())
                .first()
            )
            if run is not None:
                _retry_or_quarantine(run, message="The worker stopped without a word.")
                reaped.append(run_id)
    return reaped


# --- what people decide -----------------------------------------------------------------------


@transaction.atomic
def cancel(*, run_id: int, by: User, now: datetime) -> SyncRun:
    """Stop a run that has not published yet; one that waits ends at once, one under way soon."""
    run = _locked(run_id, by)
    if run.published_at is not None or run.is_over:
        raise NotPossible("It is too late to cancel: the run has already been published or ended.")
    if run.cancel_requested_at is None:
        run.cancel_requested_at = now
        run.save(update_fields=["cancel_requested_at"])
        trail.record(by, Permission.RUN_START, run, after={"cancelled": True}, at=now)
    if run.state != State.RUNNING:
        end(run, State.CANCELLED, causes=[cause("cancelled", f"{by} cancelled the run.")])
    return run


@transaction.atomic
def release(*, run_id: int, by: User, now: datetime) -> SyncRun:
    """Publish a held run after all: a person has seen that so much really went away."""
    source = Source.objects.visible_to(by).filter(runs=run_id)
    # The source first, as whoever publishes does: the other way round the two would wait for ever.
    # No run can be queued while it is locked like this.
    Source.objects.select_for_update().filter(pk__in=source.values("pk")).first()
    run = _locked(run_id, by)
    if run.state != State.HELD:
        raise NotPossible("Only a held run can be released.")
    if run.source.takes_files and run.source.runs.filter(state=State.QUEUED).exists():
        raise NotPossible("A newer file waits to be read; it will count instead.")
    run.source.runs.filter(state=State.QUEUED).exclude(pk=run.pk).delete()
    run.state, run.phase, run.attempt = State.QUEUED, Phase.WAITING, 0
    run.release_approved_at, run.causes = now, []
    run.save()
    trail.record(by, Permission.RUN_RELEASE, run, after={"released": True}, at=now)
    doorbell.ring(run.pk)
    return run


@transaction.atomic
def discard(*, run_id: int, by: User, now: datetime) -> SyncRun:
    """Throw a held run away: what it collected is not to be believed."""
    run = _locked(run_id, by)
    if run.state != State.HELD:
        raise NotPossible("Only a held run can be discarded.")
    trail.record(by, Permission.RUN_RELEASE, run, after={"discarded": True}, at=now)
    end(run, State.CANCELLED, causes=[*run.causes, cause("discarded", f"{by} discarded the run.")])
    return run


def _locked(run_id: int, by: User) -> SyncRun:
    return (
        SyncRun.objects.select_for_update(of=("self",))
        .select_related("source")
        .filter(source__in=Source.objects.visible_to(by))
        .get(pk=run_id)
    )


def supersede_held(run: SyncRun) -> None:
    """End held runs that an older look at the same source left behind."""
    older = SyncRun.objects.select_for_update().filter(
        source_id=run.source_id, state=State.HELD, pk__lt=run.pk
    )
    for held in older:
        supersede(held, by=run)


def supersede(run: SyncRun, *, by: SyncRun) -> None:
    """End a row that the caller has locked: a later look at the same source counts instead."""
    message = f"Run {by.pk} took its place."
    end(run, State.CANCELLED, causes=[*run.causes, cause("superseded", message)])


__all__ = [
    "Claim",
    "beat",
    "cancel",
    "cause",
    "claim",
    "claimable",
    "discard",
    "end",
    "fail",
    "give_back",
    "hold_row",
    "reap",
    "release",
    "renew",
    "request_run",
    "schedule",
    "supersede",
    "supersede_held",
]
