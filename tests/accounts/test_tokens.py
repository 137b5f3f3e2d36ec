"""API tokens: shown once, kept as a digest, bounded by their person, dead at once when revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import people, tokens
from accounts.errors import NotPossible
from accounts.models import ApiToken, User
from accounts.permissions import Permission
from accounts.roles import Role
from audit.models import Entry
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

READ = Permission.FINDING_READ


def a_token(
    user: User, *permissions: Permission, days: int = 30, now: datetime | None = None
) -> tuple[ApiToken, str]:
    return tokens.create(
        user=user,
        name="ci",
        permissions=permissions or (READ,),
        days=days,
        by=user,
        now=now or datetime.now(UTC),
    )


def status(text: str, address: str = "/api/v1/me/") -> int:
    return Client().get(address, headers={"authorization": f"Bearer {text}"}).status_code


def test_a_token_opens_what_it_was_made_for():
    _, text = a_token(UserFactory(username="alice", roles=[Role.VIEWER]))

    response = Client().get("/api/v1/me/", headers={"authorization": f"Bearer {text}"})

    assert response.status_code == 200
    assert response.json()["username"] == "alice"
    assert response.json()["permissions"] == [READ]


def test_the_secret_is_nowhere_in_the_database():
    token, text = a_token(UserFactory(roles=[Role.VIEWER]))

    token.refresh_from_db()

    assert text.startswith(f"vmg_{token.prefix}")
    secret = text.removeprefix(f"vmg_{token.prefix}")
    assert len(secret) == 43
    rows = [*ApiToken.objects.values_list(), *Entry.objects.values_list()]
    assert secret not in "".join(str(row) for row in rows)


def test_the_digest_needs_the_pepper(settings):
    _, text = a_token(UserFactory(roles=[Role.VIEWER]))

    settings.TOKEN_PEPPER = b"another pepper of this installation"

    assert status(text) == 401


@pytest.mark.parametrize("position", [4, 15, 16, -1])
def test_a_token_with_one_other_character_is_refused(position: int):
    _, text = a_token(UserFactory(roles=[Role.VIEWER]))
    other = "A" if text[position] != "A" else "B"
    characters = list(text)
    characters[position] = other

    assert status("".join(characters)) == 401


@pytest.mark.parametrize(
    "text", ["", " ", "vmg_", "vmg_é", "x" * 10_000, "vmg_" + "a" * 55, "a b c", "\x00"]
)
def test_what_is_no_token_is_refused(text: str):
    assert status(text) == 401


def test_an_expired_token_is_refused():
    past = datetime.now(UTC) - timedelta(days=10)
    _, text = a_token(UserFactory(roles=[Role.VIEWER]), days=9, now=past)

    assert status(text) == 401


def test_a_revoked_token_is_refused_at_once():
    alice = UserFactory(roles=[Role.VIEWER])
    token, text = a_token(alice)
    assert status(text) == 200

    tokens.revoke(token_id=token.pk, user=alice, by=alice, now=datetime.now(UTC))

    assert status(text) == 401


def test_a_token_dies_with_its_persons_access_and_stays_dead():
    admin = UserFactory(roles=[Role.USER_ADMIN])
    alice = UserFactory(roles=[Role.VIEWER])
    _, text = a_token(alice)

    people.disable(user_id=alice.pk, by=admin)
    assert status(text) == 401

    people.enable(user_id=alice.pk, by=admin)
    assert status(text) == 401


def test_a_token_loses_what_its_person_loses():
    admin = UserFactory(roles=[Role.USER_ADMIN])
    alice = UserFactory(roles=[Role.AUDITOR])
    _, text = a_token(alice, Permission.AUDIT_READ)
    assert status(text, "/api/v1/audit/") == 200

    people.revoke_role(user_id=alice.pk, role=Role.AUDITOR, by=admin)

    assert status(text, "/api/v1/audit/") == 403


def test_a_token_never_exceeds_its_person():
    alice = UserFactory(roles=[Role.VIEWER])

    with pytest.raises(NotPossible, match="audit:entry:read"):
        a_token(alice, Permission.AUDIT_READ)


@pytest.mark.parametrize("days", [-1, 0, 91, 10_000])
def test_a_token_lives_90_days_at_most(days: int):
    with pytest.raises(NotPossible, match="between 1 and 90 days"):
        a_token(UserFactory(roles=[Role.VIEWER]), days=days)


def test_its_use_is_remembered_once_a_minute():
    token, text = a_token(UserFactory(roles=[Role.VIEWER]))
    now = datetime.now(UTC)

    assert tokens.authenticate(text, now=now) is not None
    tokens.authenticate(text, now=now + timedelta(seconds=59))
    token.refresh_from_db()
    assert token.last_used_at == now

    later = now + timedelta(seconds=60)
    tokens.authenticate(text, now=later)
    token.refresh_from_db()
    assert token.last_used_at == later


def test_a_second_use_within_the_minute_writes_nothing(django_assert_num_queries):
    _, text = a_token(UserFactory(roles=[Role.VIEWER]))
    now = datetime.now(UTC)
    tokens.authenticate(text, now=now)

    with django_assert_num_queries(1):
        tokens.authenticate(text, now=now)


def test_making_and_revoking_are_recorded():
    alice = UserFactory(username="alice", roles=[Role.VIEWER])
    token, _ = a_token(alice)
    tokens.revoke(token_id=token.pk, user=alice, by=alice, now=datetime.now(UTC))

    made, revoked = Entry.objects.filter(target_id=token.pk).order_by("id")

    assert made.action == "accounts:token:create"
    assert made.after is not None
    assert made.after["permissions"] == [READ]
    assert revoked.action == "accounts:token:revoke"


def test_somebody_elses_token_cannot_be_revoked():
    token, text = a_token(UserFactory(roles=[Role.VIEWER]))
    mallory = Client()
    mallory.force_login(UserFactory(roles=[Role.VIEWER]))

    assert mallory.post(f"/settings/tokens/{token.pk}/revoke/").status_code == 404
    assert mallory.post("/settings/tokens/999999/revoke/").status_code == 404
    assert status(text) == 200


def test_the_database_refuses_a_token_that_lives_too_long():
    from django.db import IntegrityError, transaction

    token, _ = a_token(UserFactory(roles=[Role.VIEWER]))

    with pytest.raises(IntegrityError, match="token_expires_in_time"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(
            expires_at=token.created_at + timedelta(days=90, seconds=1)
        )


def test_a_bearer_beats_a_session_and_is_refused_by_itself(client: Client):
    client.force_login(UserFactory(roles=[Role.VIEWER]))

    response = client.get("/api/v1/me/", headers={"authorization": "Bearer vmg_wrong"})

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_reading_with_a_token_costs_few_queries():
    from django.db import connection

    _, text = a_token(UserFactory(roles=[Role.AUDITOR]), Permission.USER_READ)
    status(text, "/api/v1/users/")

    with CaptureQueriesContext(connection) as queries:
        assert status(text, "/api/v1/users/") == 200

    assert len(queries) <= 6
