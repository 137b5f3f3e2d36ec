"""What is out of somebody's sight does not exist for them, whichever way they ask (P5).

Alice's team has a machine; Bob's team has its twin. As Alice everything is asked with Bob's ids and
with ids that never were: the answers are the same. Then everything is asked with Bob's things there
and not there: not a byte differs.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.permissions import Permission
from accounts.roles import ROLES, Role
from tests.architecture.routes import Route, Tenant, World, all_routes, expected_permission
from tests.factories import NOW, UserFactory

pytestmark = pytest.mark.django_db

ABSENT = 999_999_999
HUGE = 10**40
# Together they hold every permission that reaches machines.
ROLES_THAT_LOOK = [Role.ANALYST, Role.APPROVER, Role.OPERATOR]
ROLES_THAT_READ = [Role.AUDITOR, Role.OPERATOR]
# What a team does see of its own. Runs count everybody's machines and are for the whole estate.
OWN = frozenset(
    {
        "api:asset-detail",
        "api:asset-origin-lineage",
        "api:finding-detail",
        "api:source-detail",
        "findings:finding",
        "api:asset-together-neighbours",
        "inventory:asset",
        "inventory:asset-neighbours",
        "inventory:asset-timeline",
        "inventory:source",
    }
)


@pytest.fixture
def world() -> Iterator[World]:
    logging.disable(logging.CRITICAL)
    with time_machine.travel(NOW, tick=False):
        yield World()
    logging.disable(logging.NOTSET)


def alice(world: World, role: Role) -> User:
    person: User = UserFactory(
        username=f"alice-{role}", roles=[role], scope=User.Scope.TEAMS, teams=[world.home.team]
    )
    return person


def client_of(person: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    client.get("/api/v1/me/")  # the first request begins the session
    session = client.session  # and the password was given a moment ago
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()
    return client


def scoped_routes() -> dict[str, str]:
    """Routes that name something a team may not see, and what it is."""
    found = {}
    for route in all_routes():
        if route.parameters == {"finding_id"}:
            found[route.name] = "finding"
        elif route.parameters in ({"plan_id"}, {"task_id"}):
            [parameter] = route.parameters
            found[route.name] = parameter.removesuffix("_id")
        elif route.parameters == {"pk"} and not _is_about_people(route):
            found[route.name] = _subject(route.name)
    return found


def _is_about_people(route: Route) -> bool:
    return route.name.startswith(
        (
            "accounts:session-",
            "accounts:sso-",
            "api:audit",
            "api:check",
            "api:polic",
            "api:statement",
            "api:team",
            "api:user",
            "mfa_",
        )
    )


def _subject(name: str) -> str:
    name = name.removeprefix("findings:")
    for word in ("asset", "principal", "waiver", "finding", "run", "task", "plan"):
        if word in name:
            return word
    return "source"


def test_every_route_with_an_object_is_looked_at():
    """A route with a parameter is about scoped things, or is named here as about none."""
    about_none = {
        "user_id",
        "team_id",
        "token_id",
        "check_id",
        "code",
        "slug",
        "name",
        "key",
        "uidb36",
        "notice_id",  # one's own: tests/findings/announcing/test_pages.py
    }
    scoped = scoped_routes()

    unknown = [
        route.name
        for route in all_routes()
        if route.parameters - about_none
        and route.name not in scoped
        and not _is_about_people(route)
    ]

    assert unknown == []
    assert set(scoped.values()) == {
        "asset",
        "finding",
        "plan",
        "principal",
        "run",
        "source",
        "task",
        "waiver",
    }


@pytest.mark.parametrize("role", ROLES_THAT_LOOK, ids=str)
def test_foreign_and_absent_things_look_the_same(world: World, role: Role):
    person = alice(world, role)
    client = client_of(person)
    bobs = Tenant("away")
    routes = {route.name: route for route in all_routes()}
    seen = set()

    for name, subject in scoped_routes().items():
        route = routes[name]
        for method in ("get", "head", "post"):
            foreign = _ask(client, route, method, getattr(bobs, subject).pk)
            absent = _ask(client, route, method, ABSENT)
            beyond = _ask(client, route, method, HUGE)
            assert foreign == absent == beyond, (name, method)
            assert foreign[0] in {400, 403, 404, 405, 428}, (name, method, foreign[0])
        own = _ask(client, route, "get", getattr(world.home, subject).pk)
        if own[0] == 200:
            seen.add(name)

    assert seen >= OWN


def test_the_roles_asked_as_reach_everything():
    people = ROLES[Role.USER_ADMIN] | {Permission.TOKEN_MANAGE, Permission.WAIVER_READ}
    reaching = frozenset(Permission) - people

    assert reaching <= frozenset().union(*(ROLES[role] for role in ROLES_THAT_LOOK))


@pytest.mark.parametrize("role", ROLES_THAT_READ, ids=str)
def test_not_a_byte_tells_that_others_have_things(world: World, role: Role):
    person = alice(world, role)
    client = client_of(person)
    addresses = list(_readable(world, person))
    before = {address: _read(client, address) for address in addresses}

    with transaction.atomic():
        Tenant("away")
        after = {address: _read(client, address) for address in addresses}
        transaction.set_rollback(True)

    for address in addresses:
        assert after[address] == before[address], address
    assert len(addresses) > 15


def _readable(world: World, person: User) -> Iterator[str]:
    """Every address that this person may read, with their own things in it, and some questions."""
    for route in all_routes():
        permission = expected_permission(route, "GET")
        if permission not in person.permissions or _is_about_people(route):
            continue
        if route.name.startswith(("accounts:", "audit:")):
            continue
        address = world.address(route, person)
        yield address
        if not route.parameters:
            yield f"{address}?q=machine"
            yield f"{address}?q=away"
            yield f"{address}?source=999999&team=away&sort=-name&ordering=-name"


def _ask(client: Client, route: Route, method: str, key: Any) -> tuple[int, bytes]:
    [parameter] = route.parameters
    address = reverse(route.name, kwargs={parameter: key})
    as_json = {"content_type": "application/json"} if route.is_api and method == "post" else {}
    response = getattr(client, method)(address, **as_json)
    return response.status_code, _plain(response)


def _read(client: Client, address: str) -> tuple[int, bytes]:
    response = client.get(address)
    return response.status_code, _plain(response)


def _plain(response: Any) -> bytes:
    """The answer without what differs from one request to the next."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    content = re.sub(rb'csrfmiddlewaretoken" value="\w+"', b"", content)
    content = re.sub(rb'"X-CSRFToken": "\w+"', b"", content)
    if response.status_code >= 400:
        content = content.replace(response.request["PATH_INFO"].encode(), b"")
    return content
