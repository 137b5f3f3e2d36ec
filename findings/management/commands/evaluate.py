"""Ask every check again without collecting, now or about a past moment."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime

from audit.trail import Origin, origin
from findings import pipeline
from inventory.models import Source
from policies import judging
from policies.spec import Outcome


class Command(BaseCommand):
    help = "Judge all sources again. With --as-of, only print what was true at that moment."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", help="a moment, ISO 8601; UTC unless it says otherwise")

    def handle(self, *args: Any, **options: Any) -> None:
        moment = _moment(options["as_of"]) if options["as_of"] else None
        with origin(Origin(via="command")):
            for source in Source.objects.filter(published_at__isnull=False):
                self._one(source, moment)

    def _one(self, source: Source, moment: datetime | None) -> None:
        if moment is None:
            try:
                changes = pipeline.evaluate(source, now=datetime.now(UTC))
            except pipeline.FactsMoved as reason:
                raise CommandError(f"{source.name}: {reason}. Try again.") from reason
            told = ", ".join(f"{n} {name}" for name, n in changes.items()) or "nothing changed"
            self.stdout.write(f"{source.name}: {told}")
            return
        totals: Counter[Outcome] = Counter()
        for check_id, counts in sorted(judging.judge_as_of(source, moment=moment).tally.items()):
            totals.update(counts)
            if counts[Outcome.FAIL]:
                self.stdout.write(f"{source.name}\t{check_id}\t{counts[Outcome.FAIL]} fail")
        told = ", ".join(f"{totals[outcome]} {outcome.value}" for outcome in Outcome)
        self.stdout.write(f"{source.name} as of {moment.isoformat()}: {told}")


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text} is not a moment such as 2026-01-31T12:00Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
