"""`manage.py new_key`: a key for the ring that seals credentials."""

from typing import Any

from django.core.management.base import BaseCommand

from vmgov import keys


class Command(BaseCommand):
    help = "Print a new key for CREDENTIAL_KEYS. Put it first to seal with it; keep the old ones."
    requires_system_checks = ()

    def handle(self, **_: Any) -> None:
        """Print one line; nothing is stored."""
        self.stdout.write(keys.new_credential_key())
