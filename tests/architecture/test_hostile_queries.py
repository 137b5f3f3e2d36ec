"""Whatever a query string holds, an address answers; it never breaks (P31, for reads).

Every GET route is asked with each hostile value in each parameter it might read, and with the odd
shapes that a client can send.
"""

from __future__ import annotations

import base64
import logging
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from accounts.roles import Role
from tests.architecture.routes import Route, World, all_routes

pytestmark = pytest.mark.django_db

# What some view, filter or paginator reads.
NAMES = [
    "action",
    "actor",
    "after",
    "area",
    "as_of",
    "asset",
    "before",
    "check",
    "classification",
    "cluster",
    "criticality",
    "cursor",
    "datastore",
    "document",
    "due",
    "format",
    "host",
    "is_active",
    "is_enabled",
    "kind",
    "name",
    "network",
    "next",
    "only",
    "opened_before",
    "opened_since",
    "ordering",
    "outcome",
    "owner",
    "page",
    "page_size",
    "power_state",
    "presence",
    "q",
    "resolution",
    "result",
    "role",
    "show",
    "since",
    "slug",
    "sort",
    "source",
    "stale",
    "state",
    "state__not",
    "source__not",
    "team",
    "tab",
    "target",
    "until",
    "updated_since",
    "verdict",
    "via",
    "who",
    "scope",
    "source_name",
    "user",
    "username",
    "resolved_since",
    "all",
    "act",
    "assigned_team",
    "assignee",
    "breached",
    "due_on",
    "finding",
    "group",
    "in",
    "label",
    "mine",
    "new",
    "priority",
    "refuted_at",
    "rows",
    "status",
    "status__not",
    "ticket",
    "to",
    "connector",
    "by",
    "from",
    "start",
    "with",
]


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


VALUES = (
    "",
    "\x00",
    "a\x00b",
    "²",
    "٣",
    "-1",
    "0",
    "9" * 18,
    "9" * 19,
    "9" * 400,
    "1e400",
    "-1e400",
    "-1e999999",
    "NaN",
    "-Infinity",
    "1.5",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01",
    "9999-12-31",
    "2026-02-31T00:00",
    "2026-01-01T00:00:00Z",
    "\ud800".encode("utf-16", "surrogatepass").decode("latin-1"),
    "'\"><script>",
    "%",
    "\\",
    "_" * 5_000,
    "[" * 3_000,
    _cursor("[" * 3_000),
    _cursor('["\\u0000", 1]'),
    _cursor('["\\ud800", 1]'),
    _cursor("[null, null]"),
    _cursor("[1e400, 1]"),
    _cursor("[9223372036854775808, 1]"),
    _cursor('["0001-01-01T00:00:00+14:00", 1]'),
    _cursor('[{"at": "0001-01-01T00:00:00+14:00"}, 1]'),
    _cursor('["a", 1]'),
    _cursor("[1]"),
    _cursor('["x"]'),
    _cursor('[0, "2026-01-01T00:00:00Z", 1]'),
    "\u202e",
    "../../etc/passwd",
    "//evil.example",
    "none",
    "unknown",
    "fail",
    "-name",
    "pk__gt",
    "asset__source__credential",
)
MIXED, ALONE = 10, 12  # queries for each address
RAW = ("%ff%fe", "%00", "%ed%a0%80", "a=1&a=2&a=%00", "&&&=&=&", "%", "a" * 4_000)


@pytest.fixture
def world() -> Iterator[World]:
    logging.disable(logging.CRITICAL)
    yield World()
    logging.disable(logging.NOTSET)


def readable(world: World) -> Iterator[tuple[Route, str, Client]]:
    """Every GET route with an address, and somebody who may ask it."""
    clients: dict[Role, Client] = {}
    for route in all_routes():
        if route.declared is None:  # opens to nobody
            continue
        for role in (Role.AUDITOR, Role.OPERATOR, Role.USER_ADMIN, Role.ANALYST):
            person = world.people[role]
            if role not in clients:
                clients[role] = Client(raise_request_exception=False)
                clients[role].force_login(person)
            address = world.address(route, person)
            if clients[role].get(address).status_code == 200:
                yield route, address, clients[role]
                break


def queries(chance: random.Random) -> Iterator[str]:
    """Some names together, since one address reads several, and each name by itself."""
    yield from RAW
    for _ in range(MIXED):
        yield "&".join(_pair(name, chance) for name in chance.sample(NAMES, 12))
    for name in chance.sample(NAMES, ALONE):
        yield _pair(name, chance)


def _pair(name: str, chance: random.Random) -> str:
    return f"{name}={quote(chance.choice(VALUES).encode('utf-8', 'replace'))}"


def test_no_query_breaks_an_address(world: World) -> None:
    chance, broken, asked = random.Random(11), [], 0  # noqa: S311
    for route, address, client in readable(world):
        if route.name == "api:schema":  # takes no parameter, and is slow to draw
            continue
        for query in queries(chance):
            # The client's types deny what it returns for a streamed export.
            response: Any = client.get(f"{address}?{query}")
            asked += 1
            if response.streaming:
                b"".join(response.streaming_content)
            if response.status_code >= 500:
                broken.append(f"{route.name}?{query[:300]}")
    assert broken == []
    assert asked > 1_000


@pytest.mark.parametrize(
    "address",
    [
        "/findings/?source=²",
        "/findings/?team=²",
        "/findings/?asset__not=²",
        "/inventory/vms/?after=" + _cursor('["\\ud800", 1]'),
        "/findings/?sort=due&after=" + _cursor('[{"at": "0001-01-01T00:00:00+14:00"}, 1]'),
        "/inventory/assets/{asset}/?as_of=0001-01-01T00:00:00%2B14:00",
        "/inventory/assets/{asset}/?as_of=9999-12-31T23:59:59-14:00",
        "/inventory/assets/{asset}/?before=0001-01-01T00:00:00%2B14:00",
        "/api/v1/assets/?as_of=0001-01-01T00:00:00%2B14:00",
        "/api/v1/assets/?host=-1e99999999999",
        "/inventory/vms/?host=-1e99999999999",
        "/api/v1/findings/?updated_since=0001-01-01T00:00:00%2B14:00",
        "/api/v1/findings/?opened_since=9999-12-31T23:59:59-14:00",
        "/findings/?opened_since=0001-01-01T00:00:00%2B14:00",
        "/api/v1/findings/?cursor=" + _cursor('["0001-01-01T00:00:00+14:00", 1]'),
        "/api/v1/findings/?cursor=" + _cursor("[" * 3000),
    ],
)
def test_what_once_broke_an_address_does_not(world: World, address: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(world.people[Role.ANALYST])

    response = client.get(address.replace("{asset}", str(world.home.asset.pk)))

    assert response.status_code < 500
