"""`manage.py source`: sources whose facts are brought as files, from a console."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from inventory.connectors import signing
from inventory.models import Source, SyncRun, UploadedPart
from tests.inventory.carried import KEY, STRANGER, a_bundle, bundle_source
from tests.inventory.connectors.rvtools.book import estate, written
from tests.inventory.test_sync import vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "estate.vmgov"
    path.write_bytes(a_bundle(vm(1), at=timezone.now() - timedelta(hours=1)))
    return path


def test_a_source_for_bundles_is_added_and_fed(tmp_path: Path, bundle: Path, capsys: object):
    key = tmp_path / "key.pub"
    key.write_text(signing.public_pem(KEY))

    call_command("source", "add", "bundle", "--name", "far", "--key-file", str(key))
    call_command("source", "import", "FAR", str(bundle))

    source = Source.objects.get()
    assert (source.takes_files, source.interval_minutes) == (True, 1440)
    assert source.runs.get().state == SyncRun.State.COMPLETE
    assert source.runs.get().upload["file"] == "estate.vmgov"


def test_bringing_the_same_file_again_says_so_and_changes_nothing(
    bundle: Path, capsys: pytest.CaptureFixture[str]
):
    bundle_source(name="far")
    call_command("source", "import", "far", str(bundle))

    call_command("source", "import", "far", str(bundle))

    assert "Nothing was changed" in capsys.readouterr().out
    assert SyncRun.objects.count() == 1


def test_a_workbook_is_partial_so_the_command_fails_after_publishing_it(tmp_path: Path):
    book = tmp_path / "all.xlsx"
    book.write_bytes(written(estate()))
    call_command("source", "add", "rvtools", "--name", "books", "--map", "owner=Owner")

    with pytest.raises(CommandError, match="PARTIAL"):
        call_command("source", "import", "books", str(book))

    source = Source.objects.get()
    assert source.published_at is not None
    assert source.assets.get(kind="vm", name="far-1").owner == "Ann"


def test_a_workbook_that_does_not_say_when_is_told_when(tmp_path: Path):
    book = tmp_path / "all.xlsx"
    tabs = {name: rows for name, rows in estate().items() if name != "vMetaData"}
    book.write_bytes(written(tabs))
    call_command("source", "add", "rvtools", "--name", "books")
    told = "2026-01-31T12:00+01:00"

    with pytest.raises(CommandError, match="PARTIAL"):
        call_command("source", "import", "books", str(book), "--collected-at", told)

    assert Source.objects.get().published_at.isoformat() == "2026-01-31T11:00:00+00:00"


@pytest.mark.parametrize("told", ["soon", "2026-01-31T12:00"])
def test_a_moment_without_its_zone_is_refused(bundle: Path, told: str):
    with pytest.raises(CommandError):
        call_command("source", "import", "far", str(bundle), "--collected-at", told)


def test_what_cannot_be_taken_is_a_sentence(tmp_path: Path, bundle: Path):
    bundle_source(name="far", trusted_key=signing.public_pem(STRANGER))

    for name, file, said in (
        ("nowhere", bundle, "no source named"),
        ("far", tmp_path / "nothing", "cannot be read"),
        ("far", bundle, "another key"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("source", "import", name, str(file))
    assert not UploadedPart.objects.exists()


def test_no_source_for_bundles_is_added_without_a_public_key(tmp_path: Path):
    key = tmp_path / "key"
    key.write_bytes(signing.private_pem(KEY))

    with pytest.raises(CommandError, match="cannot be trusted"):
        call_command("source", "add", "bundle", "--name", "far", "--key-file", str(key))
    assert not Source.objects.exists()


def test_sources_for_files_are_listed_as_what_they_are(capsys: pytest.CaptureFixture[str]):
    bundle_source(name="far")

    call_command("source", "list")

    assert "far\t(Bundle)\tcomplete: never" in capsys.readouterr().out
