"""A lost second factor is removed by somebody else, who cannot become that person by it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import people
from accounts.errors import NotPossible
from accounts.models import User
from accounts.roles import Role
from audit.models import Entry
from tests.accounts.test_sign_in import set_up_second_factor, sign_in, who
from tests.factories import NOW, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return UserFactory(username="ulla", full_name="Ulla Berg", roles=[Role.USER_ADMIN])


def remove(user: User, by: User | None) -> User:
    return people.remove_second_factor(user_id=user.pk, by=by, now=NOW)


def test_it_removes_every_factor_ends_every_session_and_is_recorded(admin: User):
    alice = UserFactory(username="alice", roles=[Role.APPROVER])
    held = Client()
    set_up_second_factor(held, "alice")
    assert who(held) == "alice"

    remove(alice, admin)

    assert who(held) is None
    assert not Authenticator.objects.filter(user=alice).exists()
    entry = Entry.objects.filter(action="accounts:factor:reset").get()
    assert (entry.actor_id, entry.before) == (admin.pk, {"factors": ["recovery_codes", "totp"]})


def test_the_person_is_told_at_each_sign_in_until_there_is_a_new_factor(admin: User, settings: Any):
    settings.REQUIRE_SECOND_FACTOR = True
    alice = UserFactory(username="alice", roles=[Role.APPROVER], second_factor=True)
    remove(alice, admin)

    for _ in range(2):
        client = Client()
        sign_in(client, "alice")
        page = client.get("/accounts/2fa/").content.decode()
        assert "Your second factor was removed by Ulla Berg on 10 March 2026 at 12:00" in page
    set_up_second_factor(client, "alice")

    alice.refresh_from_db()
    assert alice.second_factor_removed_at is None
    assert alice.second_factor_removed_by is None


def test_nobody_removes_their_own(admin: User):
    with pytest.raises(NotPossible, match="your own"):
        remove(admin, admin)


def test_whoever_chose_the_password_does_not_remove_the_factor(admin: User):
    alice = UserFactory(username="alice", second_factor=True)
    password = people.reset_password(user_id=alice.pk, by=admin)

    with pytest.raises(NotPossible, match="You chose the password"):
        remove(alice, admin)
    assert Authenticator.objects.filter(user=alice).exists()

    client = Client()
    sign_in(client, "alice", password)
    remove(alice, UserFactory(roles=[Role.USER_ADMIN]))


def test_whoever_made_the_account_does_not_remove_the_factor_before_the_password_is_changed(
    admin: User,
):
    person = people.create(
        username="new", password=people.new_password(), by=admin, must_change_password=True
    )
    Authenticator.objects.create(user=person, type="webauthn", data={})

    with pytest.raises(NotPossible, match="You chose the password"):
        remove(person, admin)


def test_whoever_removed_the_factor_does_not_choose_the_password(admin: User):
    alice = UserFactory(username="alice", second_factor=True)
    remove(alice, admin)

    with pytest.raises(NotPossible, match="You removed the second factor"):
        people.reset_password(user_id=alice.pk, by=admin)

    people.reset_password(user_id=alice.pk, by=UserFactory(roles=[Role.USER_ADMIN]))


def test_a_new_factor_and_a_new_password_settle_it(admin: User):
    alice = UserFactory(username="alice", second_factor=True)
    remove(alice, admin)
    set_up_second_factor(Client(), "alice")

    people.reset_password(user_id=alice.pk, by=admin)


def test_the_pages_ask_who_one_is_and_say_what_stands_in_the_way(client: Client, admin: User):
    alice = UserFactory(username="alice", second_factor=True)
    address = f"/settings/users/{alice.pk}/remove-second-factor/"
    sign_in(client, "ulla")

    assert b"Remove the second factor of alice" in client.get(address).content
    assert b"Remove second factor" in client.get(f"/settings/users/{alice.pk}/").content
    page = client.post(address, follow=True).content
    assert b"The second factor of alice is removed" in page
    assert b"alice has no second factor" in client.post(address, follow=True).content


def test_the_console_removes_it_where_nobody_else_can(admin: User):
    UserFactory(username="alice", second_factor=True)

    call_command("user", "remove-second-factor", "--username", "ALICE")

    assert not Authenticator.objects.exists()
    assert Entry.objects.get(action="accounts:factor:reset").via == "command"
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("user", "remove-second-factor", "--username", "alice")
    with pytest.raises(CommandError, match="nobody called"):
        call_command("user", "remove-second-factor", "--username", "bob")


def test_the_time_is_an_argument(admin: User):
    alice = UserFactory(second_factor=True)

    assert remove(alice, admin).second_factor_removed_at == NOW < datetime.now(UTC)
