"""Keys are read strictly, made once and never replaced beside data."""

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from vmgov import keys


def test_a_new_key_can_be_read_back():
    line = keys.new_credential_key()

    assert list(keys.parse_ring(line)) == [line.partition(":")[0]]


def test_the_first_key_of_a_ring_stays_the_first():
    first, second = keys.new_credential_key(), keys.new_credential_key()

    ring = keys.parse_ring(f"{first}\n{second}\n")

    assert list(ring) == [first.partition(":")[0], second.partition(":")[0]]


@pytest.mark.parametrize("text", ["", "a:", ":QUJD", "a:QUJD", "a:not base64 at all", "plain"])
def test_a_ring_that_is_not_one_is_refused(text: str):
    with pytest.raises(ValueError, match="must hold"):
        keys.parse_ring(text)


def test_a_refused_ring_is_not_quoted():
    with pytest.raises(ValueError, match="must hold") as refusal:
        keys.parse_ring("a:c2VjcmV0LXNlY3JldA==")

    assert "c2Vj" not in str(refusal.value)


def test_embedded_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path):
    made = keys.embedded(tmp_path)

    assert keys.embedded(tmp_path) == made
    files = list((tmp_path / "keys").iterdir())
    assert len(files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_missing_key_beside_data_is_an_error_and_not_a_new_key(tmp_path: Path):
    keys.embedded(tmp_path)
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    (tmp_path / "keys" / "credential-keys").unlink()

    with pytest.raises(ImproperlyConfigured, match="credential-keys is missing although"):
        keys.embedded(tmp_path)
    assert not (tmp_path / "keys" / "credential-keys").exists()
