"""Collect one source now and say what came of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.trail import Origin, origin
from findings import pipeline
from inventory import ledger
from inventory.errors import NotPossible
from inventory.models import Source, SyncRun

POLL_SECONDS = 0.5


class Command(BaseCommand):
    help = "Collect a source, wait, and print the run's summary. Fails unless it is COMPLETE."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="the name of the source")
        parser.add_argument("--detach", action="store_true", help="only queue the run")

    def handle(self, *args: Any, **options: Any) -> None:
        source = Source.objects.filter(name__iexact=options["source"]).first()
        if source is None:
            raise CommandError(f"There is no source named {options['source']}.")
        with origin(Origin(via="command")):
            try:
                run = ledger.request_run(
                    source=source, by=None, now=datetime.now(UTC), wake_worker=options["detach"]
                )
            except NotPossible as error:
                raise CommandError(str(error)) from error
        if options["detach"]:
            self.stdout.write(f"Queued run {run.pk} of {source.name}.")
            return
        run = see_through(run)
        self.stdout.write(summary(run))
        if run.state != SyncRun.State.COMPLETE:
            raise CommandError(f"The run is {run.get_state_display().upper()}.")


def see_through(run: SyncRun) -> SyncRun:
    """Work on the run here unless a worker has it; wait until it is over or held."""
    while True:
        run.refresh_from_db()
        if run.is_over or run.state == SyncRun.State.HELD:
            return run
        ledger.reap()
        if not pipeline.work(run.pk, now=datetime.now(UTC)):
            time.sleep(POLL_SECONDS)


def summary(run: SyncRun) -> str:
    """What a run did, a line per kind."""
    lines = [f"Run {run.pk} of {run.source.name}: {run.get_state_display().upper()}"]
    lines += [f"  {cause['message']} {cause['advice']}".rstrip() for cause in run.causes]
    for kind, counts in sorted(run.counts.items()):
        lines.append(
            f"  {kind:<10} {counts['seen']:>6} seen, {counts['new']} new, "
            f"{counts['changed']} changed, {counts['missing']} missing, "
            f"{counts['retired']} retired"
        )
    if run.outcomes:
        lines.append("  findings   " + ", ".join(f"{n} {name}" for name, n in run.outcomes.items()))
    return "\n".join(lines)
