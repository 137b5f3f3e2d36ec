"""Every number of findings, on whatever page, is the length of the list that it links to."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import QueryDict
from django.urls import Resolver404, resolve, reverse

from accounts.models import Team, User
from accounts.roles import Role
from findings.listing import Listing
from findings.models import Finding, LastVisit, WaiverCover
from findings.remediation import plans
from findings.waivers import scopes
from inventory.models import Source
from tests.architecture.routes import all_routes
from tests.factories import UserFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.waivers.cast import approved, approver, asked

LINK = re.compile(r'<a\s[^>]*?href="(/[^"#]*)"[^>]*>(.*?)</a>', re.DOTALL)
PAGES_PER_ROUTE = 3
NOT_PAGES = re.compile(r"^/(accounts|api|static|health)/|\.csv|/export")


class Walk:
    """Pages as one person reaches them, few of each kind, and the numbers on them that link."""

    def __init__(self, person: User, *begin: str) -> None:
        self.person = person
        self.client = signed_in(person)
        self.visited: Counter[str] = Counter()
        self.numbers: dict[tuple[str, int], str] = {}  # list and number → a page that says so
        self._waiting = deque(begin)
        self._known = set(begin)
        while self._waiting:
            self._visit(self._waiting.popleft())

    def wrong(self) -> list[str]:
        """The numbers that are not the length of their list, each with a page it stands on."""
        lengths = {address: self._length(address) for address, _ in self.numbers}
        return [
            f"{page} says {number}, {address} has {lengths[address]}"
            for (address, number), page in self.numbers.items()
            if lengths[address] != number
        ]

    def _length(self, address: str) -> int:
        """How many findings the list says that it has; the page itself takes ten times as long."""
        query = QueryDict(urlsplit(address).query)
        return Listing(query, user=self.person, now=datetime.now(UTC)).counts()["total"]

    def _visit(self, address: str) -> None:
        name = _route(address)
        if not name or NOT_PAGES.search(address) or self.visited[name] >= PAGES_PER_ROUTE:
            return
        response: Any = self.client.get(address)
        if response.status_code != 200 or not response["Content-Type"].startswith("text/html"):
            return
        self.visited[name] += 1
        for linked, text in _links(response.content.decode()):
            if linked.startswith("/findings/?") and (
                number := re.match(r"[\d,]+(?![\d,.%])", text)
            ):
                self.numbers.setdefault((linked, int(number[0].replace(",", ""))), address)
            if linked not in self._known:
                self._known.add(linked)
                self._waiting.append(linked)


def _route(address: str) -> str:
    try:
        return resolve(urlsplit(address).path).view_name
    except Resolver404:
        return ""


def _links(html: str) -> Iterator[tuple[str, str]]:
    for address, inner in LINK.findall(html):
        yield unescape(address), unescape(re.sub(r"<[^>]+>", "", inner)).strip()


@pytest.fixture
def decided(halden: list[Source]) -> None:
    """Exceptions and a plan over part of the estate, so that open and to do are not the same."""
    now = datetime.now(UTC) - timedelta(minutes=5)
    by_check = Counter(Finding.objects.open().values_list("check_id", flat=True)).most_common()
    ingrid = UserFactory(username="inger", roles=[Role.ANALYST, Role.REMEDIATOR])
    covered = scopes.of_check(by_check[0][0], user=ingrid)
    outgrown = approved(covered, by=ingrid, now=now, expires_at=now + timedelta(days=6))
    WaiverCover.objects.filter(pk=outgrown.covers.earliest("pk").pk).delete()
    team = Team.objects.get(name="Web")
    alice = UserFactory(roles=[Role.ANALYST], scope=User.Scope.TEAMS, teams=[team])
    ask = scopes.of_query("kind=vm&severity=medium&severity=low", user=alice, now=now)
    approved(ask, by=alice, now=now, expires_at=now + timedelta(days=6), decided_by=approver())
    mixed = scopes.of_query(f"team={team.pk}&team=Finance&kind=vm", user=alice, now=now)
    asked(mixed, by=alice, now=now, expires_at=now + timedelta(days=6))
    chosen = Finding.objects.to_do(now=now).order_by("pk").values_list("pk", flat=True)[:12]
    wish = plans.Wish(title="What is late")
    plans.make(wish=wish, finding_ids=list(chosen), by=ingrid, now=now, grouping="check")


PEOPLE: dict[str, dict[str, Any]] = {
    "whole estate": {"roles": [Role.ANALYST, Role.REMEDIATOR]},
    "one team": {"roles": [Role.ANALYST, Role.REMEDIATOR], "scope": User.Scope.TEAMS},
}


@pytest.mark.parametrize("who", PEOPLE)
def test_every_number_of_findings_is_the_length_of_its_list(decided: None, who: str) -> None:
    person = UserFactory(**PEOPLE[who])
    if person.scope == User.Scope.TEAMS:
        person.teams.add(Team.objects.get(name="Web"))
    for finding in Finding.objects.visible_to(person).order_by("-pk")[:20]:
        finding.assignee = person
        finding.save(update_fields=["assignee"])
    before = datetime.now(UTC) - timedelta(days=3)
    LastVisit.objects.create(user=person, seen_at=before, previous_at=before)
    grouped = (f"/findings/?group={name}" for name in ("check", "asset", "team", "statement"))
    alone = [route for route in all_routes() if not route.parameters and not route.is_api]
    pages = (reverse(route.name, kwargs=route.defaults) for route in alone)

    walk = Walk(person, "/", *grouped, *pages)

    assert len(walk.visited) > 20
    assert len(walk.numbers) > 60
    assert walk.wrong() == []
