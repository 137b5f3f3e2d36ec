"""Two deployments, one without the other team: their answers to a member are the same bytes.

Five thousand requests, made up at random (P5). What differs between two requests anyhow is taken
out: form tokens, and the numbers of rows that the request itself made.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from accounts.models import User
from tests.factories import NOW
from tests.twins.estate import Estate
from tests.twins.requests import Maker, Request

pytestmark = pytest.mark.django_db

# Of each seed; `make exhaustive` asks 5,000 altogether.
REQUESTS = int(os.environ.get("TWIN_REQUESTS", "500" if "EXHAUSTIVE" in os.environ else "100"))
SEEDS = range(10)
MEMBERS = ("analyst", "remediator", "viewer", "auditor")
# Moments that the database's own clock says, and numbers of rows that mean nothing.
OPAQUE = re.compile(
    rb'(?<="updated_at":")[^"]*(?=")|(?<="id":)\d+(?=,"kind")'
    rb'|(?<=/notifications/)\d+(?=/open/)|(?<=name="seen" value=")\d+'
)
MADE = re.compile(rb'("id": ?|/(?:exceptions|remediation|waivers|plans|comments)/)\d+')
TOKEN = re.compile(rb'csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"')


@pytest.fixture
def _at_one_moment(settings: Any) -> Iterator[None]:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}
    logging.disable(logging.CRITICAL)
    with time_machine.travel(NOW, tick=False):
        yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("_at_one_moment")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_member_cannot_tell_that_the_other_team_is_there(seed: int):
    estate = Estate()
    member = estate.members[MEMBERS[seed % len(MEMBERS)]]
    with transaction.atomic():
        estate.add_neighbour()
        estate.settle()
        maker = Maker(estate, seed)
        wanted = [maker.make() for _ in range(REQUESTS)]
        beside = answers(member, wanted)
        transaction.set_rollback(True)
    estate.wide.refresh_from_db()
    estate.settle()
    alone = answers(member, wanted)

    different = [
        (request, first[0], second[0], _around(first[1], second[1]))
        for request, first, second in zip(wanted, beside, alone, strict=True)
        if first != second
    ]
    assert not different, f"{len(different)} of {REQUESTS}: {different[:5]}"
    assert sum(status == 200 for status, _ in alone) > REQUESTS // 4
    assert not [
        request for request, (status, _) in zip(wanted, alone, strict=True) if status >= 500
    ]


def answers(member: User, wanted: list[Request]) -> list[tuple[int, bytes]]:
    """What the member is answered, each request from the same beginning."""
    cache.clear()
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=member.pk))
    client.get("/api/v1/me/")  # the first request begins the session
    return [_answer(client, request) for request in wanted]


def _answer(client: Client, request: Request) -> tuple[int, bytes]:
    with transaction.atomic():
        if request.method == "get":
            response: Any = client.get(request.address)
        else:
            ask = getattr(client, request.method)
            response = ask(request.address, request.data, content_type="application/json")
        content = b"".join(response.streaming_content) if response.streaming else response.content
        transaction.set_rollback(True)
    content = OPAQUE.sub(b"", TOKEN.sub(b"", content))
    if request.method != "get":
        content = MADE.sub(rb"\1N", content)
    return response.status_code, content


def _around(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Where two answers begin to differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return one[max(0, at - 120) : at + 120], other[max(0, at - 120) : at + 120]
