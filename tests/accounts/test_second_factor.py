"""A second factor where a role needs one: at once, everywhere, and nothing sensitive without it."""

import json
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.test import Client

from accounts import people
from accounts.models import User
from accounts.roles import NEED_A_SECOND_FACTOR, ROLES, Role
from audit.models import Entry
from tests.accounts.test_sign_in import set_up_second_factor, sign_in, who
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _required(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True


def code_of(user: User) -> str:
    """What this person's authenticator app shows now."""
    factor = Authenticator.objects.get(user=user, type="totp")
    secret = decrypt(factor.data["secret"])
    return str(totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30)))


@pytest.mark.parametrize("role", sorted(NEED_A_SECOND_FACTOR))
def test_a_role_that_needs_a_second_factor_opens_nothing_without_one(client: Client, role: Role):
    UserFactory(username="alice", roles=[role])
    sign_in(client, "alice")

    for address in ("/", "/settings/users/", "/findings/", "/sources/"):
        assert client.get(address, follow=True).redirect_chain[-1][0] == "/accounts/2fa/", address
    assert who(client) is None
    for address in (
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/password/change/",
        "/accounts/logout/",
    ):
        assert client.get(address).status_code == 200, address


@pytest.mark.parametrize("role", sorted(set(Role) - NEED_A_SECOND_FACTOR))
def test_other_roles_sign_in_with_a_password_alone(client: Client, role: Role):
    UserFactory(username="alice", roles=[role])
    sign_in(client, "alice")

    assert who(client) == "alice"


def test_everything_opens_once_a_second_factor_is_set_up(client: Client):
    UserFactory(username="alice", roles=[Role.USER_ADMIN])
    set_up_second_factor(client, "alice")

    assert who(client) == "alice"
    assert client.get("/settings/users/").status_code == 200


def test_a_role_granted_meanwhile_counts_at_the_next_request(client: Client):
    admin = UserFactory(roles=[Role.USER_ADMIN])
    alice = UserFactory(username="alice", roles=[Role.VIEWER])
    sign_in(client, "alice")
    assert who(client) == "alice"

    people.grant_role(user_id=alice.pk, role=Role.APPROVER, by=admin)

    assert who(client) is None
    assert client.get("/findings/")["Location"] == "/accounts/2fa/"


def test_a_token_made_for_a_script_goes_on_without_a_second_factor():
    from datetime import UTC, datetime

    from accounts import tokens

    robot = UserFactory(username="robot", roles=[Role.OPERATOR])
    _, text = tokens.create(
        user=robot,
        name="t",
        permissions=ROLES[Role.OPERATOR],
        days=1,
        by=None,
        now=datetime.now(UTC),
    )

    assert who(Client(headers={"authorization": f"Bearer {text}"})) == "robot"


def test_an_installation_may_ask_nobody_and_says_so(client: Client, settings: Any):
    assert b"no role needs a second factor" not in client.get("/accounts/login/").content
    settings.REQUIRE_SECOND_FACTOR = False
    assert b"no role needs a second factor" in client.get("/accounts/login/").content

    UserFactory(username="alice", roles=[Role.OPERATOR])
    sign_in(client, "alice")

    assert who(client) == "alice"


def test_the_last_factor_is_not_turned_off_where_a_role_needs_it(client: Client):
    alice = UserFactory(username="alice", roles=[Role.OPERATOR])
    set_up_second_factor(client, "alice")

    response = client.post("/accounts/2fa/totp/deactivate/")

    assert b"Your role needs a second factor" in response.content
    assert Authenticator.objects.filter(user=alice, type="totp").exists()


def test_whoever_has_a_second_factor_shows_it_again_and_no_password_will_do(client: Client):
    admin = UserFactory(username="ulla", roles=[Role.USER_ADMIN], second_factor=True)
    client.force_login(admin)  # without a word about how: as after a while

    asked = client.get("/settings/users/add/")
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    page = client.get(asked["Location"], follow=True)
    assert page.request["PATH_INFO"] == "/accounts/2fa/reauthenticate/"
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get("/settings/users/add/").status_code == 302

    response = client.post(
        "/accounts/2fa/reauthenticate/", {"code": code_of(admin), "next": "/settings/users/add/"}
    )

    assert response["Location"] == "/settings/users/add/"
    assert client.get("/settings/users/add/").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/totp/deactivate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/recovery-codes/",
        "/accounts/2fa/recovery-codes/generate/",
        "/accounts/2fa/recovery-codes/download/",
    ],
)
def test_factors_are_shown_and_changed_only_shortly_after_proving_who_one_is(
    client: Client, address: str
):
    client.force_login(UserFactory(roles=[Role.VIEWER], second_factor=True))

    for answer in (client.get(address), client.post(address)):
        assert answer["Location"].startswith("/accounts/reauthenticate/?next=")


HOSTILE: list[Any] = [
    None,
    [],
    {},
    1,
    "x",
    {"id": "x"},
    {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}},
    {"response": {"userHandle": None}},
    {"response": {"userHandle": "\x00"}},
    {
        "id": "AAAA",
        "rawId": "AAAA",
        "type": "public-key",
        "response": {
            "clientDataJSON": "e30",
            "authenticatorData": "AAAA",
            "signature": "AAAA",
            "userHandle": "MQ",
            "attestationObject": "oA",
        },
    },
]


@pytest.mark.parametrize("credential", HOSTILE, ids=range(len(HOSTILE)))
def test_a_made_up_credential_is_refused_and_breaks_nothing(client: Client, credential: Any):
    UserFactory(username="alice", roles=[Role.VIEWER])
    posted = {"credential": json.dumps(credential), "name": "key"}
    client.raise_request_exception = False

    login = client.post("/accounts/2fa/webauthn/login/", posted)
    assert login.status_code in {200, 302}
    client.get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"})
    login = client.post("/accounts/2fa/webauthn/login/", posted)
    assert login.status_code in {200, 302}
    assert who(client) is None
    sign_in(client, "alice")
    client.get("/accounts/2fa/webauthn/add/")
    assert client.post("/accounts/2fa/webauthn/add/", posted).status_code == 200

    assert not Authenticator.objects.exists()
    assert not Entry.objects.filter(action="accounts:factor:add").exists()
