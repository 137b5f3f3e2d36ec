"""`manage.py authorisation_reference > docs/authorisation.md`"""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import rules


class Command(BaseCommand):
    help = "Prints docs/authorisation.md, generated from the roles."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the document."""
        self.stdout.write(rules.as_markdown(), ending="")
