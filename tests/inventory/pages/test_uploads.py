"""Files that are brought on a page: who may, what is said, and what is left of a refused one."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from findings import pipeline
from inventory import receiving, uploads
from inventory.connectors import signing
from inventory.models import Source, SyncRun, UploadedPart
from tests.factories import AssetFactory, SourceFactory, TeamFactory, UserFactory
from tests.inventory.carried import KEY, STRANGER, a_bundle, bundle_source
from tests.inventory.connectors.rvtools.book import estate, written
from tests.inventory.pages.test_sources import text_of
from tests.inventory.test_sync import vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(UserFactory(roles=["operator"]))
    return client


@pytest.fixture
def source(db: None) -> Source:
    return bundle_source(name="far")


@pytest.fixture
def books(db: None) -> Source:
    return bundle_source(name="books", connector=Source.Connector.RVTOOLS, trusted_key="")


def bring(client: Client, source: Source, data: bytes, name: str = "f.vmgov", **fields: Any) -> Any:
    form = {"file": SimpleUploadedFile(name, data), **fields}
    return client.post(f"/sources/{source.pk}/upload/", form, follow=True)


def fresh(*items: Any) -> bytes:
    return a_bundle(*items, at=timezone.now() - timedelta(hours=1))


def test_a_bundle_is_brought_and_its_run_shows_where_it_came_from(operator: Client, source: Source):
    answer = bring(operator, source, fresh(vm(1)))

    run = SyncRun.objects.get()
    assert answer.redirect_chain[-1][0] == f"/sources/runs/{run.pk}/"
    text = text_of(answer.content.decode())
    assert "f.vmgov" in text
    assert signing.fingerprint(KEY) in text
    pipeline.work(run.pk, now=timezone.now())
    run.refresh_from_db()
    assert run.state == SyncRun.State.COMPLETE


def test_a_workbook_is_brought_and_what_it_does_not_say_is_shown(operator: Client, books: Source):
    bring(operator, books, written(estate()), "RVTools_export_all.xlsx")
    run = SyncRun.objects.get()

    pipeline.work(run.pk, now=timezone.now())

    run.refresh_from_db()
    assert run.state == SyncRun.State.PARTIAL
    assert books.assets.filter(kind="vm").count() == 2
    assert not UploadedPart.objects.exists()
    page = text_of(operator.get(f"/sources/{books.pk}/").content.decode())
    assert "What the workbook does not say" in page
    assert "services" in page
    shown = text_of(operator.get(f"/sources/runs/{run.pk}/").content.decode())
    assert "RVTools 4.6.1.0" in shown
    assert "A workbook says nothing about roles." in shown
    assert "Columns that were not read" in shown


def test_facts_that_were_brought_are_called_imported(operator: Client, source: Source):
    _worked(source)
    brought = source.assets.get(kind="vm")
    seen = AssetFactory(source=SourceFactory(name="vc-near"))

    assert "Imported" in operator.get(f"/inventory/assets/{brought.pk}/").content.decode()
    assert "Imported" not in operator.get(f"/inventory/assets/{seen.pk}/").content.decode()


def test_a_workbook_that_the_worker_refuses_fails_its_run_with_a_sentence(
    operator: Client, books: Source
):
    tabs = {name: rows for name, rows in estate().items() if name != "vInfo"}
    bring(operator, books, written(tabs))
    run = SyncRun.objects.get()

    pipeline.work(run.pk, now=timezone.now())

    run.refresh_from_db()
    assert run.state == SyncRun.State.FAILED
    assert "no tab vInfo" in run.causes[0]["message"]
    assert not UploadedPart.objects.exists()
    shown = text_of(operator.get(f"/sources/runs/{run.pk}/").content.decode())
    assert "The file was refused. Nothing was changed." in shown


def test_the_moment_that_was_typed_is_the_moment_of_the_facts(operator: Client, books: Source):
    bring(operator, books, written(estate()), collected_at="2026-01-31T12:00")
    run = SyncRun.objects.get()

    pipeline.work(run.pk, now=timezone.now())

    run.refresh_from_db()
    assert run.collected_at.isoformat() == "2026-01-31T12:00:00+00:00"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The file is empty."),
        (b"nonsense", "no bundle"),
        (a_bundle(key=STRANGER), "another key"),
        (a_bundle()[:-1], "changed or cut short"),
    ],
)
def test_a_refused_file_is_told_in_a_sentence_and_leaves_nothing(
    operator: Client, source: Source, data: bytes, said: str
):
    before = Entry.objects.count()

    answer = bring(operator, source, data)

    assert said in text_of(answer.content.decode())
    assert answer.redirect_chain[-1][0] == f"/sources/{source.pk}/"
    assert not SyncRun.objects.exists()
    assert not UploadedPart.objects.exists()
    assert Entry.objects.count() == before


def test_without_a_file_or_with_a_moment_that_is_none_nothing_is_taken(
    operator: Client, source: Source
):
    answer = operator.post(f"/sources/{source.pk}/upload/", {}, follow=True)
    assert "Choose a file first." in text_of(answer.content.decode())
    answer = bring(operator, source, fresh(), collected_at="soon")
    assert "has to look like" in text_of(answer.content.decode())


def test_a_file_that_is_too_large_is_not_even_read(
    operator: Client, source: Source, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "MOST_BYTES", 1000)
    monkeypatch.setattr(uploads, "SLACK", 100)
    read: list[int] = []
    monkeypatch.setattr(receiving, "receive", lambda **_: read.append(1))

    answer = bring(operator, source, b"x" * 200_000)

    assert "larger than" in text_of(answer.content.decode())
    assert read == []


def test_the_same_file_twice_leads_to_its_run_and_says_so(operator: Client, source: Source):
    data = fresh(vm(1))
    bring(operator, source, data)

    answer = bring(operator, source, data)

    assert "Nothing was changed" in text_of(answer.content.decode())
    assert SyncRun.objects.count() == 1


def test_a_source_that_is_collected_has_no_form_and_takes_no_file(operator: Client):
    vcenter = SourceFactory(name="vc-near")

    assert "Bring a file" not in operator.get(f"/sources/{vcenter.pk}/").content.decode()
    answer = bring(operator, vcenter, fresh())
    assert "no file is taken" in text_of(answer.content.decode())


def test_nothing_offers_to_collect_what_cannot_be_reached(operator: Client, source: Source):
    for address in (f"/sources/{source.pk}/", "/sources/"):
        html = operator.get(address).content.decode()
        assert "Collect now" not in html
        assert "Bring a file" in html
    answer = operator.post(f"/sources/{source.pk}/sync/", follow=True)
    assert "its facts are uploaded" in text_of(answer.content.decode())


@pytest.mark.parametrize("role", ["viewer", "analyst", "auditor", "approver"])
def test_who_may_not_collect_may_not_bring_a_file(client: Client, source: Source, role: str):
    client.force_login(UserFactory(roles=[role]))

    assert bring(client, source, fresh()).status_code == 404
    assert 'id="upload"' not in client.get(f"/sources/{source.pk}/").content.decode()


def test_who_sees_a_part_of_the_estate_does_not_say_what_is_in_all_of_it(
    client: Client, source: Source
):
    team = TeamFactory()
    run = _worked(source)
    source.assets.update(team=team)
    client.force_login(UserFactory(roles=["operator"], scope=User.Scope.TEAMS, teams=[team]))

    assert bring(client, source, fresh(vm(2))).status_code == 404
    assert 'id="upload"' not in client.get(f"/sources/{source.pk}/").content.decode()
    assert list(SyncRun.objects.values_list("pk", flat=True)) == [run.pk]


def _worked(source: Source) -> SyncRun:
    run, _ = receiving.receive(
        source=source,
        file=BytesIO(a_bundle(vm(1), at=timezone.now() - timedelta(hours=2))),
        name="f",
        by=None,
        now=timezone.now(),
    )
    pipeline.work(run.pk, now=timezone.now())
    return run


# --- adding and changing -------------------------------------------------------------------------


def form(**fields: Any) -> dict[str, Any]:
    return {
        "name": "far",
        "connector": "bundle",
        "trusted_key": signing.public_pem(KEY),
        "interval_minutes": 1440,
        **fields,
    }


def test_a_source_for_bundles_is_added_with_the_key_it_trusts(operator: Client):
    answer = operator.post("/sources/add/files/", form(), follow=True)

    made = Source.objects.get()
    assert (made.connector, made.url, made.takes_files) == ("bundle", "", True)
    text = text_of(answer.content.decode())
    assert signing.fingerprint(KEY) in text
    assert "Bring a file" in text
    assert (Entry.objects.latest("id").after or {})["trusted_key"] == made.trusted_key


def test_a_source_for_workbooks_has_no_key_and_a_mapping(operator: Client):
    operator.post("/sources/add/files/", form(connector="rvtools", map_owner="Owner"))

    made = Source.objects.get()
    assert (made.trusted_key, made.attribute_mapping) == ("", {"owner": "Owner"})


@pytest.mark.parametrize("key", ["", "no key", signing.private_pem(KEY).decode()])
def test_without_a_public_key_no_source_for_bundles_is_added(operator: Client, key: str):
    answer = operator.post("/sources/add/files/", form(trusted_key=key))

    assert "Paste the collector" in text_of(answer.content.decode())
    assert not Source.objects.exists()


def test_another_key_is_typed_and_the_audit_log_says_so(operator: Client, source: Source):
    page = operator.get(f"/sources/{source.pk}/edit/").content.decode()
    assert signing.fingerprint(KEY) in page
    new = signing.public_pem(STRANGER)

    operator.post(
        f"/sources/{source.pk}/edit/", form(name="far", trusted_key=new, interval_minutes=60)
    )

    source.refresh_from_db()
    assert source.trusted_key == new
    assert (Entry.objects.latest("id").before or {})["trusted_key"] == signing.public_pem(KEY)


def test_a_name_that_is_taken_is_told(operator: Client, source: Source):
    answer = operator.post("/sources/add/files/", form(name="FAR"))

    assert re.search("already a source with this name", answer.content.decode())
