"""One letter a person, with what they may see when it is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outgoing
from django.db import transaction

from findings.announcing import mail, preferences
from findings.announcing.outbox import Topic
from findings.announcing.preferences import Mail, Wish
from findings.models import Finding, Notice
from inventory.models import Asset
from tests.factories import NOW
from tests.findings.announcing.cast import SOON, Cast, announce, moved, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(settings: Any) -> Cast:
    settings.MAIL_IS_SET_UP = True
    return Cast()


def test_what_waits_for_somebody_is_written_at_once(cast: Cast):
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()

    assert mail.post(now=SOON) == 1
    [letter] = outgoing.outbox
    assert letter.to == ["bob@example.org"]
    assert letter.subject.startswith("[vmgov] dana assigned to you: ")
    assert f"http://127.0.0.1:8000/findings/{cast.of_web.pk}/" in letter.body
    assert mail.post(now=SOON) == 0


def test_the_digest_gathers_a_day_into_one_letter(cast: Cast):
    moved(cast, "opened", cast.of_web)
    moved(cast, "opened", cast.of_web)
    tell()

    assert mail.post(now=SOON) == 0
    tomorrow = NOW.replace(hour=preferences.DIGEST_HOUR) + timedelta(days=1)
    assert mail.post(now=tomorrow) == 3
    assert {letter.to[0] for letter in outgoing.outbox} == {
        "alice@example.org",
        "bob@example.org",
        "dana@example.org",
    }
    assert all("2 things" in letter.subject for letter in outgoing.outbox)


def test_a_letter_tells_nothing_that_its_reader_may_no_longer_see(cast: Cast):
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()
    cast.bob.teams.clear()

    assert mail.post(now=SOON) == 0
    assert outgoing.outbox == []
    assert not Notice.objects.filter(mailed_at__isnull=True, mail_due_at__isnull=False).exists()


def test_a_disabled_person_gets_no_letter(cast: Cast):
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()
    cast.bob.is_active = False
    cast.bob.save()

    assert mail.post(now=SOON) == 0


def test_a_hostile_name_splits_no_header_and_no_line(cast: Cast):
    hostile = "web\r\nBcc: everybody@example.org\u202e\x1b[2J"
    Asset.objects.filter(pk=cast.of_web.asset_id).update(name=hostile)
    Finding.objects.filter(pk=cast.of_web.pk).update(message=f"Machine {hostile} is old.")
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()
    mail.post(now=SOON)

    [letter] = outgoing.outbox
    assert "Bcc" not in letter.message()
    assert letter.recipients() == ["bob@example.org"]
    text = f"{letter.subject}{letter.body}"
    assert not {"\r", "\x1b", "\u202e"} & set(text)
    assert not any(line.startswith("Bcc") for line in letter.body.splitlines())


def test_a_letter_that_cannot_be_handed_over_is_tried_again_later(cast: Cast, settings: Any):
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()
    settings.EMAIL_BACKEND = "tests.findings.announcing.test_mail.Broken"

    assert mail.post(now=SOON) == 0
    waiting = Notice.objects.get(user=cast.bob)
    assert (waiting.mail_attempts, waiting.mail_problem) == (1, "OSError")
    assert waiting.mail_due_at == SOON + timedelta(minutes=2)

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert mail.post(now=SOON) == 0
    assert mail.post(now=SOON + timedelta(minutes=2)) == 1


def test_a_second_letter_of_the_same_is_known_by_its_id(cast: Cast):
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()
    mail.post(now=SOON)
    Notice.objects.update(mailed_at=None)  # the worker died before it noted it
    mail.post(now=SOON)

    first, second = outgoing.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]


def test_without_mail_set_up_nothing_is_sent(cast: Cast, settings: Any):
    settings.MAIL_IS_SET_UP = False
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()

    assert not mail.is_anything_due(now=SOON)
    assert mail.post(now=SOON) == 0


def test_who_wants_no_mail_gets_none(cast: Cast):
    with transaction.atomic():
        preferences.choose(user=cast.bob, wanted={"assigned": Wish(in_product=True, mail=Mail.OFF)})
    announce(Topic.FINDING_ASSIGNED, cast.of_web, by=cast.dana, to=[cast.bob.pk])
    tell()

    assert Notice.objects.get().mail_due_at is None


class Broken:
    """A mail server that is not there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def send_messages(self, messages: Any) -> int:
        raise OSError("no route to the mail server")
