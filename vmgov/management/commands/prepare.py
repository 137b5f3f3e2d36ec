"""`manage.py prepare`: bring the database up to date with this version of vmgov."""

from typing import Any

from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand

# What a version ships and the database holds a copy of.
SHIPPED = ("load_policies",)


class Command(BaseCommand):
    help = "Apply migrations and load what this version ships. Harmless when there is nothing new."
    requires_system_checks = ()  # some look at tables that this makes

    def handle(self, **_: Any) -> None:
        """Run the steps in order; each one does nothing the second time."""
        call_command("migrate", verbosity=0, interactive=False)
        known = get_commands()
        for command in SHIPPED:
            if command in known:
                call_command(command, stdout=self.stdout)
