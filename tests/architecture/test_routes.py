"""The route matrix (P4): every address × role × way of signing in × method gives the declared code.

Expected codes come from the declarations (`declared_access`, `permissions_by_action`) and ROLES.
What nobody declared is refused by the middleware and turns these tests red.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.template import Template
from django.test import Client
from django.urls import path, reverse
from django.utils.safestring import SafeString

from accounts.access import API, BEFORE_A_SECOND_FACTOR, PUBLIC, SIGNED_IN
from accounts.api_access import DeclaredPermission
from accounts.permissions import Permission
from accounts.roles import ROLES, Role
from tests.architecture.routes import (
    Route,
    World,
    all_routes,
    endpoint,
    expected_permission,
    holds,
)

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PAGE_METHODS = frozenset({"GET", "HEAD", "POST"})

# Opens to anybody. Each shows a form, a word of health or a theme; nothing of the estate.
PUBLIC_ROUTES = frozenset(
    {
        "account_login",
        "account_logout",
        "accounts:sso-acs",
        "accounts:sso-callback",
        "accounts:sso-finish",
        "accounts:sso-metadata",
        "accounts:sso-start",
        "health-live",
        "health-ready",
        "mfa_authenticate",
        "mfa_login_webauthn",
        "ui:density",
        "ui:theme",
    }
)
# Opens to whoever is signed in, whatever their roles.
SIGNED_IN_ROUTES = frozenset(
    {
        "account_change_password",
        "account_reauthenticate",
        "accounts:session-end",
        "accounts:session-end-others",
        "accounts:session-list",
        "accounts:sso-again",
        "findings:my-work",
        "findings:overview",
        "inventory:home",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_deactivate_totp",
        "mfa_download_recovery_codes",
        "mfa_edit_webauthn",
        "mfa_generate_recovery_codes",
        "mfa_index",
        "mfa_list_webauthn",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "mfa_remove_webauthn",
        "mfa_view_recovery_codes",
    }
)
SIGNED_IN_ACTIONS = frozenset({("api:me-list", "GET"), ("api:schema", "GET")})
# Addresses of django-allauth that are closed: registration and everything by mail.
CLOSED_ROUTES = frozenset(
    {
        "account_confirm_email",
        "account_confirm_login_code",
        "account_email",
        "account_email_verification_sent",
        "account_inactive",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "account_set_password",
        "account_signup",
    }
)
# What answers 404 or sends away until somebody has set up a second factor, or has one under way.
NEEDS_A_FACTOR = frozenset(
    {
        "mfa_authenticate",
        "mfa_deactivate_totp",
        "mfa_download_recovery_codes",
        "mfa_edit_webauthn",
        "mfa_generate_recovery_codes",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "mfa_remove_webauthn",
        "mfa_view_recovery_codes",
    }
)
# What does not exist until a provider is configured; tests/accounts/sso has one.
NEEDS_A_PROVIDER = frozenset(
    {
        "accounts:sso-acs",
        "accounts:sso-again",
        "accounts:sso-callback",
        "accounts:sso-finish",
        "accounts:sso-metadata",
        "accounts:sso-start",
    }
)
# A provider's page has the browser post here, without anything of ours.
WITHOUT_CSRF = frozenset({"accounts:sso-acs"})
# Tables that signing in and being seen write to; no act of a person.
BOOKKEEPING = re.compile(
    r'^(UPDATE|INSERT INTO|DELETE FROM) "(accounts_session|axes_\w+)"'
    r'|^UPDATE "accounts_apitoken" SET "last_used_at"'
    r'|^UPDATE "accounts_user" SET "last_login"'
    r'|^(UPDATE|INSERT INTO) "findings_lastvisit"'
    r'|^UPDATE "findings_notice" SET "read_at"',
)
WRITE = re.compile(r"^\s*(UPDATE|INSERT|DELETE|TRUNCATE|COPY)\b", re.IGNORECASE)
RECORDED = 'INSERT INTO "audit_entry"'


@dataclass
class Answer:
    status: int
    location: str
    writes: list[str]


class Caller:
    """Asks as one person in one way. Whatever a request changes is rolled back."""

    def __init__(self, *, with_csrf: bool = True, token: str | None = None) -> None:
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.headers: dict[str, str] = {}
        if with_csrf:
            secret = "a" * 32
            self.client.cookies[settings.CSRF_COOKIE_NAME] = secret
            self.headers["x-csrftoken"] = secret
        if token is not None:
            self.headers["authorization"] = f"Bearer {token}"

    def sign_in(self, user: Any) -> Caller:
        self.client.force_login(user)
        session = self.client.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
        session["account_authentication_methods_user"] = str(user.pk)
        session["began_at"] = session["seen_at"] = int(time.time())
        session.save()
        return self

    def ask(self, method: str, address: str, *, drawn: bool = True) -> Answer:
        """The answer; with `drawn` False templates are left blank, which no code depends on."""
        writes: list[str] = []
        is_api = address.startswith("/api/")
        cookies = copy(self.client.cookies)
        with transaction.atomic(), _watching(writes), nullcontext() if drawn else _blank():
            response: Any = self.client.generic(
                method,
                address,
                headers=self.headers,
                content_type="application/json" if is_api else "application/octet-stream",
            )
            if response.streaming:
                b"".join(response.streaming_content)
            self.client.cookies = cookies
            transaction.set_rollback(True)
        return Answer(response.status_code, response.headers.get("Location", ""), writes)


@contextmanager
def _watching(writes: list[str]) -> Iterator[None]:
    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if WRITE.match(sql) and not BOOKKEEPING.match(sql):
            writes.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield


@contextmanager
def _blank() -> Iterator[None]:
    """Templates render to nothing: only the code of the answer is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", lambda *_: SafeString(""))
        yield


def is_sign_in(answer: Answer) -> bool:
    return answer.status == HTTPStatus.FOUND and answer.location.startswith(
        reverse("account_login")
    )


def opens(route: Route, answer: Answer) -> bool:
    """The request reached the view, which did or explained something."""
    if route.name in NEEDS_A_FACTOR:
        return answer.status in {200, 302, 404, 405}
    if route.name in NEEDS_A_PROVIDER:
        return answer.status in {404, 405}
    if route.name == "account_logout":
        return answer.status in {200, 302}
    return (
        200 <= answer.status < 500
        and answer.status not in {401, 403, 404}
        and not is_sign_in(answer)
    )


@pytest.fixture
def world() -> Iterator[World]:
    logging.disable(logging.CRITICAL)  # thousands of refusals, each a line
    yield World()
    logging.disable(logging.NOTSET)


class Matrix:
    """Asks everything, collects what was not as expected."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.asked: Counter[tuple[str, str]] = Counter()

    def expect(self, route: Route, who: str, method: str, answer: Answer, wanted: object) -> None:
        self.asked[route.name, method] += 1
        if callable(wanted):
            fine = wanted(route, answer)
        elif isinstance(wanted, set | frozenset):
            fine = answer.status in wanted
        else:
            fine = answer.status == wanted
        label = getattr(wanted, "__name__", wanted)
        self._note(fine, f"{method} {route.name} as {who}: {answer.status}, expected {label}")
        self._note(answer.status < 500, f"{method} {route.name} as {who}: {answer.status}")
        acted = [sql for sql in answer.writes if not sql.startswith(RECORDED)]
        self._note(
            not acted or method in UNSAFE, f"{method} {route.name} as {who} writes: {acted[:1]}"
        )
        self._note(
            not acted or len(acted) < len(answer.writes),
            f"{method} {route.name} as {who} writes unrecorded: {acted[:1]}",
        )

    def _note(self, fine: bool, sentence: str) -> None:
        if not fine:
            self.wrong.append(sentence)

    def is_clean(self) -> None:
        assert not self.wrong, "\n".join([f"{len(self.wrong)} wrong:", *self.wrong[:60]])


def sends_to_second_factor(route: Route, answer: Answer) -> bool:
    return answer.status == HTTPStatus.FOUND and answer.location == reverse("mfa_index")


def page_answer(route: Route, role: Role | None, method: str) -> object:
    """What a page answers to somebody signed in with this role, or to nobody (role "nobody")."""
    declared = route.declared
    if declared is None:
        return 404
    if method not in PAGE_METHODS:
        return 405
    if declared in {PUBLIC, SIGNED_IN} or holds(role, declared):
        return opens
    return 404


def api_answer(route: Route, role: Role | None, method: str) -> object:
    permission = expected_permission(route, method)
    if permission == SIGNED_IN or (permission is not None and holds(role, permission)):
        return opens
    return 403


def nobodys_page_answer(route: Route, method: str) -> object:
    declared = route.declared
    if declared is None:
        return 404
    if method not in PAGE_METHODS:
        return 405
    if declared == PUBLIC:
        return opens_to_nobody
    return sends_to_sign_in


def opens_to_nobody(route: Route, answer: Answer) -> bool:
    if route.name in NEEDS_A_PROVIDER:
        return answer.status in {404, 405}
    return answer.status < 500 and answer.status not in {401, 403, 404}


def sends_to_sign_in(route: Route, answer: Answer) -> bool:
    return is_sign_in(answer)


def pages() -> list[Route]:
    return [route for route in all_routes() if not route.is_api]


def api() -> list[Route]:
    return [route for route in all_routes() if route.is_api]


# --- what is declared ----------------------------------------------------------------------------


def test_every_route_has_a_name():
    assert [route.name for route in all_routes() if "<unnamed" in route.name] == []


def test_every_page_declares_who_may_open_it():
    undeclared = {route.name for route in all_routes() if route.declared is None}

    assert undeclared == CLOSED_ROUTES


def test_nothing_is_public_but_what_is_listed_here():
    assert {route.name for route in all_routes() if route.declared == PUBLIC} == PUBLIC_ROUTES


def test_nothing_opens_without_a_role_but_what_is_listed_here():
    assert {r.name for r in all_routes() if r.declared == SIGNED_IN} == SIGNED_IN_ROUTES
    actions = {
        (route.name, method)
        for route in api()
        for method in METHODS
        if method != "HEAD" and expected_permission(route, method) == SIGNED_IN
    }
    assert actions == SIGNED_IN_ACTIONS


def test_every_other_declaration_is_a_permission():
    known = {None, PUBLIC, SIGNED_IN, API, *Permission}

    assert [route.name for route in all_routes() if route.declared not in known] == []


def test_every_endpoint_is_guarded_by_its_declarations():
    loose = [
        route.name
        for route in api()
        if list(endpoint(route).permission_classes) != [DeclaredPermission]
    ]

    assert loose == []


def test_every_action_of_every_endpoint_declares_a_permission():
    undeclared = [
        (route.name, action)
        for route in api()
        for action in getattr(route.view, "actions", {"get": "GET"}).values()
        if action not in getattr(endpoint(route), "permissions_by_action", {})
    ]

    assert undeclared == []


def test_every_permission_opens_something_to_some_role():
    granted = frozenset().union(*ROLES.values())

    assert granted == frozenset(Permission)


# --- what is answered ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", [*Role, None], ids=str)
def test_pages_open_to_roles_that_have_the_permission(world: World, role: Role | None):
    matrix = Matrix()
    person = world.people[role]
    signed_in = Caller().sign_in(person)

    for route in pages():
        address = _address(world, route, person)
        for method in METHODS:
            drawn = role == _first_able(route)
            answer = signed_in.ask(method, address, drawn=drawn)
            matrix.expect(route, str(role), method, answer, page_answer(route, role, method))

    matrix.is_clean()
    assert set(matrix.asked) == {(route.name, method) for route in pages() for method in METHODS}


@pytest.mark.parametrize("role", [Role.APPROVER, Role.OPERATOR, Role.USER_ADMIN], ids=str)
def test_roles_that_need_a_second_factor_open_nothing_before_they_have_one(
    world: World, settings: Any, role: Role
):
    settings.REQUIRE_SECOND_FACTOR = True
    matrix = Matrix()
    person = world.people[role]
    caller = Caller().sign_in(person)

    for route in all_routes():
        for method in METHODS:
            answer = caller.ask(method, _address(world, route, person), drawn=False)
            if route.is_api:
                wanted: object = 403
            elif method not in PAGE_METHODS or route.name in CLOSED_ROUTES:
                wanted = page_answer(route, role, method)
            elif route.declared == PUBLIC or route.name in BEFORE_A_SECOND_FACTOR:
                wanted = opens
            else:
                wanted = sends_to_second_factor
            matrix.expect(route, f"{role} without a second factor", method, answer, wanted)

    matrix.is_clean()


def test_pages_send_strangers_to_sign_in_and_take_no_token(world: World):
    matrix = Matrix()
    owner = world.people[Role.ANALYST]
    callers = {
        "nobody": Caller(),
        "a token": Caller(token=world.token(owner, owner.permissions)),
        "a disabled person": disabled(world),
    }

    for route in pages():
        address = _address(world, route, owner)
        for who, caller in callers.items():
            for method in METHODS:
                answer = caller.ask(method, address, drawn=method == "GET")
                matrix.expect(route, who, method, answer, nobodys_page_answer(route, method))

    matrix.is_clean()


@pytest.mark.parametrize("role", [*Role, None], ids=str)
def test_endpoints_open_to_roles_that_have_the_permission(world: World, role: Role | None):
    matrix = Matrix()
    person = world.people[role]
    callers = {"a session": Caller().sign_in(person)}
    if person.permissions:
        callers["a token"] = Caller(token=world.token(person, person.permissions))

    for route in api():
        address = world.address(route, person)
        for who, caller in callers.items():
            for method in METHODS:
                answer = caller.ask(method, address)
                wanted = api_answer(route, role, method)
                matrix.expect(route, f"{role} by {who}", method, answer, wanted)

    matrix.is_clean()
    assert set(matrix.asked) == {(route.name, method) for route in api() for method in METHODS}


def test_endpoints_refuse_whoever_is_nobody(world: World):
    matrix = Matrix()
    owner = world.people[Role.ANALYST]
    gone = world.somebody
    leaver = world.token(gone, gone.permissions)
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    expired = world.token(owner, owner.permissions)
    owner.api_tokens.update(created_at="2026-01-01T00:00Z", expires_at="2026-01-02T00:00Z")
    revoked = world.token(owner, owner.permissions)
    owner.api_tokens.filter(expires_at__gt=world.now).update(revoked_at=world.now)
    callers = {
        "nobody": Caller(),
        "an expired token": Caller(token=expired),
        "a revoked token": Caller(token=revoked),
        "a made-up token": Caller(token=f"vmg_{'x' * 55}"),
        "a disabled person's token": Caller(token=leaver),
        "a disabled person's session": disabled(world),
    }

    for route in api():
        address = world.address(route, owner)
        for who, caller in callers.items():
            for method in METHODS:
                matrix.expect(route, who, method, caller.ask(method, address), 401)

    matrix.is_clean()


def test_nothing_unsafe_is_done_without_the_csrf_token(world: World):
    matrix = Matrix()
    callers = {
        role: Caller(with_csrf=False).sign_in(person) for role, person in world.people.items()
    }

    for route in all_routes():
        for method in UNSAFE:
            permission = expected_permission(route, method)
            able = [r for r in Role if permission in set(Permission) and holds(r, permission)]
            role = able[0] if able else Role.ANALYST
            address = _address(world, route, world.people[role])
            answer = callers[role].ask(method, address, drawn=False)
            wanted = {404, 405} if route.name in WITHOUT_CSRF else 403
            matrix.expect(route, f"{role} without CSRF", method, answer, wanted)

    matrix.is_clean()
    assert set(matrix.asked) == {(r.name, method) for r in all_routes() for method in UNSAFE}


def test_a_token_does_no_more_than_it_was_made_for(world: World):
    matrix = Matrix()

    for route in api():
        for method in METHODS:
            permission = expected_permission(route, method)
            if permission is None or permission == SIGNED_IN:
                continue
            role = next(role for role in Role if holds(role, permission))
            person = world.people[role]
            narrow = world.token(person, person.permissions - {Permission(permission)})
            answer = Caller(token=narrow).ask(method, world.address(route, person))
            matrix.expect(route, "a token for other things", method, answer, 403)

    matrix.is_clean()
    assert matrix.asked


def _first_able(route: Route) -> Role:
    """The first role that a page opens to: for it the page is drawn as well."""
    declared = route.declared
    able = [role for role in Role if declared in set(Permission) and holds(role, str(declared))]
    return able[0] if able else Role.VIEWER


def disabled(world: World) -> Caller:
    """The session of somebody who was shut out after signing in."""
    from tests.factories import UserFactory

    person = UserFactory(roles=[Role.ANALYST, Role.OPERATOR])
    caller = Caller().sign_in(person)
    type(person).objects.filter(pk=person.pk).update(is_active=False)
    return caller


def _address(world: World, route: Route, person: Any) -> str:
    if route.name in CLOSED_ROUTES:
        samples = {"key": "a-b", "uidb36": "1"}
        return reverse(route.name, kwargs={name: samples[name] for name in route.parameters})
    return world.address(route, person)


# --- a view that declares nothing ----------------------------------------------------------------


def _forgotten(request: Any) -> HttpResponse:
    return HttpResponse("everything")


urlpatterns = [path("forgotten/", _forgotten, name="forgotten")]


@pytest.mark.urls(__name__)
def test_a_view_that_declares_nothing_is_refused_and_found():
    person = Caller()

    assert person.ask("GET", "/forgotten/").status == HTTPStatus.NOT_FOUND
    assert [route.name for route in all_routes() if route.declared is None] == ["forgotten"]
