"""The way of a fact, top to bottom: collect → stage → publish → evaluate → reconcile."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from findings import lifecycle
from findings.remediation import following
from findings.trends import rollup
from findings.waivers import covering
from inventory import ledger, publishing, sessions, staging
from inventory.connecting import connect
from inventory.connectors.base import CollectionFailed, Connector, Item
from inventory.errors import LeaseLost, RunCancelled
from inventory.heartbeat import Pulse, beating
from inventory.ledger import Claim
from inventory.models import Source, SyncRun
from inventory.watching import increments
from inventory.watching.lease import Held
from policies import judging, rejudging
from policies.rejudging import Facts

log = logging.getLogger(__name__)


class FactsMoved(Exception):
    """While facts were judged, newer ones were published or the checks were set differently."""


def work(run_id: int, *, now: datetime) -> bool:
    """Claim a run and see it through. Returns whether it was ours to work on."""
    held = ledger.claim(run_id)
    if held is None:
        return False
    with beating(held) as pulse:
        see_through(held, pulse=pulse, now=now)
    return True


def see_through(
    held: Claim, *, pulse: Pulse, now: datetime, connector: Connector | None = None
) -> None:
    """Govern, and write into the ledger what came of it if it did not come to its end."""
    try:
        govern(held, pulse=pulse, now=now, connector=connector)
    except CollectionFailed as error:
        ledger.fail(held, code=error.code, message=str(error), advice=error.advice)
    except RunCancelled as reason:
        ledger.give_back(held, message=f"{reason}.")
    except LeaseLost as reason:
        log.warning("Stopped: %s", reason)
    except Exception as error:
        log.exception("Run %s failed in the worker", held.run_id)
        ledger.give_back(held, message=f"The worker failed: {type(error).__name__}.")


def govern(
    held: Claim, *, pulse: Pulse, now: datetime, connector: Connector | None = None
) -> SyncRun:
    """Bring what we say about one source up to date with what is true of it."""
    run = SyncRun.objects.select_related("source").get(pk=held.run_id)
    if run.staged_token is None:
        if not run.source.is_enabled:
            raise CollectionFailed(
                f"{run.source.name} was switched off while the run waited.",
                code="switched-off",
                advice="Switch it on and collect again.",
            )
        sessions.end_leftovers(run.source)
        with sessions.remembering(held) as sink:
            chosen = connector or connect(run.source, session_sink=sink)
            staging.stage(held, chosen, pulse=pulse, now=now)
        run.refresh_from_db(fields=["collected_at"])
    run = publishing.publish(held, now=run.collected_at or now)
    if run.published_at is None:  # held for a person, or a later collection counts instead
        return run
    while True:
        pulse.check()
        judgement = judging.judge(Source.objects.get(pk=held.source_id), now=now)
        pulse.check()
        try:
            with transaction.atomic():
                return _conclude(held, judgement)
        except FactsMoved as reason:
            log.info("Run %s is judged again: %s", held.run_id, reason)


def _conclude(held: Claim, judgement: judging.Judgement | None) -> SyncRun:
    """Reconcile, and close the run in the same transaction."""
    source = Source.objects.select_for_update(no_key=True).get(pk=held.source_id)
    run = ledger.hold_row(held)
    if judgement is not None:
        run.outcomes = _keep(judgement, source)
    whole = publishing.is_whole(run)
    ledger.end(run, SyncRun.State.COMPLETE if whole else SyncRun.State.PARTIAL)
    return run


def govern_changes(
    watch: Held,
    items: Iterable[Item],
    *,
    facts: Facts,
    now: datetime,
    unchanged_until: datetime | None,
) -> None:
    """Bring what we say up to date with what a watch was told, all in one transaction.

    `facts` are kept from one call to the next. Raise what `increments.publish` raises; then
    nothing was written.
    """
    try:
        with transaction.atomic():
            _govern_changes(watch, items, facts, now=now, unchanged_until=unchanged_until)
    except increments.NothingNew:
        raise
    except BaseException:
        facts.forget()
        raise


def _govern_changes(
    watch: Held,
    items: Iterable[Item],
    facts: Facts,
    *,
    now: datetime,
    unchanged_until: datetime | None,
) -> None:
    was = Source.objects.select_for_update(no_key=True).get(pk=watch.source_id)
    facts.bring(was)
    told = increments.publish(watch, items, now=now, unchanged_until=unchanged_until)
    judgement: judging.Judgement | None
    if _is_judged(was):
        run_id = told.run.pk
        judgement = rejudging.rejudge(told.source, facts, told.changed, run_id=run_id, now=now)
    else:  # everything is to be asked anyway
        facts.renew(told.changed)
        judgement = judging.judge(told.source, now=now)
    if judgement is not None:
        told.run.outcomes = _keep(judgement, told.source)
    facts.stamp(told.source)
    ledger.end(told.run, SyncRun.State.COMPLETE)


def _is_judged(source: Source) -> bool:
    """Whether all that was published has been judged, by the checks as they are set now."""
    published, evaluated = source.published_at, source.evaluated_at
    if published is None or evaluated is None or evaluated < published:
        return False
    return source.judged_as == judging.asked_now()


def evaluate(source: Source, *, now: datetime) -> dict[str, int]:
    """Judge a source's facts again without collecting: for what the clock or the policy changed."""
    judgement = judging.judge(source, now=now)
    if judgement is None:
        return {}
    with transaction.atomic():
        locked = Source.objects.select_for_update(no_key=True).get(pk=source.pk)
        return _keep(judgement, locked)


def _keep(judgement: judging.Judgement, locked: Source) -> dict[str, int]:
    """Write what was judged, or raise FactsMoved when it answers an older question."""
    if (locked.published_at, locked.changed_at) != (judgement.published_at, judgement.changed_at):
        raise FactsMoved("Newer facts arrived while these were judged")
    if judging.asked_now() != judgement.judged_as:
        raise FactsMoved("The checks were set differently while they were asked")
    judging.store(judgement)
    changes = lifecycle.reconcile(judgement)
    covering.cover(source_id=locked.pk, now=judgement.now)
    following.follow(locked.pk, changes)
    checks = [one.check for one in judgement.configured.values()]
    rollup.keep(locked.pk, checks=checks, now=judgement.now)
    return changes.counts()
