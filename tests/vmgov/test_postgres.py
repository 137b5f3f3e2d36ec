"""Where PostgreSQL's user cannot reach, it is brought to."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
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


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    with tempfile.TemporaryDirectory(prefix="vmgov-var-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL's user has to pass through
        yield postgres.Server(var_dir=Path(folder), password="a password")


def answers(server: postgres.Server) -> bool:
    with server.connect(postgres.DATABASE) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_it_starts_while_the_one_before_is_still_ending(server: postgres.Server):
    server.start(bound_to_this_process=True)
    session = server.connect(postgres.DATABASE)
    before = server.pid()
    assert before is not None
    os.kill(before, signal.SIGTERM)  # "smart": it waits for its last session and takes no new one

    again = postgres.Server(var_dir=server.var_dir, password=server.password)
    threading.Timer(2, session.close).start()
    again.start(bound_to_this_process=True)

    assert server.process is not None
    assert server.process.wait(10) == 0
    assert answers(again)
    assert again.pid() != before
    again.stop()
    server.stop()
    assert again.pid() is None


def test_a_note_that_names_another_program_does_not_keep_it_from_starting(server: postgres.Server):
    server.start(bound_to_this_process=True)
    server.stop()
    note = server.data / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{server.data}\n0\n5432\n\n\n0 0\nready\n")
    note.chmod(0o644)

    assert server.pid() is None
    with postgres.running(server):
        assert answers(server)


def test_one_that_fails_to_start_leaves_the_others_their_server(
    server: postgres.Server, monkeypatch: pytest.MonkeyPatch
):
    server.start(bound_to_this_process=True)
    monkeypatch.setattr(postgres, "START_SECONDS", 1)
    stranger = postgres.Server(var_dir=server.var_dir, password="a wrong one")

    with pytest.raises(postgres.PostgresFailed, match="does not answer"):
        stranger.start(bound_to_this_process=False)

    assert answers(server)
    server.stop()
    assert server.pid() is None


def test_two_installations_never_share_a_socket_folder():
    deep = "x" * 150

    assert postgres.socket_folder(Path(f"/a/{deep}")) != postgres.socket_folder(Path(f"/b/{deep}"))
