"""Every address of the application with what it declares, and a real object for each parameter.

A new route with a parameter needs one line in `World.arguments`; the matrix says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts import tokens
from accounts.access import API, declared_access
from accounts.models import Team, User
from accounts.permissions import Permission
from accounts.roles import ROLES, Role
from findings.models import Announcement, BulkAct, Notice, Waiver
from findings.remediation import plans
from inventory.models import AssetVersion
from inventory.records import Host, Platform
from policies import registry
from policies.models import PolicyDocument, Statement
from tests.factories import (
    AssetFactory,
    FindingFactory,
    SourceFactory,
    SyncRunFactory,
    TeamFactory,
    UserFactory,
    VerdictFactory,
)
from tests.policies.builders import a_principal

# Who looks at a page: the first of these who may.
LOOKERS = (
    Role.ANALYST,
    Role.APPROVER,
    Role.OPERATOR,
    Role.REMEDIATOR,
    Role.AUDITOR,
    Role.USER_ADMIN,
)


@dataclass(frozen=True)
class Route:
    """One URL pattern: its full name, its view and the names of its parameters."""

    name: str
    view: Callable[..., Any]
    parameters: frozenset[str]
    defaults: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def declared(self) -> str | None:
        return declared_access(self.view, self.name)

    @property
    def is_api(self) -> bool:
        return self.declared == API

    def action(self, method: str) -> str:
        """What Django REST framework calls this method here."""
        actions: dict[str, str] | None = getattr(self.view, "actions", None)
        if actions is None:
            return method
        if method == "OPTIONS":
            return "metadata"
        return actions.get("get" if method == "HEAD" else method.lower()) or method


def all_routes(urlconf: str | None = None) -> list[Route]:
    """Every URL pattern, found by walking the resolver."""
    return list(_walk(get_resolver(urlconf).url_patterns, (), frozenset()))


def _walk(
    patterns: list[URLPattern | URLResolver], spaces: tuple[str, ...], parameters: frozenset[str]
) -> Iterator[Route]:
    for pattern in patterns:
        found = parameters | _parameters(pattern)
        if isinstance(pattern, URLResolver):
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            yield from _walk(pattern.url_patterns, inner, found)
        else:
            name = ":".join((*spaces, pattern.name or f"<unnamed {pattern.pattern}>"))
            yield Route(name, pattern.callback, found, pattern.default_args)


def _parameters(pattern: URLPattern | URLResolver) -> frozenset[str]:
    inner: Any = pattern.pattern
    named = getattr(inner, "regex", None)
    return frozenset(getattr(inner, "converters", {})) | frozenset(
        named.groupindex if named is not None else ()
    )


class Tenant:
    """A team with a machine, a finding, a source and a run of its own."""

    def __init__(self, name: str) -> None:
        self.team: Team = TeamFactory(name=f"Team {name}")
        self.source = SourceFactory(name=f"vc-{name}")
        self.run = SyncRunFactory(source=self.source)
        self.asset = AssetFactory(source=self.source, team=self.team)
        self.principal = AssetFactory(source=self.source, record=a_principal(rf"{name}\anna"))
        AssetVersion.objects.create(
            asset=self.asset,
            run=self.run,
            record=self.asset.record,
            digest=self.asset.digest,
            valid_from=self.asset.first_seen_at,
        )
        check = registry.all_checks()[0]
        self.finding = FindingFactory(asset=self.asset, check_id=check.id)
        VerdictFactory(asset=self.asset, check_id=check.id)
        # Of this team alone: somebody who sees the whole estate is known to every team.
        asker = UserFactory(
            username=f"asker-{name}",
            roles=[Role.ANALYST],
            scope=User.Scope.TEAMS,
            teams=[self.team],
        )
        self.waiver = self.request_by(asker)
        self.plan = plans.make(
            wish=plans.Wish(title=f"Plan of {name}"),
            finding_ids=[self.finding.pk],
            by=asker,
            now=timezone.now(),
        )
        self.task = self.plan.tasks.get()

    def request_by(self, person: User) -> Waiver:
        """A request of this person's for an exception of the tenant's finding."""
        now = timezone.now()
        return Waiver.objects.create(
            scope=Waiver.Scope.FINDING,
            finding=self.finding,
            ground=Waiver.Ground.ACCEPTED,
            reason="The vendor is late.",
            due_after=Waiver.Due.KEEP,
            requested_by=person,
            requested_at=now,
            starts_at=now,
            expires_at=now + timedelta(days=20),
        )


class World:
    """People in every role, and one object for whatever an address may name."""

    def __init__(self) -> None:
        call_command("load_policies", verbosity=0)
        self.home = Tenant("home")
        self.host = AssetFactory(
            source=self.home.source,
            record=Host(platform=Platform.VSPHERE, uid="h-1", ref="host-1", name="esx-1"),
        )
        self.people: dict[Role | None, User] = {
            role: UserFactory(username=f"the-{role}", roles=[role]) for role in Role
        }
        self.people[None] = UserFactory(username="the-newcomer")
        self.somebody: User = UserFactory(username="somebody", roles=[Role.VIEWER])
        self.now = datetime.now(UTC)

    def token(self, user: User, permissions: frozenset[Permission], *, days: int = 1) -> str:
        _, text = tokens.create(
            user=user, name="t", permissions=permissions, days=days, by=None, now=self.now
        )
        return text

    def arguments(self, route: Route, user: User) -> dict[str, Any]:
        """Something that exists and that this person may see, for each parameter of the route."""
        if not route.parameters:
            return {}
        for prefix, arguments in self._samples(user).items():
            if route.name.startswith(prefix) and route.parameters <= arguments.keys():
                return {name: arguments[name] for name in route.parameters}
        raise AssertionError(
            f"{route.name} takes {sorted(route.parameters)}: add a sample to World._samples"
        )

    def _samples(self, user: User) -> dict[str, dict[str, Any]]:
        """By the beginning of a route's name; the first that has all parameters counts."""
        home = self.home
        statement = Statement.objects.order_by("pk").first()
        document = PolicyDocument.objects.order_by("pk").first()
        assert statement is not None
        assert document is not None
        return {
            "accounts:user-": {"user_id": self.somebody.pk},
            "accounts:sso-": {"provider_id": "nowhere"},
            "accounts:session-": {"handle": self._session_of(user)},
            "accounts:team-": {"team_id": home.team.pk},
            "accounts:token-": {"token_id": self._token_of(user)},
            "mfa_": {"pk": 0},  # nobody here has a security key
            "api:user-": {"pk": self.somebody.pk},
            "api:team-": {"pk": home.team.pk},
            "api:audit-": {"pk": self._entry()},
            "api:source-": {"pk": home.source.pk},
            "api:sync-run-": {"pk": home.run.pk},
            "api:syncrun-": {"pk": home.run.pk},
            "api:asset-": {"pk": home.asset.pk},
            "api:principal-": {"pk": home.principal.pk},
            "api:finding-": {"pk": home.finding.pk},
            "api:check-": {"pk": registry.all_checks()[0].id},
            "api:statement-": {"pk": statement.code, "code": statement.code},
            "api:polic": {"pk": document.pk, "slug": document.slug},
            "inventory:asset-ran": {"pk": self.host.pk},
            "inventory:asset": {"pk": home.asset.pk},
            "inventory:run": {"pk": home.run.pk},
            "inventory:cancel-run": {"pk": home.run.pk},
            "inventory:release-run": {"pk": home.run.pk},
            "inventory:discard-run": {"pk": home.run.pk},
            "inventory:": {"pk": home.source.pk},
            "inventory:assets": {"name": "hosts"},
            "inventory:export": {"name": "vms"},
            "findings:notice": {"notice_id": self._notice_of(user)},
            "findings:waiver-withdraw": {"pk": self._request_of(user)},
            "findings:waiver": {"pk": home.waiver.pk},
            "api:waiver-withdraw": {"pk": self._request_of(user)},
            "api:waiver-": {"pk": home.waiver.pk},
            "api:plan-task-": {"pk": home.task.pk},
            "api:plan-": {"pk": home.plan.pk},
            "findings:bulk-undo": {"pk": self._bulk_of(user)},
            "findings:": {
                "plan_id": home.plan.pk,
                "task_id": home.task.pk,
                "finding_id": home.finding.pk,
                "pk": home.finding.pk,
                "check_id": home.finding.check_id,
            },
            "policies:statement": {"code": statement.code},
            "policies:": {"check_id": registry.all_checks()[0].id},
        }

    def _request_of(self, user: User) -> int:
        """A request for an exception by this person; by somebody else if they ask for none."""
        if not user.may(Permission.WAIVER_REQUEST):
            return self.home.waiver.pk
        own = Waiver.objects.filter(requested_by=user).order_by("pk").first()
        return (own or self.home.request_by(user)).pk

    def _bulk_of(self, user: User) -> int:
        """An act of this person's on many findings, which they can undo."""
        finding = self.home.finding
        made = BulkAct.objects.create(
            by=user,
            at=timezone.now(),
            act={"act": "status", "to": "triaged"},
            changed=1,
            rows=[[finding.pk, finding.version, {"triage": "new"}]],
        )
        return made.pk

    def _token_of(self, user: User) -> int:
        """A token of this person; of somebody else if they can have none."""
        owner = user if user.permissions else self.somebody
        found = owner.api_tokens.order_by("pk").first()
        if found is None:
            self.token(owner, frozenset(sorted(owner.permissions)[:1]))
            found = owner.api_tokens.get()
        return found.pk

    def _notice_of(self, user: User) -> int:
        """Something this person was told of."""
        announcement = Announcement.objects.create(
            topic="finding.assigned",
            subject_type="finding",
            subject_id=self.home.finding.pk,
            at=self.now,
        )
        return Notice.objects.create(
            user=user,
            announcement=announcement,
            kind="assigned",
            finding=self.home.finding,
            at=self.now,
        ).pk

    def _session_of(self, user: User) -> str:
        """Another browser in which this person is signed in."""
        from accounts.models import Session

        row, _ = Session.objects.get_or_create(
            user=user,
            session_key=f"elsewhere-{user.pk}",
            defaults={"handle": f"{user.pk:032x}", "expire_date": self.now + timedelta(hours=1)},
        )
        return row.handle

    def _entry(self) -> int:
        from audit.models import Entry

        entry = Entry.objects.order_by("pk").first()
        assert entry is not None
        return entry.pk

    def address(self, route: Route, user: User) -> str:
        arguments = self.arguments(route, user)
        return reverse(route.name, kwargs={**route.defaults, **arguments})


def expected_permission(route: Route, method: str) -> str | None:
    """What the declaration of a route asks of a person for this method; None opens to nobody."""
    if not route.is_api:
        return route.declared
    declared: dict[str, str] = getattr(endpoint(route), "permissions_by_action", {})
    return declared.get(route.action("GET" if method == "HEAD" else method))


def endpoint(route: Route) -> Any:
    """The class of a view of Django REST framework."""
    view: Any = route.view
    return view.cls


def holds(role: Role | None, permission: str) -> bool:
    return role is not None and Permission(permission) in ROLES[role]
