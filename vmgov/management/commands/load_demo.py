"""`manage.py load_demo`: a hospital group's estate to look around in, five weeks of it."""

from datetime import UTC, datetime
from typing import Any

from django.core.management import call_command

from audit.commands import RecordedCommand
from vmgov import demo


class Command(RecordedCommand):
    help = "Load the demo estate and one user per role. Does nothing when it is there already."

    def handle(self, **_: Any) -> None:
        """Load, unless it has been done before."""
        if demo.is_loaded():
            demo.load_people()
            self.stdout.write("The demo estate is here already.")
            return
        call_command("load_policies", stdout=self.stdout)
        demo.load(now=datetime.now(UTC))
        self.stdout.write("The demo estate is loaded.")
