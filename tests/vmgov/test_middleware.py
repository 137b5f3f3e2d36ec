"""Every response is guarded, and a session comes to an end."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SIGNED_IN_ONLY = "/accounts/password/change/"


@pytest.mark.parametrize("path", ["/health/live", "/accounts/login/", "/no-such-page", "/"])
def test_every_answer_carries_the_policy(client: Client, path: str):
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "no-store" in headers["Cache-Control"]


def test_the_policy_allows_nothing_inline():
    assert "unsafe" not in POLICY
    assert "*" not in POLICY


@pytest.fixture
def signed_in(client: Client) -> Client:
    client.force_login(
        User.objects.create_user("alice", "a long demo password"),
        backend="accounts.backends.Backend",
    )
    return client


def is_signed_in(client: Client) -> bool:
    client.get("/health/live")
    return "_auth_user_id" in client.session


def test_a_session_that_is_used_lives_on(signed_in: Client, settings: LazySettings):
    with time_machine.travel(time.time(), tick=False) as clock:
        for _ in range(5):
            assert is_signed_in(signed_in)
            clock.shift(timedelta(seconds=settings.SESSION_IDLE_SECONDS - 1))
        assert is_signed_in(signed_in)


def test_a_session_that_is_not_used_ends(signed_in: Client, settings: LazySettings):
    with time_machine.travel(time.time(), tick=False) as clock:
        assert is_signed_in(signed_in)
        clock.shift(timedelta(seconds=settings.SESSION_IDLE_SECONDS))
        assert not is_signed_in(signed_in)


def test_no_session_lives_longer_than_twelve_hours(signed_in: Client):
    with time_machine.travel(time.time(), tick=False) as clock:
        for _ in range(12 * 6):
            assert is_signed_in(signed_in)
            clock.shift(timedelta(minutes=10))
        assert not is_signed_in(signed_in)
