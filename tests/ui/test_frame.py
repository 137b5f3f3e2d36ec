"""The frame: places that exist, counts where somebody has to act, and as of when a page is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import Message
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.test import Client

from accounts.models import User
from findings.models import Finding
from tests.factories import AssetFactory, FindingFactory, UserFactory
from ui import asof, nav, toasts, waiting

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_finders", {})


# --- places -----------------------------------------------------------------------------------


def test_a_place_appears_once_its_address_exists() -> None:
    assert nav.address_of("findings:nothing-is-called-so") == ""
    assert nav.address_of("findings:list") == "/findings/"


def test_a_place_needs_its_permission() -> None:
    groups = nav.for_person(frozenset({"inventory:asset:read"}), "/inventory/hosts/", {})

    assert [label for label, _ in groups] == ["Inventory"]
    here = [entry["place"] for _, places in groups for entry in places if entry["is_here"]]
    assert [place.label for place in here] == ["Hosts"]  # type: ignore[attr-defined]


def test_every_key_leads_to_one_place() -> None:
    keys = [p.key for group in nav.GROUPS for p in group.places if p.key] + [nav.NOTICES.key]

    assert len(keys) == len(set(keys))


# --- what waits -------------------------------------------------------------------------------


def _open(user: User, now: datetime) -> QuerySet[Finding]:
    return Finding.objects.visible_to(user).filter(state="open").order_by("-opened_at")


def _late(user: User, now: datetime) -> QuerySet[Finding]:
    return Finding.objects.visible_to(user).filter(due_at__lt=now)


def _never(user: User, now: datetime) -> None:
    return None


@pytest.mark.django_db
def test_all_counts_are_one_query(nothing_registered: None, django_assert_num_queries: Any) -> None:
    person = UserFactory(roles=["analyst"])
    for day in range(3):
        FindingFactory(due_at=NOW + timedelta(days=day - 1))
    waiting.register("work", _open)
    waiting.register("exceptions", _late)
    waiting.register("plans", _never)

    with django_assert_num_queries(1):
        found = waiting.counts(person, now=NOW)

    assert found == {"work": 3, "exceptions": 1}


@pytest.mark.django_db
def test_more_than_a_hundred_are_not_counted(nothing_registered: None) -> None:
    asset = AssetFactory()
    for number in range(waiting.MOST + 3):
        FindingFactory(asset=asset, key=str(number))
    waiting.register("work", _open)

    found = waiting.counts(UserFactory(roles=["analyst"]), now=NOW)

    assert found == {"work": waiting.MOST}
    assert waiting.words(found["work"]) == "99+"
    assert waiting.words(99) == "99"


@pytest.mark.django_db
def test_nothing_registered_asks_nothing(
    nothing_registered: None, django_assert_num_queries: Any
) -> None:
    person = UserFactory()

    with django_assert_num_queries(0):
        assert waiting.counts(person, now=NOW) == {}


# --- as of when -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", None),
        ("2026-03-09T08:30", datetime(2026, 3, 9, 8, 30, tzinfo=UTC)),
        ("2026-03-09T08:30:00Z", datetime(2026, 3, 9, 8, 30, tzinfo=UTC)),
        ("2026-03-09T10:30+02:00", datetime(2026, 3, 9, 8, 30, tzinfo=UTC)),
        ("2026-03-09", datetime(2026, 3, 9, 23, 59, 59, tzinfo=UTC)),
        ("2026-03-10", None),
    ],
)
def test_a_moment_is_read_from_the_address(text: str, moment: datetime | None) -> None:
    assert asof.asked({"as_of": text}, now=NOW) == moment


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-03-10T12:01", "0001-01-01T00:00+23:00", "\x00"]
)
def test_what_is_no_moment_of_the_past_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="moment"):
        asof.asked({"as_of": text}, now=NOW)


def test_looking_back_keeps_the_rest_of_the_address() -> None:
    query = QueryDict("kind=vm&kind=host&after=abc&as_of=2026-03-01T00:00")

    page = asof.of_page(query, possible=True, moment=NOW - timedelta(days=9), now=NOW)

    assert page.is_past
    assert page.kept == [("kind", "vm"), ("kind", "host")]
    assert page.now_address == "?kind=vm&kind=host"
    assert page.steps[0] == ("Yesterday", "?kind=vm&kind=host&as_of=2026-03-09T12%3A00")


@pytest.mark.django_db
def test_a_page_without_a_past_says_that_it_shows_now(client: Client) -> None:
    client.force_login(UserFactory(roles=["analyst"]))

    asked = client.get("/exceptions/?as_of=2020-01-01T00:00").content.decode()
    plain = client.get("/exceptions/").content.decode()

    assert "This page cannot show the past." in asked
    assert "cannot show the past" not in plain
    assert "This page shows only what is true now." in plain


# --- messages ---------------------------------------------------------------------------------


def test_a_message_may_carry_the_way_back() -> None:
    assert toasts.undo_address("undo:/findings/undo/3/") == "/findings/undo/3/"
    assert toasts.undo_address("") == ""
    assert toasts.undo_address(None) == ""


def test_what_was_done_can_be_taken_back_from_the_message(rf: Any) -> None:
    request: HttpRequest = rf.get("/")
    kept: list[Message] = []

    class Storage:
        def add(self, level: int, text: str, extra_tags: str = "") -> None:
            kept.append(Message(level, text, extra_tags))

    request._messages = Storage()  # type: ignore[attr-defined]
    toasts.done(request, "Assigned.", undo="/undo/1/")
    toasts.failed(request, "Nothing was assigned.")

    assert [toasts.undo_address(message.extra_tags) for message in kept] == ["/undo/1/", ""]
    assert get_messages(request) is request._messages  # type: ignore[attr-defined]
