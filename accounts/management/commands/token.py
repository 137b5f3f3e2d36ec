"""`manage.py token create`: make an API token for somebody, printed once."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import tokens
from accounts.errors import NotPossible
from accounts.models import MAXIMUM_TOKEN_DAYS, User
from accounts.permissions import Permission
from audit.commands import RecordedCommand


def _permission(name: str) -> Permission:
    try:
        return Permission(name)
    except ValueError:
        raise ArgumentTypeError(
            f"there is no permission {name!r}; one of {', '.join(Permission)}"
        ) from None


class Command(RecordedCommand):
    help = "Makes API tokens. The token is the only thing printed on standard output, once."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a token for somebody")
        create.add_argument("--user", required=True, help="their username")
        create.add_argument(
            "--permission",
            dest="permissions",
            action="extend",
            nargs="+",
            required=True,
            type=_permission,
            metavar="PERMISSION",
            help="what it may do, of what the person may do; may be repeated",
        )
        create.add_argument(
            "--days",
            type=int,
            default=30,
            help=f"how long it lives, {MAXIMUM_TOKEN_DAYS} at most (default 30)",
        )
        create.add_argument("--name", default="Made at the console")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the token, or raise CommandError with a sentence."""
        user = User.objects.filter(username__iexact=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r}.")
        try:
            token, text = tokens.create(
                user=user,
                name=options["name"],
                permissions=options["permissions"],
                days=options["days"],
                by=None,
                now=datetime.now(UTC),
            )
        except NotPossible as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"Valid until {token.expires_at:%F %T} UTC; not shown again.")
        self.stdout.write(text)
