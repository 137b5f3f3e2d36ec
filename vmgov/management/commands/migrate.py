"""`manage.py migrate`: as the schema's owner, who then says what the application may do."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connection

from vmgov import privileges


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then bring the application's privileges up to date."""
        owner: dict[str, Any] | None = settings.DATABASE_OWNER
        if owner is None or options["database"] != DEFAULT_DB_ALIAS:
            super().handle(*args, **options)
            return
        with privileges.as_owner():
            _refuse_tables_of_others(owner["USER"])
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"]):
                privileges.give(to=settings.DATABASES[DEFAULT_DB_ALIAS]["USER"])


def _refuse_tables_of_others(us: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(NOT_OURS)
        count, example, owner = cursor.fetchone()
    if count:
        raise CommandError(
            f"{count} tables, {example} among them, belong to {owner} and not to {us}. Hand them "
            "over: `manage.py database_roles` prints the SQL for an administrator of the database."
        )


NOT_OURS = """
SELECT count(*), min(c.relname), min(pg_get_userbyid(c.relowner)) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
WHERE c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE')
"""
