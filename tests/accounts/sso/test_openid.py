"""Signing in at a real OpenID provider: who gets in, with which roles, and who does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from accounts import people
from accounts.errors import NotPossible
from accounts.models import RoleAssignment, User
from accounts.roles import Role
from audit.models import Entry
from tests.accounts.sso.conftest import Browser, Corp
from tests.accounts.test_sign_in import sign_in, who
from tests.factories import PASSWORD, TeamFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.integration]


def roles_of(username: str) -> set[str]:
    return set(
        RoleAssignment.objects.filter(user__username=username).values_list("role", flat=True)
    )


def refusals() -> list[tuple[str, str | None]]:
    found = Entry.objects.filter(action="accounts:session:refuse-provider").order_by("id")
    return [((entry.after or {})["reason"], entry.target_id or None) for entry in found]


def test_the_first_sign_in_makes_the_person_with_what_their_groups_give(
    corp: Corp, visitor: Browser
):
    web = TeamFactory(name="Web")
    corp.people.put("anna", "vm-analysts", "everybody", name="Anna Lie")

    response = visitor.sign_in("anna", query="?next=/findings/")

    assert response["Location"] == "/findings/"
    assert who(visitor.ours) == "anna@corp"
    anna = User.objects.get(username="anna@corp")
    assert (anna.full_name, anna.email, anna.scope) == ("Anna Lie", "anna@example.org", "teams")
    assert set(anna.teams.all()) == {web}
    assert roles_of("anna@corp") == {"analyst"}
    assert not anna.has_usable_password()
    actions = set(Entry.objects.values_list("action", flat=True))
    assert {"accounts:user:create", "accounts:role:follow-provider", "accounts:session:open"} <= (
        actions
    )


def test_a_user_administrator_sees_where_somebody_signs_in(corp: Corp, visitor: Browser):
    corp.people.put("anna", "vm-analysts")
    visitor.sign_in("anna")
    admin = Client()
    UserFactory(username="ulla", roles=[Role.USER_ADMIN])
    sign_in(admin, "ulla")
    anna = User.objects.get(provider="corp")

    page = admin.get(f"/settings/users/{anna.pk}/").content.decode()
    assert "Halden ID" in page
    assert "Reset password" not in page
    form = admin.get(f"/settings/users/{anna.pk}/edit/").content.decode()
    assert "follow it at the next sign-in" in form


def test_the_page_for_signing_in_leads_there_and_on_to_the_wanted_page(corp: Corp, client: Any):
    page = client.get("/accounts/login/?next=/findings/").content.decode()

    assert "Sign in with Halden ID" in page
    assert "/accounts/sso/corp/?next=%2Ffindings%2F" in page


def test_roles_follow_groups_at_each_sign_in(corp: Corp, a_visitor: Callable[[], Browser]):
    corp.people.put("anna", "vm-analysts")
    first = a_visitor()
    first.sign_in("anna")

    corp.people.put("anna", "vm-auditors")
    a_visitor().sign_in("anna")

    assert roles_of("anna@corp") == {"auditor"}
    assert User.objects.get(username="anna@corp").scope == User.Scope.ALL
    assert first.ours.get("/settings/audit/").status_code == 200  # the older session follows too


def test_a_group_that_is_gone_takes_its_role_and_every_session(
    corp: Corp, a_visitor: Callable[[], Browser]
):
    corp.people.put("anna", "vm-analysts")
    first, second = a_visitor(), a_visitor()
    first.sign_in("anna")

    corp.people.put("anna", "everybody")
    response = second.sign_in("anna")

    assert response.status_code == 403
    assert b"none of your groups there opens anything here" in response.content
    assert roles_of("anna@corp") == set()
    assert who(first.ours) is None
    assert who(second.ours) is None
    assert refusals() == [("no-role", str(User.objects.get(username="anna@corp").pk))]


def test_without_a_mapped_group_nobody_is_made(corp: Corp, visitor: Browser):
    corp.people.put("mallory", "everybody")

    response = visitor.sign_in("mallory")

    assert response.status_code == 403
    assert not User.objects.exists()
    assert refusals() == [("no-role", None)]


def test_roles_that_are_kept_apart_are_refused_and_taken(
    corp: Corp, a_visitor: Callable[[], Browser]
):
    corp.people.put("ole", "vm-operators")
    a_visitor().sign_in("ole")
    corp.people.put("ole", "vm-operators", "vm-approvers")

    response = a_visitor().sign_in("ole")

    assert response.status_code == 403
    assert b"operator and approver, and nobody can be both" in response.content
    assert roles_of("ole@corp") == set()
    assert [reason for reason, _ in refusals()] == ["separated"]
    ole = User.objects.get(username="ole@corp")
    RoleAssignment.objects.create(user=ole, role="operator")
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleAssignment.objects.create(user=ole, role="approver")


def test_a_local_account_is_never_taken_over(corp: Corp, visitor: Browser):
    local = UserFactory(username="anna", email="anna@example.org", roles=[Role.USER_ADMIN])
    squatter = UserFactory(username="anna@corp")
    corp.people.put("anna", "vm-analysts", email_verified=True)

    visitor.sign_in("anna")

    made = User.objects.get(provider="corp")
    assert made.username == "anna-2@corp"
    assert made.pk not in {local.pk, squatter.pk}
    assert roles_of("anna") == {"user-admin"}
    assert roles_of("anna@corp") == set()


def test_a_name_that_changes_there_stays_one_person_and_one_reused_is_another(
    corp: Corp, a_visitor: Callable[[], Browser]
):
    corp.people.put("s-1", "vm-analysts", preferred_username="anna")
    a_visitor().sign_in("s-1")
    corp.people.put("s-1", "vm-analysts", preferred_username="anna.berg", name="Anna Berg")
    a_visitor().sign_in("s-1")
    corp.people.put("s-2", "vm-auditors", preferred_username="anna")
    a_visitor().sign_in("s-2")

    found = {u.subject: (u.username, u.full_name) for u in User.objects.all()}
    assert found == {"s-1": ("anna@corp", "Anna Berg"), "s-2": ("anna-2@corp", "S-2")}


@pytest.mark.parametrize(
    "name", ["<script>", "a\r\nb", "ad\u202emin", "Ａdmin", " ", "x" * 300, "a/../b"]
)
def test_a_hostile_name_becomes_a_plain_one(corp: Corp, visitor: Browser, name: str):
    corp.people.put("s-9", "vm-analysts", preferred_username=name, name=name, email=name)

    visitor.sign_in("s-9")

    made = User.objects.get(provider="corp")
    assert made.username.endswith("@corp")
    assert made.username.isascii()
    assert made.username.isprintable()
    assert len(made.username) <= 150
    assert "\u202e" not in made.full_name
    assert "\n" not in made.full_name
    assert made.email == ""


def test_who_comes_from_a_provider_has_no_password_here(corp: Corp, visitor: Browser, client: Any):
    corp.people.put("anna", "vm-analysts")
    visitor.sign_in("anna")
    anna = User.objects.get(username="anna@corp")

    sign_in(client, "anna@corp", "")
    sign_in(client, "anna@corp", PASSWORD)
    assert who(client) is None
    with pytest.raises(NotPossible, match="signs in at corp"):
        people.reset_password(user_id=anna.pk, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=anna.pk).update(password="argon2$known")


def test_a_disabled_person_is_not_let_in(corp: Corp, a_visitor: Callable[[], Browser]):
    corp.people.put("anna", "vm-analysts")
    a_visitor().sign_in("anna")
    people.disable(user_id=User.objects.get().pk, by=None)

    back = a_visitor()
    response = back.sign_in("anna")

    assert response.status_code == 403
    assert b"disabled" in response.content
    assert who(back.ours) is None


def test_our_second_factor_is_asked_unless_the_provider_s_counts(
    corp: Corp, a_visitor: Callable[[], Browser], settings: Any
):
    settings.REQUIRE_SECOND_FACTOR = True
    corp.people.put("ole", "vm-operators")
    plain = a_visitor()
    plain.sign_in("ole", amr="mfa")
    assert who(plain.ours) is None
    assert plain.ours.get("/sources/")["Location"] == "/accounts/2fa/"

    settings.SSO_PROVIDERS = corp.configured(second_factor='["mfa"]')
    weak, strong = a_visitor(), a_visitor()
    weak.sign_in("ole", amr="pwd")
    strong.sign_in("ole", amr="pwd,mfa")

    assert who(weak.ours) is None
    assert who(strong.ours) == "ole@corp"


def test_a_factor_set_up_here_is_asked_for_after_the_provider(
    corp: Corp, a_visitor: Callable[[], Browser]
):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    corp.people.put("anna", "vm-analysts")
    a_visitor().sign_in("anna")
    TOTP.activate(User.objects.get(), generate_totp_secret())

    back = a_visitor()
    response = back.sign_in("anna")

    assert response["Location"].startswith("/accounts/2fa/authenticate/")
    assert who(back.ours) is None


def test_showing_again_who_one_is_takes_a_new_sign_in_there(
    corp: Corp, a_visitor: Callable[[], Browser]
):
    corp.people.put("anna", "vm-analysts")
    corp.people.put("bob", "vm-analysts")
    visitor = a_visitor()
    visitor.sign_in("anna")  # the provider does not say when she signed in there

    asked = visitor.ours.get("/settings/tokens/add/")
    page = visitor.ours.get(asked["Location"], follow=True)
    assert page.request["PATH_INFO"] == "/accounts/sso/again/"
    assert b"/accounts/sso/corp/?again=1&amp;next=/settings/tokens/add/" in page.content
    response = visitor.sign_in("anna", query="?again=1&next=/settings/tokens/add/")
    assert response["Location"] == "/settings/tokens/add/"
    assert visitor.ours.get("/settings/tokens/add/").status_code == 200

    with time_machine.travel(time.time() + 400, tick=True):
        assert visitor.ours.get("/settings/tokens/add/").status_code == 302
    visitor.theirs.cookies.clear()
    refused = visitor.sign_in("bob", query="?again=1")
    assert b"as somebody else than you are here" in refused.content
    assert who(visitor.ours) == "anna@corp"


def test_cancelling_there_is_no_sign_in_here(corp: Corp, visitor: Browser):
    response = visitor.sign_in("nobody")

    assert response.status_code == 403
    assert b"did not sign you in" in response.content
    assert who(visitor.ours) is None


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    corp: Corp, a_visitor: Callable[[], Browser]
):
    corp.people.put("mallory", "vm-analysts")
    attacker, victim = a_visitor(), a_visitor()
    address = attacker.walk(attacker.leave(), "mallory")

    for response in (
        victim.arrive(address),
        victim.arrive(address, state=None),
        victim.arrive(address, state=""),
    ):
        assert response.status_code == 403
        assert b"not begun in this browser" in response.content
    victim.leave()
    assert victim.arrive(address).status_code == 403
    assert who(victim.ours) is None
    assert not User.objects.exists()


def test_an_answer_works_once(corp: Corp, visitor: Browser):
    corp.people.put("anna", "vm-analysts")
    address = visitor.walk(visitor.leave(), "anna")
    visitor.arrive(address)
    visitor.ours.post("/accounts/logout/")

    assert visitor.arrive(address).status_code == 403
    assert who(visitor.ours) is None


def test_a_code_of_another_browser_or_client_is_worth_nothing(
    corp: Corp, a_visitor: Callable[[], Browser], settings: Any
):
    corp.people.put("anna", "vm-analysts")
    corp.people.put("mallory", "vm-analysts")
    attacker, victim = a_visitor(), a_visitor()
    stolen = victim.walk(victim.leave(), "anna").partition("code=")[2].partition("&")[0]

    mine = attacker.walk(attacker.leave(), "mallory")
    assert attacker.arrive(mine, code=stolen).status_code == 403  # PKCE: her browser asked for it
    settings.SSO_PROVIDERS = corp.configured(client_id='"somebody-elses"')
    other = attacker.walk(attacker.leave(), "anna")
    settings.SSO_PROVIDERS = corp.configured()
    assert attacker.arrive(other).status_code == 403

    assert who(attacker.ours) is None
    assert {reason for reason, _ in refusals()} == {"provider-error"}


def test_an_answer_in_the_name_of_another_issuer_is_refused(corp: Corp, visitor: Browser):
    corp.people.put("anna", "vm-analysts")
    address = visitor.walk(visitor.leave(), "anna")

    assert visitor.arrive(address, iss="https://evil.example").status_code == 403
    address = visitor.walk(visitor.leave(), "anna")
    assert visitor.arrive(address, iss=None).status_code == 403
    assert {reason for reason, _ in refusals()} == {"wrong-issuer"}
    assert who(visitor.ours) is None


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_nobody_is_sent_elsewhere_afterwards(corp: Corp, visitor: Browser, target: str):
    corp.people.put("anna", "vm-analysts")

    assert visitor.sign_in("anna", query=f"?next={target}")["Location"] == "/"


def test_a_provider_that_is_away_is_said_to_be(corp: Corp, visitor: Browser, settings: Any):
    settings.SSO_PROVIDERS = corp.configured(issuer='"http://127.0.0.1:9"')

    response = visitor.ours.get("/accounts/sso/corp/")

    assert response.status_code == 403
    assert b"did not answer" in response.content
    assert refusals() == []  # whoever likes can ask for this page


def test_without_a_provider_no_address_opens(client: Any):
    for address in ("", "callback/", "finish/", "metadata/"):
        assert client.get(f"/accounts/sso/corp/{address}").status_code == 404
    assert client.post("/accounts/sso/corp/acs/", {"SAMLResponse": "x"}).status_code == 404
