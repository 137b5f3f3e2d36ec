"""What management commands that change something are made of."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from audit import trail


class RecordedCommand(BaseCommand):
    """What it records comes from a command, not from the system itself."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        with trail.origin(trail.Origin(via="command")):
            return super().execute(*args, **options)
