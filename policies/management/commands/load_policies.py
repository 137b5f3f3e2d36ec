from typing import Any

from django.core.management.base import BaseCommand, CommandError

from policies.configuration import forget_outdated
from policies.document import BadDocument
from policies.loading import load_shipped


class Command(BaseCommand):
    help = "Bring the policy tables up to date with the shipped document. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and say in one line what changed."""
        try:
            self.stdout.write(str(load_shipped()))
        except BadDocument as error:
            raise CommandError(f"The shipped policy document is unsound: {error}") from error
        forget_outdated()
