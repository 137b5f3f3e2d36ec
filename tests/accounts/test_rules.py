"""The rules that people read are the rules that hold."""

from io import StringIO
from pathlib import Path

from django.core.management import call_command

from accounts.permissions import WORDS, Permission
from accounts.roles import MEANINGS, ROLES, Role, conflict

DOCUMENT = Path(__file__).parents[2] / "docs" / "authorisation.md"


def test_the_committed_document_is_current():
    out = StringIO()
    call_command("authorisation_reference", stdout=out)

    assert DOCUMENT.read_text(encoding="utf-8") == out.getvalue(), (
        "run: manage.py authorisation_reference > docs/authorisation.md"
    )


def test_every_role_is_explained_and_grants_something():
    assert set(ROLES) == set(MEANINGS) == set(Role)
    assert all(ROLES.values())
    assert set(WORDS) == set(Permission)


def test_an_auditor_holds_nothing_that_changes_anything():
    reading = {"read", "export"}
    beyond = {p for p in ROLES[Role.AUDITOR] if p.rpartition(":")[2] not in reading}

    assert beyond == {Permission.TOKEN_MANAGE}


def test_no_allowed_set_of_roles_unites_managing_people_with_other_duties():
    duties = {Permission.WAIVER_APPROVE, Permission.SOURCE_MANAGE, Permission.USER_MANAGE}
    for one in Role:
        for other in Role:
            if conflict({one, other}) is None:
                assert len(duties & (ROLES[one] | ROLES[other])) <= 1, (one, other)
