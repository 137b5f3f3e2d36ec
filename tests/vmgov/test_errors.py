"""What is answered when something fails: guarded like any other answer, and telling nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import LazySettings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from accounts.access import public
from accounts.adapter import SecondFactorAdapter
from accounts.errors import KeyMissing
from tests.factories import PASSWORD, UserFactory
from vmgov import logs

pytestmark = pytest.mark.django_db

CANARY = "canary-3f9a-password"


@public
def fails(request: HttpRequest) -> HttpResponse:
    password = CANARY
    raise RuntimeError(f"a failure with {len(password)} characters")


@public
def waits(request: HttpRequest) -> HttpResponse:
    raise OperationalError("canceling statement due to lock timeout")


@public
def sealed(request: HttpRequest) -> HttpResponse:
    raise KeyMissing("The key is not in the key ring.")


urlpatterns = [
    path("fails/", fails),
    path("waits/", waits),
    path("api/waits/", waits),
    path("sealed/", sealed),
    path("", include("vmgov.urls")),
]


@pytest.fixture
def client(settings: LazySettings) -> Iterator[Client]:
    settings.ROOT_URLCONF = __name__
    logging.disable(logging.CRITICAL)
    yield Client(raise_request_exception=False, enforce_csrf_checks=True)
    logging.disable(logging.NOTSET)


REFUSED: list[tuple[str, str, dict[str, Any], int]] = [
    ("get", "/fails/", {}, 500),
    ("get", "/waits/", {}, 503),
    ("get", "/sealed/", {}, 503),
    ("get", "/api/waits/", {}, 503),
    ("get", "/health/live", {"headers": {"host": "evil.example"}}, 400),
    ("get", "/accounts/login/", {"headers": {"host": "evil.example"}}, 400),
    ("post", "/accounts/login/", {}, 403),
    ("get", "/nowhere/", {}, 404),
    ("get", "/api/v1/nowhere/", {}, 404),
    ("get", "/api/v1/assets/", {}, 401),
    ("get", "/api/v1/assets/", {"headers": {"authorization": "Bearer vmg_\xff"}}, 401),
    ("delete", "/accounts/login/", {}, 403),
    ("options", "/health/live", {}, 405),
    ("trace", "/accounts/login/", {}, 405),
    ("head", "/accounts/login/", {}, 200),
    ("get", "/static/css/vmgov.css", {}, 200),
    ("get", "/static/../../manage.py", {}, 404),
    ("get", "/static/%00", {}, 404),
]


@pytest.mark.parametrize(("method", "address", "given", "code"), REFUSED)
def test_every_refusal_is_guarded(
    client: Client, method: str, address: str, given: dict[str, Any], code: int
) -> None:
    response = getattr(client, method)(address, **given)

    assert response.status_code == code
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if not address.startswith("/static/"):
        assert "no-store" in response.headers["Cache-Control"]
    body = response.getvalue()
    assert b"Traceback" not in body
    assert b"evil.example" not in body


def test_a_busy_database_says_when_to_come_back(client: Client) -> None:
    page, api = client.get("/waits/"), client.get("/api/waits/")

    assert page.headers["Retry-After"] == api.headers["Retry-After"] == "5"
    assert b"The database is busy" in page.content
    assert api.json() == {"detail": "The database is busy or away. Nothing was changed."}


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_log_holds_what_a_failing_function_knew(
    form: str, capfd: pytest.CaptureFixture[str], settings: LazySettings
) -> None:
    logs.configure(level="INFO", form=form)
    try:
        logger = structlog.get_logger("vmgov.tests")
        try:
            fails(HttpRequest())
        except RuntimeError:
            logger.exception("It failed")
            logging.getLogger("vmgov.tests").exception("It failed again")
    finally:
        logs.configure(level=settings.ENV.log_level, form=settings.ENV.log_format)
    told = capfd.readouterr().err

    assert "It failed" in told
    assert "It failed again" in told
    assert "RuntimeError" in told
    assert CANARY not in told


def test_a_second_factor_whose_key_is_gone_says_so(settings: LazySettings) -> None:
    kept = SecondFactorAdapter().encrypt("a secret")
    settings.CREDENTIAL_KEYS = {"another": b"k" * 32}

    with pytest.raises(KeyMissing, match="not in the key ring"):
        SecondFactorAdapter().decrypt(kept)


@pytest.mark.parametrize(
    "following",
    [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "/%0d%0aSet-Cookie:x=1",
        "\thttps://evil.example",
    ],
)
def test_nobody_is_sent_to_another_origin(following: str) -> None:
    client = Client()
    person = UserFactory(username="alice")

    for address in ("/accounts/login/", "/theme/", "/accounts/logout/"):
        data = {"login": person.username, "password": PASSWORD, "next": following, "theme": "dark"}
        response = client.post(address, data, headers={"referer": following})
        target = response.headers.get("Location", "/")
        assert target.startswith("/"), (address, target)
        assert not target.startswith(("//", "/\\")), (address, target)
