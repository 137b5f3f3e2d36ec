"""Files that scripts bring: kept for a worker to read, or refused with a code and a sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from accounts.permissions import Permission
from findings import pipeline
from inventory import uploads
from inventory.models import Source, SyncRun, UploadedPart
from tests.factories import AssetFactory, SourceFactory, TeamFactory, UserFactory
from tests.inventory.carried import STRANGER, a_bundle, bundle_source
from tests.inventory.test_sync import vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db: None) -> Source:
    return bundle_source(name="far")


@pytest.fixture
def script(client: Client) -> Client:
    """A token that may start collections and nothing else."""
    _, text = tokens.create(
        user=UserFactory(roles=["operator"]),
        name="carrier",
        permissions=frozenset({Permission.RUN_START}),
        days=1,
        by=None,
        now=timezone.now(),
    )
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return client


def bring(client: Client, source: Source, data: bytes, **fields: Any) -> Any:
    form = {"file": SimpleUploadedFile("f.vmgov", data), **fields}
    return client.post(f"/api/v1/sources/{source.pk}/bundle/", form)


def fresh(*items: Any, **given: Any) -> bytes:
    return a_bundle(*items, at=timezone.now() - timedelta(hours=1), **given)


def test_a_bundle_is_accepted_and_its_run_reads_it(script: Client, source: Source):
    answer = bring(script, source, fresh(vm(1)))

    assert answer.status_code == 202
    run = SyncRun.objects.get(pk=answer.json()["id"])
    assert answer.json()["upload"]["file"] == "f.vmgov"
    pipeline.work(run.pk, now=timezone.now())
    run.refresh_from_db()
    assert run.state == SyncRun.State.COMPLETE


def test_the_same_bundle_twice_is_answered_with_the_run_it_has(script: Client, source: Source):
    data = fresh(vm(1))
    first = bring(script, source, data).json()

    again = bring(script, source, data)

    assert (again.status_code, again.json()["id"]) == (200, first["id"])


def test_a_refused_file_is_400_with_a_sentence_and_leaves_nothing(script: Client, source: Source):
    for data in (b"", b"\0", b"PK\3\4", fresh(key=STRANGER), fresh()[:-9]):
        answer = bring(script, source, data)
        assert answer.status_code == 400
        assert answer.json()["detail"].endswith(".")
    assert not SyncRun.objects.exists()
    assert not UploadedPart.objects.exists()


@pytest.mark.parametrize(
    "request_of",
    [
        {"data": {}},
        {"data": {"file": "text"}},
        {"data": b"no multipart", "content_type": "multipart/form-data; boundary=x"},
        {"data": b"--x", "content_type": "multipart/form-data"},
    ],
)
def test_a_request_without_a_file_is_400(
    script: Client, source: Source, request_of: dict[str, Any]
):
    answer = script.post(f"/api/v1/sources/{source.pk}/bundle/", **request_of)

    assert answer.status_code == 400


def test_a_moment_that_is_none_is_400(script: Client, source: Source):
    assert bring(script, source, fresh(), collected_at="soon").status_code == 400


def test_where_no_file_is_taken_or_another_one_waits_it_is_409(script: Client, source: Source):
    assert bring(script, SourceFactory(), fresh()).status_code == 409
    bring(script, source, fresh(vm(1)))
    assert bring(script, source, fresh(vm(2))).status_code == 409


def test_a_file_that_is_too_large_is_413_and_not_read(
    script: Client, source: Source, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "MOST_BYTES", 1000)
    monkeypatch.setattr(uploads, "SLACK", 100)

    assert bring(script, source, b"x" * 5_000).status_code == 413


def test_collecting_what_cannot_be_reached_is_409(script: Client, source: Source):
    answer = script.post(f"/api/v1/sources/{source.pk}/sync/")

    assert answer.status_code == 409
    assert "uploaded" in answer.json()["detail"]


def test_somebody_of_another_team_is_told_the_same_as_about_nothing(client: Client, source: Source):
    mine, theirs = TeamFactory(), TeamFactory()
    AssetFactory(source=source, team=theirs)
    client.force_login(UserFactory(roles=["operator"], scope=User.Scope.TEAMS, teams=[mine]))

    there = bring(client, source, fresh())
    nowhere = client.post("/api/v1/sources/999999/bundle/")

    assert there.status_code == nowhere.status_code == 404
    assert there.content == nowhere.content


def test_somebody_of_the_team_sees_the_source_and_may_not_feed_it(client: Client, source: Source):
    team = TeamFactory()
    AssetFactory(source=source, team=team)
    client.force_login(UserFactory(roles=["operator"], scope=User.Scope.TEAMS, teams=[team]))

    assert bring(client, source, fresh()).status_code == 404
    assert not SyncRun.objects.exists()
