"""Where PostgreSQL's user cannot reach, it is brought to."""

import subprocess
from pathlib import Path

import pytest

from vmgov import postgres


def test_a_copy_of_the_programs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "ROOT_HOME", tmp_path / "home")

    copy = postgres._copied_for_others(postgres.binaries().parent)

    for program in ("postgres", "initdb"):
        said = subprocess.run([copy / "bin" / program, "--version"], capture_output=True, text=True)
        assert said.stdout.startswith(program), said.stderr
    assert postgres._copied_for_others(postgres.binaries().parent) == copy
    assert [path.name for path in (tmp_path / "home").iterdir()] == [copy.parents[1].name]


def test_a_socket_folder_is_never_too_long_for_a_socket(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "_runs_as_other", lambda: False)

    for length in range(1, 200):
        folder = postgres.socket_folder(Path("/" + "x" * length))
        assert len(str(folder / ".s.PGSQL.5432.lock").encode()) <= 107


def test_two_installations_never_share_a_socket_folder():
    deep = "x" * 150

    assert postgres.socket_folder(Path(f"/a/{deep}")) != postgres.socket_folder(Path(f"/b/{deep}"))
