"""Waking a worker. A message says "look now" at a row; losing one costs a tick, never work."""

from __future__ import annotations

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)
WORK_TASK = "findings.tasks.work"  # lives above this app, so it is known by name alone


def ring(run_id: int) -> None:
    """Ask a worker to look at a run once the current transaction has committed."""
    transaction.on_commit(lambda: _send(run_id))


def _send(run_id: int) -> None:
    try:
        current_app.send_task(WORK_TASK, args=[run_id], retry=False)
    except (OperationalError, OSError) as error:
        # The scheduler looks at the ledger itself, so the run starts a tick later.
        log.warning("The broker did not take the message for run %s: %s", run_id, error)
