"""`manage.py user create` and `manage.py token create`: one secret on standard output, once."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from accounts.permissions import Permission
from accounts.roles import Role
from audit.models import Entry
from tests.factories import PASSWORD, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_generated_password_is_all_that_is_printed(client: Client):
    printed = run("user", "create", "--username", "alice", "--role", "viewer")

    alice = User.objects.get(username="alice")
    assert printed.count("\n") == 1
    assert alice.check_password(printed.strip())
    assert alice.roles == {Role.VIEWER}
    assert alice.scope == User.Scope.ALL
    response = client.post("/accounts/login/", {"login": "alice", "password": printed.strip()})
    assert response["Location"] == "/"


def test_a_password_from_a_file_is_not_printed(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    TeamFactory(name="Finance")

    printed = run(
        *("user", "create", "--username", "bob", "--role", "analyst", "--role", "remediator"),
        *("--team", "finance", "--password-file", str(file)),
    )

    bob = User.objects.get(username="bob")
    assert printed == ""
    assert bob.check_password(PASSWORD)
    assert bob.roles == {Role.ANALYST, Role.REMEDIATOR}
    assert bob.scope == User.Scope.TEAMS
    assert [team.name for team in bob.teams.all()] == ["Finance"]


def test_what_a_command_does_is_recorded_as_such():
    run("user", "create", "--username", "alice", "--role", "viewer")

    entry = Entry.objects.get(action="accounts:user:create")
    assert (entry.via, entry.actor_id, entry.target_label) == ("command", None, "alice")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--username", "a b", "--role", "viewer"), "valid username"),
        (("--username", "alice", "--role", "approver", "operator"), "Nobody can be both"),
        (("--username", "alice", "--role", "king"), "there is no role 'king'"),
        (("--username", "taken", "--role", "viewer"), "already"),
        (("--username", "alice", "--role", "viewer", "--team", "X"), "There is no team 'X'"),
        (
            ("--username", "alice", "--role", "viewer", "--password-file", "/nowhere"),
            "cannot be read",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(words: tuple[str, ...], sentence: str):
    UserFactory(username="taken")

    with pytest.raises(CommandError, match=sentence):
        run("user", "create", *words)

    assert User.objects.count() == 1


def test_a_weak_password_in_a_file_is_refused(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("secret")

    with pytest.raises(CommandError, match="at least 15"):
        run("user", "create", "--username", "a", "--role", "viewer", "--password-file", str(file))


def test_a_token_is_all_that_is_printed(client: Client):
    UserFactory(username="alice", roles=[Role.VIEWER])

    printed = run(
        *("token", "create", "--user", "alice", "--days", "7"),
        *("--permission", "findings:finding:read", "inventory:asset:read"),
    )

    assert printed.startswith("vmg_")
    assert printed.count("\n") == 1
    me = client.get("/api/v1/me/", headers={"authorization": f"Bearer {printed.strip()}"}).json()
    assert me["permissions"] == [Permission.FINDING_READ, Permission.ASSET_READ]
    assert Entry.objects.get(action="accounts:token:create").via == "command"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--user", "nobody", "--permission", "findings:finding:read"), "There is no user"),
        (("--user", "alice", "--permission", "audit:entry:read"), "may not audit:entry:read"),
        (("--user", "alice", "--permission", "all"), "there is no permission 'all'"),
        (
            ("--user", "alice", "--permission", "findings:finding:read", "--days", "91"),
            "between 1 and 90",
        ),
    ],
)
def test_a_token_that_cannot_be_is_refused(words: tuple[str, ...], sentence: str):
    UserFactory(username="alice", roles=[Role.VIEWER])

    with pytest.raises(CommandError, match=sentence):
        run("token", "create", *words)
