"""Every page in every state, looked at by axe: full, empty and failed, light and dark, wide and
narrow. A page is loaded once; theme and width change under it, and axe asks again what they change.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from playwright.sync_api import ConsoleMessage, Page
from playwright.sync_api import Route as BrowserRoute

from accounts.access import API, PUBLIC, SIGNED_IN
from accounts.models import User
from accounts.roles import Role
from tests.architecture.routes import LOOKERS, Route, World, all_routes, holds
from tests.browser.conftest import AXE
from tests.factories import UserFactory
from tests.findings import estate

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast"]  # what a theme changes, and a width does not
NOTHING: list[str] = []
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# What may stay wrong, as "rule: address". It only ever gets shorter.
ALLOWED: frozenset[str] = frozenset()
# Addresses that are no page to whoever opens them so: they lead to another page, answer only who
# has a security key, or are steps of a sign-in elsewhere.
ELSEWHERE = frozenset(
    {
        "account_logout",
        "accounts:sso-again",
        "accounts:sso-callback",
        "accounts:sso-finish",
        "accounts:sso-metadata",
        "accounts:sso-start",
        "findings:bulk",  # looked at with a choice, below
        "inventory:home",
        "mfa_authenticate",
        "mfa_deactivate_totp",
        "mfa_download_recovery_codes",
        "mfa_edit_webauthn",
        "mfa_login_webauthn",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "mfa_remove_webauthn",
        "mfa_view_recovery_codes",
    }
)


class Eye:
    """A browser that walks pages and keeps what axe and the width say about them."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.wrong: list[str] = []
        self.looked = 0
        page.emulate_media(reduced_motion="reduce")  # a colour on its way is no colour
        page.add_init_script(AXE.read_text(encoding="utf-8"))
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', event => "
            "console.error(`refused: ${event.violatedDirective} ${event.blockedURI}`))"
        )
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("console", self._told)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 404" not in message.text:
            self.wrong.append(f"{self.page.url}: {message.text}")

    def be(self, user: User | None) -> None:
        self.page.context.clear_cookies()
        if user is None:
            return
        session = _signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value
        self.page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.url}]
        )

    def look(self, address: str) -> None:
        """Light on a laptop, then dark, then on a phone."""
        self.looked += 1
        self.page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
        self.page.goto(self.url + address)
        self._theme("light")
        self._ask(address, {"type": "tag", "values": TAGS})
        self._theme("dark")
        self._ask(address, {"type": "rule", "values": COLOURS})
        self.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        overflow = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if overflow > 0:
            self.wrong.append(f"wider than a phone by {overflow}: {address}")
        self._ask(address, {"type": "tag", "values": TAGS}, without=COLOURS)

    def _theme(self, name: str) -> None:
        self.page.evaluate(
            "name => document.documentElement.setAttribute('data-bs-theme', name)", name
        )

    def _ask(self, address: str, only: dict[str, Any], *, without: list[str] = NOTHING) -> None:
        rules = {rule: {"enabled": False} for rule in without}
        found = self.page.evaluate(
            "options => axe.run(document, options).then(result => result.violations)",
            {"runOnly": only, "rules": rules, "resultTypes": ["violations"]},
        )
        for violation in found:
            line = f"{violation['id']}: {address}"
            if line not in ALLOWED:
                node = violation["nodes"][0]
                why = " ".join(node["failureSummary"].split())
                self.wrong.append(f"{line} {node['html'][:160]} {why[:240]}")

    def assert_nothing_wrong(self) -> None:
        told = list(dict.fromkeys(self.wrong))
        assert told == [], "\n".join([f"{len(told)} wrong:", *told[:60]])


@pytest.fixture
def eye(page: Page, live_server: LiveServer) -> Eye:
    return Eye(page, live_server.url)


def _pages(people: Mapping[Role | None, User]) -> Iterator[tuple[Route, User | None]]:
    """Every address that may show a page, with who looks."""
    for route in all_routes():
        declared = route.declared
        if declared is None or declared == API:
            continue
        if declared == PUBLIC:
            yield route, None
        elif declared == SIGNED_IN:
            yield route, people[Role.ANALYST]
        else:
            yield route, people[next(role for role in LOOKERS if holds(role, declared))]


def _signed_in(user: User) -> Client:
    """Somebody who has just typed their password, so that no page asks for it again."""
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session["began_at"] = session["seen_at"] = int(time.time())
    session.save()
    return client


def _kind_of_answer(address: str, user: User | None) -> str:
    """What a GET is answered with: a "page", a "part" of one, a "file", or "elsewhere"."""
    answer = (Client() if user is None else _signed_in(user)).get(address)
    if answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return "act"
    if answer.status_code != HTTPStatus.OK:
        return "elsewhere"
    if not answer["Content-Type"].startswith("text/html"):
        return "file"
    return "page" if "<html" in answer.getvalue().decode()[:2_000] else "part"


def _look_at_all(eye: Eye, pages: Iterable[tuple[Route, User | None, str]]) -> set[str]:
    """Look at every page; the names of the addresses that led elsewhere."""
    by_person: dict[int, tuple[User | None, list[str]]] = {}
    elsewhere = set()
    for route, user, address in pages:
        kind = _kind_of_answer(address, user)
        if kind == "page":
            by_person.setdefault(user.pk if user else 0, (user, []))[1].append(address)
        elif kind == "elsewhere":
            elsewhere.add(route.name)
    for user, addresses in by_person.values():
        eye.be(user)
        for address in addresses:
            eye.look(address)
    return elsewhere


def _answer(body: str, route: BrowserRoute) -> None:
    route.fulfill(body=body, content_type="text/html")


def test_every_page_of_a_full_installation_is_accessible(eye: Eye) -> None:
    world = World()
    estate.build(now=datetime.now(UTC), machines=12, hosts=3)

    elsewhere = _look_at_all(
        eye,
        [(r, user, world.address(r, user or world.somebody)) for r, user in _pages(world.people)],
    )

    eye.be(world.people[Role.ANALYST])
    finding, asset = world.home.finding.pk, world.home.asset.pk
    for address in (
        f"/findings/bulk/?finding={finding}&act=comment&back=",
        "/findings/?group=check",
        "/findings/answers/?outcome=unknown",
        "/search/?q=esx",
        f"/inventory/assets/{asset}/?as_of=2026-03-10T12:30",
    ):
        eye.look(address)

    eye.assert_nothing_wrong()
    assert elsewhere == ELSEWHERE


def test_every_page_of_an_empty_installation_is_accessible(eye: Eye) -> None:
    people: dict[Role | None, User] = {role: UserFactory(roles=[role]) for role in Role}

    _look_at_all(
        eye,
        [
            (r, user, reverse(r.name, kwargs=r.defaults))
            for r, user in _pages(people)
            if not r.parameters
        ],
    )

    eye.assert_nothing_wrong()


def test_every_failure_is_accessible(eye: Eye) -> None:
    eye.be(UserFactory(roles=["analyst"]))
    for address in (
        "/nothing-is-here/",
        "/findings/?severity=loud",
        "/findings/?q=nothing-is-called-so",
        "/findings/?as_of=2020-01-01T00:00",
        "/exceptions/?as_of=2020-01-01T00:00",
    ):
        eye.look(address)
    for name in ("403_csrf.html", "429.html", "500.html", "503.html"):
        body = render_to_string(name, {"reason": "The database is busy. Nothing was changed."})
        eye.page.route(f"**/{name}", partial(_answer, body))
        eye.look(f"/{name}")

    eye.assert_nothing_wrong()
