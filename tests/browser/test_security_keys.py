"""Security keys and passkeys in a browser, with an authenticator that Chromium plays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from accounts.roles import Role
from tests.factories import PASSWORD, UserFactory

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Accessible = Callable[[Page], None]
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(autouse=True)
def _required(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True


@pytest.fixture
def browser_keys(page: Page) -> CDPSession:
    """A key in this computer that says yes to everything."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    return session


@pytest.fixture
def open_page(page: Page, live_server: LiveServer) -> Iterator[Callable[[str], Page]]:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)

    def go(path: str) -> Page:
        page.goto(live_server.url + path)
        return page

    yield go
    assert problems == []


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("per")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.locator("header .v-menu summary", has_text="your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_a_key_is_set_up_where_a_role_needs_one_and_lets_its_person_in(
    browser_keys: CDPSession,
    open_page: Callable[[str], Page],
    accessible: Accessible,
) -> None:
    UserFactory(username="per", roles=[Role.USER_ADMIN])
    page = open_page("/settings/users/")
    accessible(page)
    sign_in(page)

    expect(page.get_by_text("Your role needs a second factor")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="Add a security key").click()
    accessible(page)
    page.get_by_label("Name").fill("blue key")
    page.get_by_role("button", name="Add the key").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    accessible(page)
    open_page("/accounts/2fa/webauthn/")
    expect(page.get_by_role("rowheader", name="blue key")).to_be_visible()
    accessible(page)
    for link, heading in (("Rename", "Rename a security key"), ("Remove", "Remove blue key")):
        page.get_by_role("link", name=link).click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        accessible(page)
        page.go_back()
    sign_out(page)

    sign_in(page)
    expect(page.get_by_role("heading", name="Your second factor")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Use the security key").click()
    expect(page.get_by_role("button", name="Sign in")).to_have_count(0)
    open_page("/settings/users/")
    expect(page.get_by_role("heading", name="Users")).to_be_visible()


def test_a_passkey_signs_in_alone_and_confirms_what_is_sensitive(
    browser_keys: CDPSession,
    open_page: Callable[[str], Page],
    accessible: Accessible,
    settings: Any,
) -> None:
    UserFactory(username="per", roles=[Role.USER_ADMIN])
    page = open_page("/settings/users/")
    sign_in(page)
    page.get_by_role("link", name="Add a security key").click()
    page.get_by_label("It also signs me in without my password").check()
    page.get_by_role("button", name="Add the key").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(page)

    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("header .v-menu summary", has_text="your account")).to_be_visible()
    open_page("/settings/users/")
    expect(page.get_by_role("heading", name="Users")).to_be_visible()

    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    open_page("/settings/users/add/")
    expect(page.get_by_role("heading", name="Is it still you?")).to_be_visible()
    expect(page.get_by_text("asks for your security key")).to_be_visible()
    accessible(page)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
    page.get_by_role("button", name="Use the key").click()
    expect(page.get_by_role("heading", name="Add a person")).to_be_visible()


def test_a_key_that_is_refused_says_so_and_can_be_tried_again(
    browser_keys: CDPSession, open_page: Callable[[str], Page]
) -> None:
    UserFactory(username="per", roles=[Role.USER_ADMIN])
    page = open_page("/accounts/login/")
    page.evaluate(
        "() => { navigator.credentials.get = "
        "() => Promise.reject(new DOMException('no', 'NotAllowedError')); }"
    )
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("status").filter(has_text="Nothing was confirmed")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()
