"""`manage.py database_roles`: the SQL that makes the owner of the schema and the application."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from vmgov import logins


class Command(BaseCommand):
    help = (
        "Print SQL that makes the roles of DATABASE_OWNER_URL and DATABASE_URL and gives what an "
        "earlier version made to the owner. Pipe it into psql as the database's administrator."
    )
    requires_system_checks = ()

    def handle(self, **_: Any) -> None:
        """Print; nothing is changed. Passwords are printed as PostgreSQL keeps them."""
        owner, application = settings.DATABASE_OWNER, settings.DATABASES[DEFAULT_DB_ALIAS]
        if owner is None:
            raise CommandError("Set DATABASE_OWNER_URL: the role that owns the schema.")
        self.stdout.write(
            logins.script(
                owner=logins.Login(name=owner["USER"], password=owner["PASSWORD"]),
                application=logins.Login(
                    name=application["USER"], password=application["PASSWORD"]
                ),
                database=application["NAME"],
            )
        )
