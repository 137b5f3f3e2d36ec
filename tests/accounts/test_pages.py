"""Pages about people, teams and tokens do what their buttons say."""

import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiToken, Team, User
from accounts.roles import Role
from audit.models import Entry
from tests.factories import TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


@pytest.fixture
def admin() -> User:
    return UserFactory(username="admin", roles=[Role.USER_ADMIN])


@pytest.fixture
def desk(admin: User) -> Client:
    return signed_in(admin)


def test_a_person_is_added_with_a_password_shown_once(desk: Client):
    team = TeamFactory(name="Labs")

    response = desk.post(
        "/settings/users/add/",
        {
            "username": "bob",
            "full_name": "Bob <b>Berg</b>",
            "email": "bob@example.org",
            "roles": ["analyst"],
            "scope": "teams",
            "teams": [team.pk],
        },
    )

    bob = User.objects.get(username="bob")
    page = response.content.decode()
    password = page.split("<code>")[1].split("</code>")[0]
    assert bob.check_password(password)
    assert bob.must_change_password
    assert "<b>Berg</b>" not in page
    assert password not in desk.get(f"/settings/users/{bob.pk}/").content.decode()


def test_two_duties_that_exclude_each_other_are_refused_with_a_reason(desk: Client):
    response = desk.post(
        "/settings/users/add/",
        {"username": "bob", "roles": ["operator", "approver"], "scope": "all"},
    )

    assert b"Nobody can be both operator and approver." in response.content
    assert b"accept the risks" in response.content
    assert not User.objects.filter(username="bob").exists()


def test_a_change_is_all_or_nothing(desk: Client, admin: User):
    address = f"/settings/users/{admin.pk}/edit/"

    response = desk.post(
        address, {"full_name": "The Boss", "roles": ["user-admin", "viewer"], "scope": "all"}
    )

    assert b"You cannot change your own roles." in response.content
    admin.refresh_from_db()
    assert admin.full_name == ""
    assert not Entry.objects.filter(action="accounts:user:describe").exists()


def test_a_person_is_changed(desk: Client):
    bob: User = UserFactory(username="bob", roles=[Role.VIEWER], scope="teams")
    labs = TeamFactory(name="Labs")

    response = desk.post(
        f"/settings/users/{bob.pk}/edit/",
        {"full_name": "Bob Berg", "roles": ["analyst"], "scope": "all", "teams": [labs.pk]},
        follow=True,
    )

    assert b"Bob Berg is changed." in response.content
    bob = User.objects.get(pk=bob.pk)
    assert bob.roles == {Role.ANALYST}
    assert bob.scope == "all"
    assert [team.name for team in bob.teams.all()] == ["Labs"]
    assert set(Entry.objects.values_list("action", flat=True)) >= {
        "accounts:user:describe",
        "accounts:role:revoke",
        "accounts:role:grant",
        "accounts:user:teams",
        "accounts:user:scope",
    }


def test_a_person_is_disabled_and_enabled(desk: Client):
    bob = UserFactory(username="bob")

    desk.post(f"/settings/users/{bob.pk}/disable/")
    assert not User.objects.get(pk=bob.pk).is_active
    desk.post(f"/settings/users/{bob.pk}/enable/")
    assert User.objects.get(pk=bob.pk).is_active


def test_a_password_is_reset_and_shown_once(desk: Client):
    bob = UserFactory(username="bob")

    page = desk.post(f"/settings/users/{bob.pk}/reset-password/").content.decode()

    password = page.split("<code>")[1].split("</code>")[0]
    assert User.objects.get(pk=bob.pk).check_password(password)


def test_an_auditor_reads_everything_about_people_and_changes_nothing():
    auditor = signed_in(UserFactory(roles=[Role.AUDITOR]))
    bob = UserFactory(username="bob")

    assert auditor.get(f"/settings/users/{bob.pk}/").status_code == 200
    assert b"Disable" not in auditor.get(f"/settings/users/{bob.pk}/").content
    for verb in ("disable", "enable", "edit", "reset-password"):
        assert auditor.post(f"/settings/users/{bob.pk}/{verb}/").status_code == 404


def test_people_are_found_by_name_team_role_and_state(desk: Client):
    labs = TeamFactory(name="Labs")
    UserFactory(username="bob", full_name="Bob Berg", teams=[labs], roles=[Role.ANALYST])
    UserFactory(username="cyd", is_active=False)

    def found(query: str) -> set[str]:
        page = desk.get(f"/settings/users/?{query}").content.decode()
        return {name for name in ("admin", "bob", "cyd") if f">{name}</span>" in page}

    assert found("q=berg") == {"bob"}
    assert found("q=labs") == {"bob"}
    assert found(f"team={labs.pk}") == {"bob"}
    assert found("role=analyst") == {"bob"}
    assert found("state=disabled") == {"cyd"}
    assert found("") == {"admin", "bob", "cyd"}
    for nonsense in ("q=%00", "role=%00", "team=%00", "state=%00", f"team={'9' * 30}"):
        assert found(nonsense) == set()


def test_the_list_of_people_costs_the_same_however_many(desk: Client):
    team = TeamFactory()
    desk.get("/settings/users/")
    costs = []
    for _ in range(3):
        for _ in range(10):
            UserFactory(roles=[Role.VIEWER, Role.ANALYST], teams=[team])
        with CaptureQueriesContext(connection) as queries:
            desk.get("/settings/users/")
        costs.append(len(queries))

    assert costs[0] == costs[2] <= 10


def test_a_team_is_added_renamed_and_removed(desk: Client):
    desk.post("/settings/teams/add/", {"name": "Labs"})
    team = Team.objects.get(name="Labs")
    assert b"already a team" in desk.post("/settings/teams/add/", {"name": "labs"}).content

    desk.post(f"/settings/teams/{team.pk}/", {"name": "Laboratories"})
    assert Team.objects.get().name == "Laboratories"

    desk.post(f"/settings/teams/{team.pk}/remove/")
    assert not Team.objects.exists()


def test_a_token_is_made_shown_once_and_revoked():
    alice = UserFactory(username="alice", roles=[Role.VIEWER])
    client = signed_in(alice)

    page = client.post(
        "/settings/tokens/add/",
        {"name": "ci", "permissions": ["findings:finding:read"], "days": "10"},
    ).content.decode()
    text = page.split("<code>")[1].split("</code>")[0]
    token = ApiToken.objects.get(user=alice)
    assert text.startswith("vmg_")
    assert text not in client.get("/settings/tokens/").content.decode()

    client.post(f"/settings/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None


@pytest.mark.parametrize(
    "data",
    [
        {"name": "ci", "permissions": ["audit:entry:read"], "days": "10"},
        {"name": "ci", "permissions": ["findings:finding:read"], "days": "91"},
        {"name": "ci", "permissions": [], "days": "10"},
        {"name": "", "permissions": ["findings:finding:read"], "days": "10"},
        {"name": "\x00", "permissions": ["findings:finding:read"], "days": "10"},
        {"name": "ci", "permissions": ["findings:finding:read"], "days": "9" * 5000},
    ],
)
def test_a_token_that_cannot_be_is_refused_on_its_form(data: dict[str, object]):
    client = signed_in(UserFactory(roles=[Role.VIEWER]))

    response = client.post("/settings/tokens/add/", data)

    assert response.status_code == 200
    assert b"invalid-feedback" in response.content
    assert not ApiToken.objects.exists()
