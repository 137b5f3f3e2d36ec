"""The audit log is read on a page, over REST and as a file, and shows hostile text inert."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from audit import trail
from audit.models import Entry
from tests.factories import NOW, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert(1)</script>\u202e"><img src=x onerror=alert(1)>'
LONG_AGO = NOW - timedelta(days=400)


def an_entry(actor: User | None = None, action: str = "tests:thing:do", **more) -> Entry:
    with transaction.atomic():
        return trail.record(actor, action, at=more.pop("at", LONG_AGO), **more)


@pytest.fixture
def auditor() -> User:
    return UserFactory(username="auditor", roles=[Role.AUDITOR])


@pytest.fixture
def client(auditor: User) -> Client:
    client = Client()
    client.force_login(auditor)
    return client


def listed(client: Client, query: str) -> set[int]:
    return {row["id"] for row in client.get(f"/api/v1/audit/?{query}").json()["results"]}


def body(response) -> str:
    return b"".join(response.streaming_content).decode()


def test_the_page_shows_who_did_what_and_what_changed(client: Client):
    alice = UserFactory(full_name="Alice Aas")
    an_entry(
        alice,
        "accounts:team:rename",
        target=TeamFactory(name="Finance"),
        before={"name": "Money", "gone": True},
        after={"name": "Finance", "members": ["a", "b"]},
    )

    page = client.get("/settings/audit/?action=accounts:team").content.decode()

    for text in ("Alice Aas", "accounts:team:rename", "Finance", "Money", "a, b", "true"):
        assert text in page


def test_hostile_text_is_shown_inert(client: Client):
    team = TeamFactory(name=HOSTILE[:100])
    an_entry(
        UserFactory(full_name=HOSTILE[:60]),
        target=team,
        before={HOSTILE: HOSTILE},
        after={"name": HOSTILE},
    )

    page = client.get("/settings/audit/").content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page


def test_entries_are_found_by_person_action_target_day_and_way(client: Client):
    alice, team = UserFactory(username="alice"), TeamFactory(name="Labs")
    wanted = an_entry(alice, "accounts:team:rename", target=team, at=NOW)
    other = an_entry(UserFactory(username="bob"), "accounts:user:create", at=LONG_AGO)

    for query in (
        "who=ALI",
        f"actor={alice.pk}",
        "action=accounts:team",
        f"target=accounts.team:{team.pk}",
        "target=lab",
        "since=2026-03-10&until=2026-03-10",
    ):
        found = listed(client, query)
        assert wanted.pk in found, query
        assert other.pk not in found, query
    assert {wanted.pk, other.pk} <= listed(client, "via=system")
    assert listed(client, "via=command") == set()


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "actor=x",
        f"actor={'9' * 40}",
        "who=%00",
        "target=%00",
        "target=a.b:%00",
        "via=magic",
        "after=%00",
        "after=nonsense",
        "since=9999-99-99",
    ],
)
def test_a_filter_that_makes_no_sense_breaks_nothing(client: Client, query: str):
    an_entry()

    assert client.get(f"/settings/audit/?{query}").status_code == 200
    assert client.get(f"/settings/audit/audit.csv?{query}").status_code == 200
    assert client.get(f"/api/v1/audit/?{query}").status_code in {200, 400}


def test_pages_follow_each_other_without_gap_or_repetition(client: Client):
    entries = [an_entry(action=f"tests:thing:{n:03d}") for n in range(120)]

    address, seen = "/settings/audit/?action=tests:thing", []
    while address:
        page = client.get(address).content.decode()
        rows = page.split("<tbody>")[1].split("</tbody>")[0]
        seen += [entry.pk for entry in entries if f"<code>{entry.action}</code>" in rows]
        _, marker, rest = page.partition('rel="next" href="')
        address = "/settings/audit/" + rest.split('"')[0].replace("&amp;", "&") if marker else ""

    assert sorted(seen) == [entry.pk for entry in entries]


def test_rest_pages_by_cursor(client: Client):
    entries = {an_entry().pk for _ in range(7)}

    address, seen = "/api/v1/audit/?page_size=3&action=tests", []
    while address:
        answer = client.get(address).json()
        seen += [row["id"] for row in answer["results"]]
        address = answer["next"]

    assert seen == sorted(entries, reverse=True)


def test_the_files_hold_what_the_list_shows(client: Client):
    an_entry(action="=cmd|' /C calc'!A0", after={"name": "=1+1"})
    an_entry(action="tests:other")

    rows = list(
        csv.DictReader(io.StringIO(body(client.get("/settings/audit/audit.csv?action=%3D"))))
    )
    facts = json.loads(body(client.get("/settings/audit/audit.json?action=%3D")))

    [row], [fact] = rows, facts
    assert row["action"] == "'=cmd|' /C calc'!A0"
    assert fact["action"] == "=cmd|' /C calc'!A0"
    assert fact["after"] == {"name": "=1+1"}
    assert json.loads(body(client.get("/settings/audit/audit.json?action=none"))) == []


def test_rest_has_no_verb_but_reading(client: Client):
    entry = an_entry()

    for method in ("post", "put", "patch", "delete"):
        for address in ("/api/v1/audit/", f"/api/v1/audit/{entry.pk}/"):
            assert getattr(client, method)(address).status_code == 403


def test_who_sees_only_their_teams_machines_reads_only_what_names_none():
    limited = UserFactory(roles=[Role.AUDITOR], scope=User.Scope.TEAMS)
    client = Client()
    client.force_login(limited)
    about_a_machine = an_entry(UserFactory(), "inventory:source:add", target=TeamFactory())
    own = an_entry(limited)

    found = listed(client, "action=")

    assert own.pk in found
    assert about_a_machine.pk not in found
    assert client.get(f"/api/v1/audit/{about_a_machine.pk}/").status_code == 404


def test_a_page_costs_the_same_however_long_the_log(client: Client, django_assert_max_num_queries):
    for _ in range(60):
        an_entry(UserFactory(), target=TeamFactory())
    client.get("/settings/audit/")

    with django_assert_max_num_queries(5):
        client.get("/settings/audit/")


def test_an_act_on_a_page_says_where_it_came_from(client: Client):
    admin = UserFactory(roles=[Role.USER_ADMIN])
    client.force_login(admin)

    client.post("/settings/teams/add/", {"name": "Labs"}, headers={"x-request-id": "r" * 200})

    entry = Entry.objects.get(action="accounts:team:create")
    assert (entry.via, entry.address, entry.actor_id) == ("page", "127.0.0.1", admin.pk)
    assert 0 < len(entry.request_id) <= 64
