"""The shipped document in the database, however often it is loaded."""

from __future__ import annotations

import msgspec
import pytest
from django.core.management import call_command

from policies.document import load
from policies.loading import load_shipped, synchronise
from policies.models import PolicyDocument, Statement

pytestmark = pytest.mark.django_db


def test_loading_twice_changes_nothing(capsys: pytest.CaptureFixture[str]):
    call_command("load_policies")
    before = list(Statement.objects.values())

    again = load_shipped()

    assert (again.added, again.changed, again.removed) == (0, 0, 0)
    assert list(Statement.objects.values()) == before
    assert f"{len(before)} added" in capsys.readouterr().out


def test_a_statement_that_changed_keeps_its_row():
    document = load()
    synchronise(document)
    first = document.statements[0]
    pk = Statement.objects.get(code=first.id).pk
    changed = msgspec.structs.replace(first, title="Another title")

    loaded = synchronise(
        msgspec.structs.replace(document, statements=(changed, *document.statements[1:]))
    )

    assert loaded.changed == 1
    assert Statement.objects.get(code=first.id).pk == pk
    assert Statement.objects.get(code=first.id).title == "Another title"


def test_a_statement_that_was_dropped_goes():
    document = load()
    synchronise(document)

    loaded = synchronise(msgspec.structs.replace(document, statements=document.statements[1:]))

    assert loaded.removed == 1
    assert not Statement.objects.filter(code=document.statements[0].id).exists()
    assert PolicyDocument.objects.count() == 1
