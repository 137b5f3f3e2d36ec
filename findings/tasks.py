"""What Celery calls. A message means "look now" at a row; whatever it says, the ledger decides."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from celery import shared_task
from django.db.models import F, Q, QuerySet

from findings import pipeline
from findings.announcing import mail
from findings.announcing import relay as outbox_relay
from findings.remediation import deadlines as of_plans
from findings.triage import deadlines
from findings.waivers import ending
from inventory import doorbell, ledger
from inventory.models import Source, SyncRun
from policies.configuration import configured_checks, fingerprint

log = logging.getLogger(__name__)
JUDGE_AGAIN_AFTER = timedelta(hours=6)  # snapshots grow old without any collection


@shared_task(name=doorbell.WORK_TASK)
def work(run_id: int) -> None:
    """Work on a run if it waits; do nothing if not."""
    pipeline.work(run_id, now=datetime.now(UTC))


@shared_task(name="findings.tasks.judge")
def judge(source_id: int) -> None:
    """Judge a source's facts again because time has passed or a check is set differently."""
    now = datetime.now(UTC)
    source = judgeable(now=now).filter(pk=source_id).first()
    if source is not None:
        try:
            pipeline.evaluate(source, now=now)
        except pipeline.FactsMoved as reason:
            log.info("Source %s is judged again at the next tick: %s", source_id, reason)


@shared_task(name="findings.tasks.relay")
def relay() -> None:
    """Tell people of what waits in the outbox, and send the mail that is due."""
    now = datetime.now(UTC)
    outbox_relay.relay(now=now)
    mail.post(now=now)
    outbox_relay.purge(now=now)


def judgeable(*, now: datetime) -> QuerySet[Source]:
    """Sources whose verdicts are too old, or answer another question than is asked now."""
    asked = fingerprint(configured_checks())
    return Source.objects.filter(published_at__isnull=False).filter(
        Q(evaluated_at__isnull=True)
        | Q(evaluated_at__lt=F("published_at"))  # its run never got to judge them
        | Q(evaluated_at__lt=now - JUDGE_AGAIN_AFTER)
        | ~Q(judged_as=asked)
    )


def tick(*, now: datetime) -> None:
    """One look at the ledger: take back the silent, queue what is due, wake workers for it."""
    for run_id in ledger.reap():
        log.warning("Run %s was taken back from a silent worker", run_id)
    ledger.schedule(now=now)
    for run_id in ledger.claimable():
        doorbell.ring(run_id)
    for source in judgeable(now=now).exclude(runs__state=SyncRun.State.RUNNING):
        judge.delay(source.pk)
    ending.tick(now=now)
    deadlines.look(now=now)
    of_plans.look(now=now)
    if outbox_relay.is_anything_waiting(now=now) or mail.is_anything_due(now=now):
        relay.delay()
