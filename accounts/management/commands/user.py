"""`manage.py user create` lets somebody in from the console; `user remove-second-factor`."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from accounts import people
from accounts.errors import NotPossible
from accounts.models import Team, User
from accounts.roles import Role
from audit.commands import RecordedCommand


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise ArgumentTypeError(f"there is no role {name!r}; one of {', '.join(Role)}") from None


class Command(RecordedCommand):
    help = "Lets people in. A generated password is the only thing printed on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="let somebody in")
        create.add_argument("--username", required=True)
        create.add_argument("--full-name", default="")
        create.add_argument("--email", default="")
        create.add_argument(
            "--role",
            dest="roles",
            action="extend",
            nargs="+",
            required=True,
            type=_role,
            metavar="ROLE",
            help=f"may be repeated; one of {', '.join(Role)}",
        )
        create.add_argument(
            "--team",
            dest="teams",
            action="extend",
            nargs="+",
            default=[],
            metavar="TEAM",
            help="the name of a team there is; may be repeated",
        )
        create.add_argument(
            "--scope",
            choices=[scope.value for scope in User.Scope],
            help="whose machines they see; by default their teams' if a team is given, else all",
        )
        create.add_argument(
            "--password-file", type=Path, help="reads the password here instead of generating one"
        )

        remove = verbs.add_parser(
            "remove-second-factor", help="for a lost phone or key where nobody else can do it"
        )
        remove.add_argument("--username", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or raise CommandError with a sentence."""
        try:
            if options["verb"] == "create":
                self._create(options)
            else:
                self._remove_second_factor(options["username"])
        except NotPossible as error:
            raise CommandError(str(error)) from error

    def _remove_second_factor(self, username: str) -> None:
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            raise CommandError(f"There is nobody called {username!r}.")
        people.remove_second_factor(user_id=user.pk, by=None, now=datetime.now(UTC))
        self.stderr.write(f"{user.username} has no second factor now.", self.style.SUCCESS)

    def _create(self, options: dict[str, Any]) -> None:
        teams = [self._team(name) for name in options["teams"]]
        file: Path | None = options["password_file"]
        password = self._read(file, options["username"]) if file else people.new_password()
        user = people.create(
            username=options["username"],
            password=password,
            by=None,
            full_name=options["full_name"],
            email=options["email"],
            roles=options["roles"],
            scope=options["scope"] or (User.Scope.TEAMS if teams else User.Scope.ALL),
            teams=teams,
        )
        self.stderr.write(f"{user.username} can sign in now.", self.style.SUCCESS)
        if file is None:
            self.stdout.write(password)

    def _team(self, name: str) -> Team:
        team = Team.objects.filter(name__iexact=name).first()
        if team is None:
            raise CommandError(f"There is no team {name!r}.")
        return team

    def _read(self, path: Path, username: str) -> str:
        try:
            password = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The password cannot be read from {path}: {error}") from error
        try:
            validate_password(password, User(username=username))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        return password
