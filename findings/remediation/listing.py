"""The list of plans as somebody asked for it, and how far each of them is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from accounts.models import User
from findings.models import Plan, TaskFinding
from findings.remediation import burndown, progress
from findings.remediation.progress import Progress, Proof
from ui import fragments, pages

TABS = (("open", "Open"), ("done", "Done"), ("closed", "Closed"), ("any", "All"))
ORDER = ("due_at", "id")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A plan in the list."""

    plan: Plan
    so_far: Progress
    spark: burndown.Spark | None
    is_late: bool

    @property
    def address(self) -> str:
        """The list of its findings, up to the word for how far they are."""
        return f"/findings/?state=any&plan={self.plan.pk}&proof="


class PlanListing:
    """One person's plans under one query string."""

    def __init__(self, query: QueryDict, *, user: User, now: datetime) -> None:
        self.query, self.user, self.now = query, user, now
        asked = query.get("status", "open")
        self.status = asked if asked in dict(TABS) else "open"
        self.only_mine = query.get("mine") == "true"
        self.only_late = query.get("due") == "overdue"
        self.only_failed = query.get("proof") == Proof.REFUTED
        self.kind = query.get("kind", "") if query.get("kind") in Plan.Kind.values else ""

    @property
    def _all(self) -> QuerySet[Plan]:
        visible = progress.with_standing(Plan.objects.visible_to(self.user), self.user)
        failed = (
            TaskFinding.objects.present()
            .visible_to(self.user)
            .filter(plan=OuterRef("pk"))
            .filter(progress.conditions(now=self.now, prefix="finding__")[Proof.REFUTED])
        )
        return visible.annotate(has_failed=Exists(failed))

    @property
    def plans(self) -> QuerySet[Plan]:
        found = self._all
        if self.status != "any":
            found = found.filter(Q(standing=self.status))
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.only_mine:
            found = found.filter(Q(owner=self.user) | Q(team__in=self.user.team_ids))
        if self.only_late:
            found = found.filter(due_at__lt=self.now)
        if self.only_failed:
            found = found.filter(Q(has_failed=True))
        return found

    def counts(self) -> dict[str, int]:
        """How many there are of each, whatever the list is narrowed to. One query."""
        is_open = Q(standing="open")
        counted: dict[str, int] = self._all.aggregate(
            open=Count("pk", filter=is_open),
            done=Count("pk", filter=Q(standing="done")),
            closed=Count("pk", filter=Q(standing="closed")),
            overdue=Count("pk", filter=is_open & Q(due_at__lt=self.now)),
            failed=Count("pk", filter=is_open & Q(has_failed=True)),
            any=Count("*"),
        )
        return counted

    def page(self) -> pages.Page[Plan]:
        return pages.page(
            self.plans.select_related("owner", "team"),
            order=ORDER,
            query=self.query,
            total=None,
            one="plan",
            many="plans",
        )

    def lines(self, page: pages.Page[Plan]) -> list[Line]:
        """The rows with what has come of them. Two queries."""
        so_far = progress.of_plans(page.rows, user=self.user, now=self.now)
        campaigns = [plan for plan in page.rows if plan.is_campaign]
        drawn = burndown.burn_downs(campaigns, self.user, self.now) if campaigns else {}
        return [
            Line(
                plan=plan,
                so_far=so_far[plan.pk],
                spark=burndown.spark(drawn[plan.pk]) if plan.pk in drawn else None,
                is_late=plan.due_at is not None
                and plan.due_at < self.now
                and progress.standing_of(plan, so_far[plan.pk]) == Plan.Status.OPEN,
            )
            for plan in page.rows
        ]

    def tabs(self, counts: dict[str, int]) -> list[dict[str, Any]]:
        return [
            {
                "label": label,
                "address": fragments.with_values(self.query, "status", [value]),
                "is_here": value == self.status,
                "count": counts[value],
            }
            for value, label in TABS
        ]

    @property
    def is_narrowed(self) -> bool:
        return self.only_mine or self.only_late or self.only_failed or bool(self.kind)
