"""The pages about what one was told."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from findings.announcing import preferences
from findings.announcing.outbox import Topic
from findings.models import Finding, Notice
from tests.factories import NOW
from tests.findings.announcing.cast import Cast, announce, moved, tell
from ui import waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cast = Cast()
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()
    return cast


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_one_reads_what_one_was_told_and_it_counts_in_the_frame(cast: Cast):
    page = signed_in(cast.bob).get("/notifications/").content.decode()

    assert "1 notification" in page
    assert cast.of_web.asset.name in page
    assert waiting.counts(cast.bob, now=NOW)["notices"] == 1
    assert "notices" not in waiting.counts(cast.alice, now=NOW)


def test_opening_one_marks_it_as_read_and_leads_to_it(cast: Cast):
    client = signed_in(cast.bob)
    notice = Notice.objects.get()

    answer = client.post(f"/notifications/{notice.pk}/open/")

    assert answer["Location"] == f"/findings/{cast.of_web.pk}/"
    assert "You have read everything" in client.get("/notifications/").content.decode()
    assert cast.of_web.asset.name in client.get("/notifications/?show=all").content.decode()


def test_somebody_elses_notice_does_not_exist(cast: Cast):
    notice = Notice.objects.get()

    assert signed_in(cast.alice).post(f"/notifications/{notice.pk}/open/").status_code == 404
    notice.refresh_from_db()
    assert notice.read_at is None


def test_what_one_may_no_longer_see_is_gone_from_list_and_count(cast: Cast):
    cast.bob.teams.clear()

    page = signed_in(cast.bob).get("/notifications/?show=all").content.decode()

    assert cast.of_web.asset.name not in page
    assert waiting.counts(cast.bob, now=NOW) == {}


def test_all_are_read_at_once(cast: Cast):
    client = signed_in(cast.bob)

    client.post("/notifications/read/")

    assert not Notice.objects.filter(user=cast.bob, read_at__isnull=True).exists()


def test_one_chooses_how_to_be_told(cast: Cast):
    client = signed_in(cast.bob)

    client.post("/notifications/settings/", {"assigned-product": "on", "assigned-mail": "daily"})

    wishes = preferences.wishes([cast.bob])
    assert wishes[cast.bob.pk, "assigned"].mail == "daily"
    assert not wishes[cast.bob.pk, "opened"].in_product
    assert "sends no mail" in client.get("/notifications/settings/").content.decode()


def test_a_number_of_findings_leads_to_the_list_that_counts_them(cast: Cast):
    Finding.objects.filter(pk=cast.of_web.pk).update(opened_at=NOW)
    moved(cast, "opened", cast.of_web)
    tell()
    notice = Notice.objects.get(user=cast.alice, kind="opened")
    client = signed_in(cast.alice)

    address = client.post(f"/notifications/{notice.pk}/open/")["Location"]

    assert client.get(address).context["counts"]["total"] == 1


def test_the_list_takes_few_queries(cast: Cast, django_assert_max_num_queries: object):
    for _ in range(30):
        announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()
    client = signed_in(cast.bob)

    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get("/notifications/")
