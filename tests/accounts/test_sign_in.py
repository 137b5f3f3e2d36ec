"""Signing in and out: nothing is given away, nothing outlives its time, everything is recorded."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from accounts import people
from accounts.models import User
from accounts.roles import Role
from audit.models import Entry
from tests.factories import NOW, PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "a quite different sentence"
LOGIN = "/accounts/login/"


def sign_in(client: Client, username: str, password: str = PASSWORD, **extra: str):
    return client.post(LOGIN, {"login": username, "password": password, **extra})


def who(client: Client) -> str | None:
    response = client.get("/api/v1/me/")
    return response.json().get("username") if response.status_code == 200 else None


def last_entry() -> Entry:
    return Entry.objects.order_by("-id")[0]


def errors_of(response) -> str:
    """What the page says, without what differs from page to page by chance."""
    text = response.content.decode()
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|X-CSRFToken": "\w+', "", text)
    return re.sub(r'value="[^"]*"', "", text)


def test_a_person_signs_in_and_out_and_both_are_recorded(client: Client):
    alice = UserFactory(username="alice", roles=[Role.VIEWER])

    assert sign_in(client, "alice")["Location"] == "/"
    assert who(client) == "alice"
    opened = last_entry()
    assert (opened.action, opened.actor_id, opened.via) == (
        "accounts:session:open",
        alice.pk,
        "page",
    )
    assert opened.address == "127.0.0.1"
    assert opened.request_id

    client.post("/accounts/logout/")
    assert who(client) is None
    assert last_entry().action == "accounts:session:close"


def test_the_username_is_found_whatever_its_case(client: Client):
    UserFactory(username="Alice")

    sign_in(client, "aLICE")

    assert who(client) == "Alice"


def test_passwords_are_kept_with_argon2():
    source = (settings.BASE_DIR / "vmgov" / "settings.py").read_text(encoding="utf-8")

    # The tests themselves run with a quicker hasher (tests/conftest.py).
    assert 'PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]' in source


def test_a_stranger_cannot_tell_which_accounts_exist(client: Client):
    UserFactory(username="alice")
    UserFactory(username="gone", is_active=False)

    answers = {
        errors_of(sign_in(Client(), "alice", "wrong")),
        errors_of(sign_in(Client(), "nobody", "wrong")),
        errors_of(sign_in(Client(), "gone", "wrong")),
        errors_of(sign_in(Client(), "gone", PASSWORD)),
    }

    assert len(answers) == 1
    assert "do not belong together" in answers.pop()


def test_a_refused_sign_in_is_recorded_without_what_was_typed(client: Client):
    alice = UserFactory(username="alice")

    sign_in(client, "alice", "wrong")
    assert (last_entry().action, last_entry().target_id) == (
        "accounts:session:refuse",
        str(alice.pk),
    )

    sign_in(client, "my secret password", "wrong")
    assert last_entry().target_label == ""
    assert "my secret" not in str(list(Entry.objects.values_list()))


def test_after_ten_failures_the_right_password_is_refused_too(client: Client):
    UserFactory(username="alice")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = sign_in(client, "alice", "wrong")

    assert response.status_code == 429
    refused = sign_in(client, "alice")
    assert refused.status_code == 429
    assert b"blocked for 15 minutes" in refused.content
    assert who(client) is None
    assert Entry.objects.filter(action="accounts:session:lock").exists()


def test_a_lock_is_not_escaped_by_writing_the_name_otherwise():
    UserFactory(username="alice")
    spellings = ["alice", "Alice", "ALICE", " alice", "ａlice"]
    for number in range(settings.AXES_FAILURE_LIMIT):
        sign_in(Client(), spellings[number % len(spellings)], "wrong")

    for spelling in spellings:
        assert sign_in(Client(), spelling).status_code == 429


def test_a_lock_looks_the_same_for_an_account_that_does_not_exist():
    UserFactory(username="alice")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        real = sign_in(Client(), "alice", "wrong")
        made_up = sign_in(Client(), "nobody", "wrong")

    assert (real.status_code, errors_of(real)) == (made_up.status_code, errors_of(made_up))
    assert real.status_code == 429


def test_a_lock_binds_one_address_and_one_name():
    UserFactory(username="alice")
    UserFactory(username="bob")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        sign_in(Client(), "alice", "wrong")

    elsewhere, neighbour = Client(REMOTE_ADDR="192.0.2.9"), Client()
    sign_in(elsewhere, "alice")
    sign_in(neighbour, "bob")

    assert (who(elsewhere), who(neighbour)) == ("alice", "bob")


def test_a_lock_ends_by_itself():
    UserFactory(username="alice")
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(settings.AXES_FAILURE_LIMIT):
            sign_in(Client(), "alice", "wrong")
        clock.shift(timedelta(minutes=16))
        client = Client()
        sign_in(client, "alice")

        assert who(client) == "alice"


def test_the_session_gets_a_new_key_when_somebody_signs_in(client: Client):
    UserFactory(username="alice")
    client.get(LOGIN)
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)

    sign_in(client, "alice")

    assert client.cookies[settings.SESSION_COOKIE_NAME].value != session.session_key


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "http:evil.example",
        "javascript:alert(1)",
        "https://127.0.0.1@evil.example/",
        "\thttps://evil.example",
        "///evil.example",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(client: Client, target: str):
    UserFactory(username="alice")

    response = sign_in(client, "alice", next=target)

    assert response["Location"] == "/"


def test_a_person_goes_on_to_the_page_they_wanted(client: Client):
    UserFactory(username="alice")

    response = sign_in(client, "alice", next="/findings/?severity=high")

    assert response["Location"] == "/findings/?severity=high"


def test_nobody_signs_themselves_up(client: Client):
    for name in ("account_signup", "account_reset_password", "account_email"):
        assert client.get(reverse(name)).status_code == 404
        assert client.post(reverse(name), {"username": "mallory"}).status_code == 404

    assert not get_user_model().objects.exists()


def test_a_session_ends_after_thirty_idle_minutes(client: Client):
    with time_machine.travel(NOW, tick=False) as clock:
        client.force_login(UserFactory(username="alice"))
        assert who(client) == "alice"
        clock.shift(timedelta(minutes=29))
        assert who(client) == "alice"
        clock.shift(timedelta(minutes=30))

        assert who(client) is None


def test_a_session_ends_after_twelve_hours_of_work(client: Client):
    with time_machine.travel(NOW, tick=False) as clock:
        client.force_login(UserFactory(username="alice"))
        for _ in range(35):
            assert who(client) == "alice"
            clock.shift(timedelta(minutes=20))
        assert who(client) == "alice"
        clock.shift(timedelta(minutes=25))

        assert who(client) is None


def test_fifty_held_sessions_and_tokens_die_when_a_person_is_disabled():
    from datetime import UTC, datetime

    from accounts import tokens

    admin = UserFactory(roles=[Role.USER_ADMIN])
    alice = UserFactory(roles=[Role.VIEWER])
    held = []
    for number in range(25):
        by_session = Client()
        by_session.force_login(alice)
        _, text = tokens.create(
            user=alice,
            name=f"t{number}",
            permissions=alice.permissions,
            days=1,
            by=alice,
            now=datetime.now(UTC),
        )
        held += [by_session, Client(headers={"authorization": f"Bearer {text}"})]
    assert {who(client) for client in held} == {alice.username}

    people.disable(user_id=alice.pk, by=admin)
    assert {who(client) for client in held} == {None}

    people.enable(user_id=alice.pk, by=admin)
    assert {who(client) for client in held} == {None}


def test_sessions_die_when_the_password_is_reset_and_the_new_one_has_to_be_changed(client: Client):
    admin = UserFactory(roles=[Role.USER_ADMIN])
    alice = UserFactory(username="alice", roles=[Role.VIEWER])
    client.force_login(alice)

    password = people.reset_password(user_id=alice.pk, by=admin)

    assert who(client) is None
    sign_in(client, "alice", password)
    assert client.get("/findings/")["Location"] == "/accounts/password/change/"
    assert who(client) is None  # the API is closed as well
    response = client.post(
        "/accounts/password/change/",
        {"oldpassword": password, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    assert response.status_code == 302
    assert last_entry().action in {"accounts:user:change-password", "accounts:session:close"}
    sign_in(client, "alice", NEW_PASSWORD)
    assert who(client) == "alice"
    assert not User.objects.get(username="alice").must_change_password


def test_a_changed_password_ends_every_other_session(client: Client):
    alice = UserFactory(username="alice")
    elsewhere = Client()
    elsewhere.force_login(alice)
    sign_in(client, "alice")

    client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )

    assert who(elsewhere) is None


@pytest.mark.parametrize("weak", ["short", "passwordpassword1"[:14], "alice-alice-alice"])
def test_a_weak_password_is_refused(client: Client, weak: str):
    UserFactory(username="alice-alice-alice")
    sign_in(client, "alice-alice-alice")

    response = client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": weak, "password2": weak},
    )

    assert response.status_code == 200
    assert b"invalid-feedback" in response.content


def test_dropping_a_role_counts_at_the_next_request(client: Client):
    admin = UserFactory(roles=[Role.USER_ADMIN])
    alice = UserFactory(roles=[Role.AUDITOR])
    client.force_login(alice)
    assert client.get("/settings/audit/").status_code == 200

    people.revoke_role(user_id=alice.pk, role=Role.AUDITOR, by=admin)

    assert client.get("/settings/audit/").status_code == 404


def code_for(client: Client) -> str:
    secret = client.session["mfa.totp.secret"]
    return str(totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30)))


def set_up_second_factor(client: Client, username: str) -> str:
    sign_in(client, username)
    client.get("/accounts/2fa/totp/activate/")
    if "mfa.totp.secret" not in client.session:
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert client.get("/accounts/2fa/totp/activate/").status_code == 200
    secret = client.session["mfa.totp.secret"]
    response = client.post("/accounts/2fa/totp/activate/", {"code": code_for(client)})
    assert response.status_code == 302, response.content
    return str(secret)


def test_a_second_factor_is_set_up_asked_for_and_recorded(client: Client):
    alice = UserFactory(username="alice", email="alice@example.org", roles=[Role.VIEWER])
    elsewhere = Client()
    elsewhere.force_login(alice)

    with time_machine.travel(NOW, tick=False) as clock:
        secret = set_up_second_factor(client, "alice")
        assert Entry.objects.filter(action="accounts:factor:add").count() >= 1
        assert who(elsewhere) is None
        assert who(client) == "alice"
        assert client.get("/accounts/2fa/recovery-codes/").status_code == 200
        client.post("/accounts/logout/")

        clock.shift(timedelta(minutes=2))
        assert sign_in(client, "alice")["Location"].startswith("/accounts/2fa/authenticate/")
        assert who(client) is None
        assert client.get("/accounts/2fa/authenticate/").status_code == 200
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
        assert who(client) is None
        assert Entry.objects.filter(action="accounts:session:refuse-code").exists()
        code = totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))
        client.post("/accounts/2fa/authenticate/", {"code": code})
        assert who(client) == "alice"

    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept


def test_a_sealed_secret_is_refused_when_it_was_altered():
    from cryptography.exceptions import InvalidTag

    from accounts.adapter import SecondFactorAdapter

    adapter = SecondFactorAdapter()
    sealed = adapter.encrypt("the secret")
    assert adapter.decrypt(sealed) == "the secret"
    assert adapter.encrypt("the secret") != sealed
    head, tail = sealed[:-6], sealed[-6:]

    with pytest.raises(InvalidTag):
        adapter.decrypt(head + ("A" if tail[0] != "A" else "B") + tail[1:])


def test_making_a_token_asks_for_the_password_again_after_five_minutes(client: Client):
    UserFactory(username="alice", roles=[Role.VIEWER])
    with time_machine.travel(NOW, tick=False) as clock:
        sign_in(client, "alice")
        assert client.get("/settings/tokens/add/").status_code == 200

        clock.shift(timedelta(minutes=6))
        response = client.get("/settings/tokens/add/")
        assert (
            response["Location"] == "/accounts/reauthenticate/?next=%2Fsettings%2Ftokens%2Fadd%2F"
        )

        response = client.post(
            "/accounts/reauthenticate/", {"password": PASSWORD, "next": "/settings/tokens/add/"}
        )
        assert response["Location"] == "/settings/tokens/add/"
        assert client.get("/settings/tokens/add/").status_code == 200


INLINE = re.compile(
    rb"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE
)


def test_pages_for_signing_in_carry_nothing_inline(client: Client):
    UserFactory(username="alice", roles=[Role.VIEWER])
    seen = [client.get(LOGIN)]
    with time_machine.travel(NOW, tick=False):
        set_up_second_factor(client, "alice")
        for address in (
            "/accounts/logout/",
            "/accounts/password/change/",
            "/accounts/2fa/",
            "/accounts/2fa/webauthn/",
            "/accounts/2fa/webauthn/add/",
            "/accounts/2fa/reauthenticate/",
            "/accounts/2fa/totp/deactivate/",
            "/accounts/2fa/recovery-codes/",
            "/accounts/2fa/recovery-codes/generate/",
        ):
            response = client.get(address)
            assert response.status_code == 200, (address, response.get("Location"))
            seen.append(response)
        client.post("/accounts/logout/")
        sign_in(client, "alice")
        seen.append(client.get("/accounts/2fa/authenticate/"))
        seen.append(sign_in(Client(), "alice", "wrong"))

    for response in seen:
        assert not INLINE.search(response.content), response.request["PATH_INFO"]
        assert b"password/reset" not in response.content  # that address is closed
        assert "unsafe" not in response["Content-Security-Policy"]
