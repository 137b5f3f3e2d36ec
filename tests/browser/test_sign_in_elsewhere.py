"""Signing in at a provider in a browser: cookies, redirects and posts cross sites for real."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from accounts.sso import configuration
from tests.accounts.sso.test_saml import ISSUER, describe, key_pair
from tests.factories import UserFactory
from tests.peers import identity

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Accessible = Callable[[Page], None]
GRANTS = """
[[provider.grants]]
group = "vm-analysts"
roles = ["analyst"]
whole_estate = true
"""


@pytest.fixture
def people(tmp_path: Path) -> identity.People:
    return identity.People(tmp_path / "people.json")


@pytest.fixture
def openid(live_server: LiveServer, people: identity.People, settings: Any) -> Iterator[None]:
    port = identity.free_port()
    client = {
        "client_id": "vmgov",
        "token_endpoint_auth_method": "none",
        "redirect_uris": [f"{live_server.url}/accounts/sso/corp/callback/"],
    }
    settings.SSO_PROVIDERS = configuration.parse(
        f"""
        [[provider]]
        id = "corp"
        kind = "oidc"
        name = "Halden ID"
        issuer = "http://127.0.0.1:{port}"
        client_id = "vmgov"
        scopes = ["openid", "profile", "email", "groups"]
        {GRANTS}"""
    )
    with identity.running("oidc.mjs", port=port, people=str(people.path), clients=[client]):
        yield


@pytest.fixture
def saml(people: identity.People, settings: Any, tmp_path: Path) -> Iterator[None]:
    port = identity.free_port()
    key, cert = key_pair(tmp_path, "idp")
    metadata = describe(tmp_path / "metadata.xml", cert, port)
    settings.SSO_PROVIDERS = configuration.parse(
        f"""
        [[provider]]
        id = "corp"
        kind = "saml"
        name = "Halden ID"
        metadata_file = "{metadata}"
        {GRANTS}"""
    )
    options = {"issuer": ISSUER, "key": str(key), "cert": str(cert), "people": str(people.path)}
    with identity.running("saml.mjs", port=port, **options):
        yield


@pytest.mark.parametrize("kind", ["openid", "saml"])
def test_a_person_goes_there_comes_back_and_is_on_the_page_they_wanted(
    kind: str,
    request: pytest.FixtureRequest,
    page: Page,
    live_server: LiveServer,
    accessible: Accessible,
    people: identity.People,
) -> None:
    request.getfixturevalue(kind)
    people.put("anna", "vm-analysts", uid="anna", displayName="Anna Lie")
    people.put("mallory", "everybody", uid="mallory")

    page.goto(f"{live_server.url}/settings/tokens/")
    accessible(page)
    page.get_by_role("link", name="Sign in with Halden ID").click()
    page.get_by_label("Name").fill("anna")
    page.get_by_role("button", name="Go").click()
    expect(page).to_have_url(re.compile(r"/settings/tokens/$"))
    expect(page.locator("header .v-menu summary", has_text="your account")).to_be_visible()
    assert User.objects.get().username == "anna@corp"

    page.context.clear_cookies()
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_role("link", name="Sign in with Halden ID").click()
    page.get_by_label("Name").fill("mallory")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("none of your groups there opens anything here")).to_be_visible()
    accessible(page)


def test_pages_about_sessions_and_lost_factors_are_accessible(
    visit: Callable[..., Page], accessible: Accessible
) -> None:
    admin = UserFactory(username="ulla", roles=["user-admin"])
    other = UserFactory(username="per", roles=["approver"], second_factor=True)
    visit("/", admin)
    for theme in ("light", "dark"):
        for path in ("/settings/sessions/", f"/settings/users/{other.pk}/", "/accounts/2fa/"):
            accessible(visit(path, admin, theme=theme))
    page = visit("/settings/sessions/", admin)
    expect(page.get_by_text("This one")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
