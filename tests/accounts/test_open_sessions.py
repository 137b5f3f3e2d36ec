"""Sessions are seen and ended at once, by their person and by a user administrator."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client

from accounts import open_sessions, people
from accounts.backends import Backend
from accounts.devices import described
from accounts.errors import NotPossible
from accounts.models import Session, User
from accounts.roles import Role
from accounts.session_store import handle_of
from audit.models import Entry
from tests.accounts.test_sign_in import sign_in, who
from tests.factories import NOW, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/settings/sessions/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605.1"


def browser(username: str, *, agent: str = FIREFOX, address: str = "192.0.2.1") -> Client:
    client = Client(REMOTE_ADDR=address, headers={"user-agent": agent})
    sign_in(client, username)
    client.get(LIST)
    return client


def handle(client: Client) -> str:
    return handle_of(client.cookies[settings.SESSION_COOKIE_NAME].value)


def test_a_person_sees_where_they_are_signed_in():
    UserFactory(username="alice")
    here = browser("alice")
    browser("alice", agent=SAFARI, address="198.51.100.7")
    browser(UserFactory(username="bob").username, address="203.0.113.9")

    page = here.get(LIST).content.decode()

    assert "Firefox on Windows" in page
    assert "Safari on iPhone" in page
    assert "192.0.2.1" in page
    assert "198.51.100.7" in page
    assert "203.0.113.9" not in page
    assert "here and in 1 other browser" in page
    assert here.cookies[settings.SESSION_COOKIE_NAME].value not in page


def test_the_list_is_complete_right_after_signing_in(client: Client):
    UserFactory(username="alice")
    sign_in(client, "alice", next=LIST)

    assert "This one" in client.get(LIST).content.decode()


def test_an_ended_session_opens_nothing_any_more_and_is_recorded():
    UserFactory(username="alice")
    here, there = browser("alice"), browser("alice", agent=SAFARI)

    here.post(f"{LIST}{handle(there)}/end/")

    assert (who(here), who(there)) == ("alice", None)
    entry = Entry.objects.get(action="accounts:session:end")
    assert entry.before == {"address": "192.0.2.1", "user_agent": SAFARI}


def test_a_request_under_way_does_not_bring_an_ended_session_back():
    UserFactory(username="alice")
    with time_machine.travel(NOW, tick=False) as clock:
        client = browser("alice")
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        session = client.session  # as a request has it that is still being answered
        session["seen_at"] = 0
        Session.objects.filter(pk=key).delete()
        from django.contrib.sessions.backends.base import UpdateError

        with pytest.raises(UpdateError):
            session.save()
        clock.shift(timedelta(seconds=61))

        assert who(client) is None
    assert not Session.objects.filter(pk=key).exists()


def test_ending_all_others_leaves_this_one_and_other_people():
    UserFactory(username="alice")
    UserFactory(username="bob")
    here, there, elsewhere = (browser("alice") for _ in range(3))
    bob = browser("bob")

    here.post(f"{LIST}end-others/")

    assert [who(client) for client in (here, there, elsewhere, bob)] == ["alice", None, None, "bob"]


def test_nobody_ends_the_session_of_somebody_else():
    UserFactory(username="alice")
    UserFactory(username="bob")
    alice, bob = browser("alice"), browser("bob")

    assert bob.post(f"{LIST}{handle(alice)}/end/").status_code == 404
    assert who(alice) == "alice"


def test_ending_the_session_one_is_in_signs_out():
    UserFactory(username="alice")
    client = browser("alice")

    assert client.post(f"{LIST}{handle(client)}/end/")["Location"] == "/accounts/login/"
    assert who(client) is None


def test_a_user_administrator_signs_somebody_out_everywhere_but_not_themselves():
    admin = UserFactory(username="ulla", roles=[Role.USER_ADMIN])
    alice = UserFactory(username="alice")
    held = [browser("alice") for _ in range(3)]
    office = browser("ulla")

    office.post(f"/settings/users/{alice.pk}/end-sessions/")

    assert {who(client) for client in held} == {None}
    assert Entry.objects.filter(action="accounts:session:end-all", actor_id=admin.pk).exists()
    assert not Session.objects.filter(user=alice).exists()
    with pytest.raises(NotPossible):
        people.end_sessions(user_id=admin.pk, by=admin)


def test_what_is_listed_is_what_still_opens_something():
    alice = UserFactory(username="alice")
    with time_machine.travel(NOW, tick=False) as clock:
        browser("alice")
        idle = browser("alice")
        clock.shift(timedelta(minutes=20))
        here = browser("alice")
        clock.shift(timedelta(minutes=11))
        listed = open_sessions.of(alice, now=datetime.now(UTC))

        assert [session.handle for session in listed] == [handle(here)]
        assert who(idle) is None

        people.reset_password(user_id=alice.pk, by=None)
        reset = User.objects.get(pk=alice.pk)
        assert not open_sessions.of(reset, now=datetime.now(UTC)).exists()


def test_sessions_that_are_over_are_forgotten_and_the_others_stay():
    UserFactory(username="alice")
    with time_machine.travel(NOW, tick=False) as clock:
        browser("alice")
        Client().get("/accounts/login/")
        clock.shift(timedelta(minutes=31))
        here = browser("alice")

        assert open_sessions.purge(now=datetime.now(UTC)) == 1
        assert who(here) == "alice"
        clock.shift(timedelta(hours=13))
        open_sessions.purge(now=datetime.now(UTC))

    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit Chrome/140 Safari/537 Edg/140",
            "Edge on Linux",
        ),
        ("curl/8", "curl"),
    ],
)
def test_a_browser_is_described_by_what_it_says(agent: str, words: str):
    assert described(agent) == words


def test_the_page_repeats_nothing_a_browser_says_as_markup():
    UserFactory(username="alice")
    client = browser("alice", agent='"><script>alert(1)</script>')

    assert b"<script>alert" not in client.get(LIST).content


def test_whose_session_it_is_is_read_with_all_that_they_may_do_in_one_query(
    django_assert_num_queries: Any,
):
    team = TeamFactory()
    person = UserFactory(roles=["analyst", "approver"], scope="teams", teams=[team])
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={})

    with django_assert_num_queries(1):
        found = Backend().get_user(person.pk)
        assert found is not None
        assert found.roles == {Role.ANALYST, Role.APPROVER}
        assert found.team_ids == [team.pk]
        assert found.has_second_factor  # type: ignore[attr-defined]


def test_a_session_of_somebody_disabled_is_nobodys():
    person = UserFactory(is_active=False)

    assert Backend().get_user(person.pk) is None
    assert Backend().get_user(0) is None
