"""Whatever changes something is in the audit log (P20): each act is done once, as meant."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from audit.models import Entry
from findings.models import BulkAct, Comment, Plan, TaskFinding
from findings.remediation import plans, tasks
from findings.rules import RuleSet
from findings.triage.forms import shown_rules
from findings.waivers import deciding
from inventory.connectors import signing
from inventory.models import Source, SyncRun
from policies import registry
from tests.architecture.routes import Route, World, all_routes, expected_permission, holds
from tests.factories import PASSWORD, FindingFactory, UserFactory
from tests.inventory.carried import KEY, a_bundle

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "a quite different sentence"
BULK, REMARK, PLAN, FRESH = 77, 78, 79, 80


@dataclass(frozen=True)
class Act:
    """How an address is made to do what it is for, and what the log calls that."""

    recorded: str
    body: dict[str, Any] = field(default_factory=dict)
    before: Callable[[World], object] = lambda world: None
    method: str = "post"
    file: bytes = b""  # sent along, as a form does


def run_is(state: str) -> Callable[[World], object]:
    def prepare(world: World) -> object:
        return SyncRun.objects.filter(pk=world.home.run.pk).update(state=state, published_at=None)

    return prepare


def takes_bundles(world: World) -> object:
    return Source.objects.filter(pk=world.home.source.pk).update(
        connector=Source.Connector.BUNDLE,
        url="",
        instance_uuid="",
        published_at=None,
        trusted_key=signing.public_pem(KEY),
    )


def has_a_second_factor(world: World) -> object:
    return TOTP.activate(world.somebody, generate_totp_secret())


def is_signed_in_elsewhere(world: World) -> object:
    client = Client()
    client.force_login(User.objects.get(username="the-actor"))
    return client


def has_sorted_a_finding(world: World) -> object:
    return BulkAct.objects.create(
        pk=BULK,
        by=User.objects.get(username="the-actor"),
        at=timezone.now(),
        act={"act": "status", "to": "triaged"},
        changed=1,
        rows=[[world.home.finding.pk, world.home.finding.version, {"triage": "new"}]],
    )


def has_commented(world: World) -> object:
    person = User.objects.get(username="the-actor")
    return Comment.objects.create(
        pk=REMARK, finding=world.home.finding, by=person, at=timezone.now(), text="So."
    )


SOURCE = {
    "name": "vc-new",
    "url": "https://vc-new.example.org",
    "username": "reader",
    "password": "a password of a source",
    "trust": "system",
    "interval_minutes": "30",
}
BOOKS = {"name": "books", "connector": "rvtools", "interval_minutes": "1440"}
PERSON = {"full_name": "Some Body", "roles": ["analyst"], "scope": "all"}


def exception_is_approved(world: World) -> object:
    return deciding.approve(
        waiver_id=world.home.waiver.pk,
        version=0,
        by=UserFactory(username="the-decider", roles=[Role.APPROVER]),
        reason="Accepted.",
        now=timezone.now(),
    )


def has_another_finding(world: World) -> object:
    """Beside a plan of a known number: one that is open and in no plan."""
    Plan.objects.create(
        pk=PLAN, title="A plan", created_by=world.somebody, created_at=timezone.now()
    )
    return FindingFactory(pk=FRESH, asset=world.home.asset)


def has_planned_a_finding(world: World) -> object:
    finding = FindingFactory(pk=FRESH, asset=world.home.asset)
    return TaskFinding.objects.create(
        task=world.home.task, finding=finding, joined_at=timezone.now()
    )


def plan_is_closed(world: World) -> object:
    return plans.close(
        plan_id=world.home.plan.pk,
        version=0,
        why="Not now.",
        by=world.people[Role.ANALYST],
        now=timezone.now(),
    )


def task_is_claimed(world: World) -> object:
    return tasks.claim(
        task_id=world.home.task.pk, by=world.people[Role.ANALYST], now=timezone.now()
    )


IN_TEN_DAYS = timezone.now() + timedelta(days=10)
IN_TEN_WEEKS = timezone.now() + timedelta(days=70)
REQUEST = {
    "check": registry.all_checks()[0].id,
    "ground": "accepted",
    "reason": "The vendor is late.",
}
REASON = {"version": 0, "reason": "Because."}
APPROVED = {"version": 1, "reason": "Because."}
ACTS: dict[str, Act] = {
    "account_change_password": Act(
        "accounts:user:change-password",
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    ),
    "account_login": Act("accounts:session:open", {"login": "somebody", "password": PASSWORD}),
    "account_logout": Act("accounts:session:close"),
    "accounts:session-end": Act("accounts:session:end"),
    "accounts:session-end-others": Act(
        "accounts:session:end-others", before=is_signed_in_elsewhere
    ),
    "accounts:team-add": Act("accounts:team:create", {"name": "Labs"}),
    "accounts:team-edit": Act("accounts:team:rename", {"name": "Laboratories"}),
    "accounts:team-remove": Act("accounts:team:remove"),
    "accounts:token-add": Act(
        "accounts:token:create",
        {"name": "ci", "permissions": ["findings:finding:read"], "days": "9"},
    ),
    "accounts:token-revoke": Act("accounts:token:revoke"),
    "accounts:user-add": Act("accounts:user:create", {"username": "new", **PERSON}),
    "accounts:user-disable": Act("accounts:user:disable"),
    "accounts:user-edit": Act("accounts:role:grant", PERSON),
    "accounts:user-end-sessions": Act("accounts:session:end-all"),
    "accounts:user-remove-factor": Act("accounts:factor:reset", before=has_a_second_factor),
    "accounts:user-enable": Act(
        "accounts:user:enable",
        before=lambda w: User.objects.filter(pk=w.somebody.pk).update(is_active=False),
    ),
    "accounts:user-reset-password": Act("accounts:user:reset-password"),
    "api:finding-bulk": Act(
        "findings:finding:work", {"filter": "", "act": {"act": "comment", "text": "Hello."}}
    ),
    "api:finding-comments": Act("findings:finding:work", {"text": "Hello."}),
    "api:finding-detail": Act(
        "findings:finding:work", {"status": "triaged", "version": 0}, method="patch"
    ),
    "api:finding-undo": Act("findings:finding:work", {"id": BULK}, before=has_sorted_a_finding),
    "api:finding-view-list": Act("findings:view:save", {"name": "Web", "query": "team=Web"}),
    "api:plan-close": Act("findings:plan:manage", {"version": 0, "reason": "Not now."}),
    "api:plan-detail": Act("findings:plan:manage", {"version": 0, "goal": "Less."}, method="patch"),
    "api:plan-list": Act("findings:plan:manage", {"title": "New", "query": "q=snapshot"}),
    "api:plan-reopen": Act("findings:plan:manage", {"version": 1}, before=plan_is_closed),
    "api:plan-task-claim": Act("findings:finding:work"),
    "api:plan-task-detail": Act(
        "findings:plan:manage", {"version": 0, "note": "By night."}, method="patch"
    ),
    "api:plan-task-take-back": Act("findings:finding:work", before=task_is_claimed),
    "api:source-bundle": Act("inventory:run:start", before=takes_bundles, file=a_bundle()),
    "api:source-sync": Act("inventory:run:start"),
    "api:waiver-list": Act(
        "findings:waiver:request", {**REQUEST, "expires_at": IN_TEN_DAYS.isoformat()}
    ),
    "api:waiver-review": Act("findings:waiver:review", {"version": 0}),
    "api:waiver-approve": Act("findings:waiver:approve", REASON),
    "api:waiver-reject": Act("findings:waiver:reject", REASON),
    "api:waiver-revoke": Act("findings:waiver:revoke", APPROVED, before=exception_is_approved),
    "api:waiver-withdraw": Act("findings:waiver:withdraw", REASON),
    "api:waiver-extend": Act(
        "findings:waiver:request",
        {**APPROVED, "expires_at": IN_TEN_WEEKS.isoformat()},
        before=exception_is_approved,
    ),
    "findings:waiver-ask": Act(
        "findings:waiver:request", {**REQUEST, "ends_on": f"{IN_TEN_DAYS:%Y-%m-%d}"}
    ),
    "findings:waiver-review": Act("findings:waiver:review", {"version": 0}),
    "findings:waiver-approve": Act("findings:waiver:approve", REASON),
    "findings:waiver-reject": Act("findings:waiver:reject", REASON),
    "findings:waiver-revoke": Act("findings:waiver:revoke", APPROVED, before=exception_is_approved),
    "findings:waiver-withdraw": Act("findings:waiver:withdraw", REASON),
    "findings:waiver-extend": Act(
        "findings:waiver:request",
        {**APPROVED, "ground": "accepted", "ends_on": f"{IN_TEN_WEEKS:%Y-%m-%d}"},
        before=exception_is_approved,
    ),
    "findings:bulk": Act(
        "findings:finding:work", {"all": "", "act": "comment", "text": "Hello.", "shown": "1"}
    ),
    "findings:bulk-undo": Act("findings:finding:work"),
    "findings:comment-change": Act(
        "findings:finding:work", {"comment": REMARK, "text": "Otherwise."}, before=has_commented
    ),
    "findings:decide": Act(
        "findings:finding:work", {"act": "status", "to": "triaged", "version": "0"}
    ),
    "findings:add-to-plan": Act(
        "findings:plan:manage", {"plan": PLAN, "finding": FRESH}, before=has_another_finding
    ),
    "findings:claim-task": Act("findings:finding:work"),
    "findings:close-plan": Act("findings:plan:manage", {"version": "0", "why": "Not now."}),
    "findings:edit-plan": Act("findings:plan:manage", {"version": "0", "title": "Another"}),
    "findings:edit-task": Act("findings:plan:manage", {"version": "0", "title": "Another"}),
    "findings:new-plan": Act(
        "findings:plan:manage", {"title": "New", "grouping": "check", "query": "q=snapshot"}
    ),
    "findings:reopen-plan": Act("findings:plan:manage", before=plan_is_closed),
    "findings:take-back-task": Act("findings:finding:work", before=task_is_claimed),
    "findings:take-out-of-plan": Act(
        "findings:plan:manage",
        {"finding": FRESH, "why": "Elsewhere."},
        before=has_planned_a_finding,
    ),
    "findings:rules-change": Act(
        "findings:rules:change",
        {k: v for k, v in shown_rules(RuleSet(), 0).items() if v is not None},
    ),
    "findings:view-change": Act("findings:view:default", {"act": "no-default"}),
    "findings:view-save": Act("findings:view:save", {"name": "Web", "query": "team=Web"}),
    "findings:notice-settings": Act("findings:notice:choose"),
    "inventory:add-files": Act("inventory:source", BOOKS),
    "inventory:add-source": Act("inventory:source", SOURCE),
    "inventory:cancel-run": Act("inventory:run:start", before=run_is("queued")),
    "inventory:discard-run": Act("inventory:run:release", before=run_is("held")),
    "inventory:edit-source": Act("inventory:source", SOURCE),
    "inventory:release-run": Act("inventory:run:release", before=run_is("held")),
    "inventory:switch-source": Act("inventory:source"),
    "inventory:sync": Act("inventory:run:start"),
    "inventory:upload": Act("inventory:run:start", before=takes_bundles, file=a_bundle()),
    "policies:configure": Act("policies:check", {"is_enabled": "", "severity": "low"}),
}
# What takes POST and keeps nothing of it, or does so where tests/accounts/test_sign_in.py looks.
NO_ACT = frozenset(
    {
        "account_reauthenticate",
        "accounts:sso-acs",  # tests/accounts/sso
        "findings:notice-open",  # one's own mark of having read
        "findings:notices-read",
        "inventory:home",  # sends on to the list of machines
        "inventory:certificate",  # fetches a certificate to show it
        "inventory:test-new",  # tries a connection
        "inventory:test-source",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_authenticate",
        "mfa_deactivate_totp",
        "mfa_edit_webauthn",
        "mfa_generate_recovery_codes",
        "mfa_login_webauthn",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "mfa_remove_webauthn",
        "mfa_view_recovery_codes",
        "ui:density",  # a cookie
        "ui:theme",
    }
)


def takes_post(route: Route) -> bool:
    """Whether the view, or the action, was written to take POST and the like."""
    if route.is_api:
        return bool({"post", "put", "patch", "delete"} & set(getattr(route.view, "actions", {})))
    by_class = getattr(route.view, "view_class", None)
    if by_class is not None:
        return hasattr(by_class, "post")
    return "POST" in inspect.getsource(inspect.unwrap(route.view))


def test_every_address_that_takes_post_is_an_act_or_said_to_be_none():
    found = {r.name for r in all_routes() if r.declared is not None and takes_post(r)}

    assert found - NO_ACT == set(ACTS)


@pytest.mark.parametrize("name", sorted(ACTS))
def test_an_act_is_recorded_by_its_name(name: str):
    world, act = World(), ACTS[name]
    [route] = [route for route in all_routes() if route.name == name]
    permission = expected_permission(route, act.method.upper())
    role = next(
        (role for role in Role if permission and ":" in permission and holds(role, permission)),
        Role.VIEWER,
    )
    person = UserFactory(username="the-actor", roles=[role])
    client = Client()
    if name != "account_login":
        client.force_login(person)
        session = client.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
        session["account_authentication_methods_user"] = str(person.pk)
        session.save()
    if name == "accounts:team-remove":
        world.home.team.members.clear()
    address = world.address(route, person)
    act.before(world)
    newest = Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0

    sent = {"content_type": "application/json"} if route.is_api and not act.file else {}
    body = act.body | ({"file": SimpleUploadedFile("f", act.file)} if act.file else {})
    response = getattr(client, act.method)(address, body, **sent)

    assert response.status_code < 400, response.content
    done = Entry.objects.filter(id__gt=newest)
    assert [e.action for e in done if e.action.startswith(act.recorded)], (
        response.status_code,
        [e.action for e in done],
    )
    assert {e.via for e in done} == {"api" if route.is_api else "page"}
