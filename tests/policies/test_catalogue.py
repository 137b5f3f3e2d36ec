from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from policies.catalogue import Parameter, page, pages, parameters
from policies.document import load
from policies.registry import all_checks, get

FOLDER = Path(__file__).parents[2] / "docs" / "checks"


def test_the_committed_catalogue_is_current():
    wanted = pages(all_checks(), load())

    assert {path.name for path in FOLDER.glob("*")} == set(wanted), "run manage.py catalogue"
    for name, text in wanted.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "run manage.py catalogue"


def test_a_page_says_what_decides_why_and_how_to_fix():
    text = page(get("vm-snapshot-age"), load())

    assert "# Snapshots are removed within the allowed age" in text
    assert "`vm-snapshot-age`" in text
    assert "IR-10, Machines can be brought back quickly" in text
    assert "| `max_age_days` | Days a snapshot may be kept | whole number from 0 | `3` |" in text
    assert "## How to fix it on vSphere" in text


def test_parameters_are_described_with_their_defaults():
    mode, *rest = parameters(get("host-management-nic-dedicated").params)

    assert rest == []
    assert mode == Parameter(
        name="mode",
        type="one of logical, physical",
        default="physical",
        description=mode.description,
    )


def test_every_parameter_of_every_check_has_a_type_in_words():
    for check in all_checks():
        for parameter in parameters(check.params):
            assert parameter.description, (check.id, parameter.name)
            assert parameter.type, (check.id, parameter.name)


def test_the_index_names_every_check_and_every_uncovered_statement():
    index = pages(all_checks(), load())["index.md"]

    assert all(f"]({check.id}.md)" in index for check in all_checks())
    assert "- IR-11 " in index
    assert "- PHY-1 " not in index


def test_the_command_finds_the_catalogue_current():
    out = StringIO()

    call_command("catalogue", "--check", stdout=out)

    assert "current" in out.getvalue()


def test_the_command_names_stale_pages_and_mends_them(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match=r"index\.md"):
        call_command("catalogue", "--check")

    call_command("catalogue", stdout=StringIO())
    (tmp_path / "docs" / "checks" / "vm-long-gone.md").write_text("old")
    with pytest.raises(CommandError, match=r"vm-long-gone\.md"):
        call_command("catalogue", "--check")

    call_command("catalogue", stdout=StringIO())
    call_command("catalogue", "--check", stdout=StringIO())
