"""A page asks the database a dozen questions at most, however much it shows."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.access import API, PUBLIC, SIGNED_IN
from accounts.models import User
from accounts.roles import Role
from inventory.models import Asset
from inventory.records import Kind
from tests.architecture.routes import LOOKERS, Route, World, all_routes, holds
from tests.findings import estate
from tests.inventory.pages.world import build

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
A_DOZEN = 12
# What asks more, and how often. It only ever gets shorter.
MORE = {
    # Two of them only while a source's newest facts are not counted yet.
    "findings:overview": 14,
    "findings:overview-pdf": 14,
}


def _looker(route: Route, world: World) -> User | None:
    if route.declared in (None, API, PUBLIC):
        return None
    if route.declared == SIGNED_IN:
        return world.people[Role.ANALYST]
    return world.people[next(role for role in LOOKERS if holds(role, route.declared))]


def _questions(user: User, address: str) -> int | None:
    """How many, or None where there is no page."""
    client = Client()
    client.force_login(user)
    client.get(address)  # what is written once a minute, or once ever, is written now
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = client.get(address)
        shown = answer.status_code == HTTPStatus.OK and not answer.streaming
    acts = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return len([q for q in asked if not q["sql"].startswith(acts)]) if shown else None


def test_a_page_asks_a_dozen_questions_at_most() -> None:
    world = World()
    estate.build(now=datetime.now(UTC), machines=12, hosts=3)

    asked = {
        route.name: count
        for route in all_routes()
        if (user := _looker(route, world)) is not None
        and (count := _questions(user, world.address(route, user))) is not None
    }

    assert len(asked) > 50
    assert {name: n for name, n in asked.items() if n > MORE.get(name, A_DOZEN)} == {}
    assert {name: n for name, n in MORE.items() if asked[name] < n} == {}


# What the page of an asset asks that others are around of. It only ever gets shorter.
AMONG_OTHERS = {
    Kind.VM: 14,
    Kind.HOST: 15,
    Kind.CLUSTER: 14,
    Kind.NETWORK: 14,
    Kind.DATASTORE: 14,
}


def test_the_page_of_an_asset_among_others_asks_little_more() -> None:
    world = World()
    build(now=datetime.now(UTC))
    asked: dict[Kind, int] = {}
    for asset in Asset.objects.present():
        address = reverse("inventory:asset", args=[asset.pk])
        count = _questions(world.people[Role.ANALYST], address) or 0
        asked[Kind(asset.kind)] = max(count, asked.get(Kind(asset.kind), 0))

    assert {kind: n for kind, n in asked.items() if n > AMONG_OTHERS.get(kind, A_DOZEN)} == {}
    assert {kind: n for kind, n in AMONG_OTHERS.items() if asked[kind] < n} == {}
