"""People are managed by others, with every act recorded and duties kept apart."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import people
from accounts.errors import NotPossible
from accounts.models import ApiToken, RoleAssignment, User
from accounts.roles import SEPARATED, Role
from audit.models import Entry
from tests.factories import NOW, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return UserFactory(username="admin", roles=[Role.USER_ADMIN])


def last_entry() -> Entry:
    return Entry.objects.order_by("-id")[0]


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_a_person_is_let_in_with_roles_teams_and_a_record(admin: User):
    finance = TeamFactory(name="Finance")

    bob = people.create(
        username=" bob ",
        password=people.new_password(),
        by=admin,
        roles=[Role.ANALYST],
        scope=User.Scope.TEAMS,
        teams=[finance],
    )

    assert bob.username == "bob"
    assert fresh(bob).roles == {Role.ANALYST}
    assert last_entry().action == "accounts:user:create"
    assert last_entry().actor_id == admin.pk
    assert last_entry().after == {
        "username": "bob",
        "full_name": "",
        "email": "",
        "roles": ["analyst"],
        "scope": "teams",
        "teams": ["Finance"],
    }


def test_two_people_cannot_differ_only_in_the_case_of_their_names(admin: User):
    UserFactory(username="bob")

    with pytest.raises(NotPossible, match="already"):
        people.create(username="Bob", password="x" * 20, by=admin)


def test_the_audit_log_never_holds_a_password(admin: User):
    password = people.new_password()
    bob = people.create(username="bob", password=password, by=admin)
    again = people.reset_password(user_id=bob.pk, by=admin)

    written = "".join(str(row) for row in Entry.objects.values_list())

    assert password not in written
    assert again not in written
    assert fresh(bob).password not in written


def test_roles_are_given_and_taken_with_what_was_before(admin: User):
    bob = UserFactory(roles=[Role.VIEWER])

    people.grant_role(user_id=bob.pk, role=Role.ANALYST, by=admin)
    assert last_entry().before == {"roles": ["viewer"]}
    assert last_entry().after == {"roles": ["analyst", "viewer"]}

    people.revoke_role(user_id=bob.pk, role=Role.VIEWER, by=admin)
    assert last_entry().after == {"roles": ["analyst"]}
    assert fresh(bob).roles == {Role.ANALYST}


def test_nothing_is_recorded_when_nothing_changes(admin: User):
    bob = UserFactory(roles=[Role.VIEWER], scope=User.Scope.ALL)
    before = Entry.objects.count()

    people.grant_role(user_id=bob.pk, role=Role.VIEWER, by=admin)
    people.revoke_role(user_id=bob.pk, role=Role.ANALYST, by=admin)
    people.set_scope(user_id=bob.pk, scope=User.Scope.ALL, by=admin)
    people.set_teams(user_id=bob.pk, teams=[], by=admin)
    people.enable(user_id=bob.pk, by=admin)

    assert Entry.objects.count() == before


@pytest.mark.parametrize(
    "act",
    [
        lambda me: people.grant_role(user_id=me.pk, role=Role.VIEWER, by=me),
        lambda me: people.revoke_role(user_id=me.pk, role=Role.USER_ADMIN, by=me),
        lambda me: people.set_scope(user_id=me.pk, scope=User.Scope.TEAMS, by=me),
        lambda me: people.set_teams(user_id=me.pk, teams=[TeamFactory()], by=me),
        lambda me: people.disable(user_id=me.pk, by=me),
        lambda me: people.enable(user_id=me.pk, by=me),
        lambda me: people.reset_password(user_id=me.pk, by=me),
    ],
)
def test_nobody_changes_what_they_may_do_themselves(admin: User, act):
    UserFactory(roles=[Role.USER_ADMIN])

    with pytest.raises(NotPossible, match="You cannot"):
        act(admin)

    assert fresh(admin).roles == {Role.USER_ADMIN}
    assert fresh(admin).sees_everything


def test_the_database_refuses_a_role_given_to_oneself(admin: User):
    with pytest.raises(IntegrityError, match="role_not_granted_to_oneself"), transaction.atomic():
        RoleAssignment.objects.create(user=admin, role=Role.VIEWER, granted_by=admin)


@pytest.mark.parametrize("pair", list(combinations(Role, 2)), ids=str)
def test_separated_roles_never_meet_and_others_do(admin: User, pair: tuple[Role, Role]):
    """The table in accounts.roles, the verb and the trigger in the database agree on every pair."""
    is_separated = any({s.one, s.other} == set(pair) for s in SEPARATED)
    for one, other in (pair, pair[::-1]):
        bob = UserFactory(roles=[one])
        if is_separated:
            with pytest.raises(NotPossible, match="Nobody can be both"):
                people.grant_role(user_id=bob.pk, role=other, by=admin)
            with pytest.raises(IntegrityError, match="one person may not"), transaction.atomic():
                RoleAssignment.objects.create(user=bob, role=other)
        else:
            people.grant_role(user_id=bob.pk, role=other, by=admin)
            assert fresh(bob).roles == set(pair)


def test_an_update_cannot_bring_separated_roles_together():
    bob = UserFactory(roles=[Role.APPROVER, Role.VIEWER])

    with pytest.raises(IntegrityError, match="one person may not"), transaction.atomic():
        bob.role_assignments.filter(role=Role.VIEWER).update(role=Role.OPERATOR)


def test_a_role_is_swapped_for_one_it_excludes(admin: User):
    bob = UserFactory(roles=[Role.OPERATOR])

    people.set_roles(user_id=bob.pk, roles=[Role.APPROVER], by=admin)

    assert fresh(bob).roles == {Role.APPROVER}


def test_nobody_is_created_with_separated_roles(admin: User):
    with pytest.raises(NotPossible, match="Nobody can be both"):
        people.create(
            username="bob", password="x" * 20, by=admin, roles=[Role.AUDITOR, Role.OPERATOR]
        )

    assert not User.objects.filter(username="bob").exists()


@pytest.mark.parametrize("by_console", [True, False])
def test_the_last_active_user_administrator_stays(admin: User, by_console: bool):
    gone = UserFactory(roles=[Role.USER_ADMIN], is_active=False)
    by = None if by_console else gone

    with pytest.raises(NotPossible, match="last active user administrator"):
        people.disable(user_id=admin.pk, by=by)
    with pytest.raises(NotPossible, match="last active user administrator"):
        people.revoke_role(user_id=admin.pk, role=Role.USER_ADMIN, by=by)

    assert fresh(admin).is_active


def test_a_user_administrator_goes_when_another_stays(admin: User):
    other = UserFactory(roles=[Role.USER_ADMIN])

    people.disable(user_id=other.pk, by=admin)

    assert not fresh(other).is_active


def test_disabling_ends_tokens_and_records_each(admin: User):
    bob = UserFactory(roles=[Role.VIEWER])
    token = ApiToken.objects.create(
        user=bob,
        name="ci",
        prefix="p",
        digest="d",
        permissions=["x"],
        created_at=NOW.replace(year=2099),
        expires_at=NOW.replace(year=2099, month=4),
    )

    people.disable(user_id=bob.pk, by=admin)

    token.refresh_from_db()
    assert token.revoked_at is not None
    assert Entry.objects.filter(action="accounts:token:revoke", target_id=token.pk).exists()


def test_a_team_with_members_stays(admin: User):
    from accounts import teams

    team = teams.create(name="Labs", by=admin)
    bob = UserFactory(teams=[team])

    with pytest.raises(NotPossible, match="1 member"):
        teams.remove(team_id=team.pk, by=admin)

    people.set_teams(user_id=bob.pk, teams=[], by=admin)
    teams.remove(team_id=team.pk, by=admin)
    assert last_entry().action == "accounts:team:remove"


def test_teams_are_named_once_whatever_the_case(admin: User):
    from accounts import teams

    teams.create(name="Labs", by=admin)

    with pytest.raises(NotPossible, match="already a team"):
        teams.create(name="LABS", by=admin)


def at_once(*acts) -> list[object]:
    """Do these in a thread and a transaction each, starting together; what each raised, or None."""
    ready = threading.Barrier(len(acts))

    def do(act) -> object:
        connection.ensure_connection()  # it takes longer than what is raced for
        ready.wait()
        try:
            act()
        except (NotPossible, IntegrityError) as error:
            return error
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(do, acts))


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_shut_each_other_out_at_once():
    for _ in range(5):
        one, other = (UserFactory(roles=[Role.USER_ADMIN]) for _ in range(2))

        at_once(
            lambda one=one, other=other: people.disable(user_id=other.pk, by=one),
            lambda one=one, other=other: people.disable(user_id=one.pk, by=other),
        )

        left = User.objects.filter(is_active=True, role_assignments__role=Role.USER_ADMIN)
        assert left.count() == 1
        left.update(is_active=False)


@pytest.mark.django_db(transaction=True)
def test_separated_roles_cannot_be_given_at_once():
    for _ in range(5):
        bob = UserFactory()

        at_once(
            lambda bob=bob: RoleAssignment.objects.create(user=bob, role=Role.OPERATOR),
            lambda bob=bob: RoleAssignment.objects.create(user=bob, role=Role.APPROVER),
        )

        assert bob.role_assignments.count() == 1
