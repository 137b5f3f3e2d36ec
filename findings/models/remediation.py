"""Plans: what has to be mended, by whom and when. How far they are is read from the findings."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from accounts.models import Team, User
from findings.models.finding import Finding
from findings.remediation.querysets import PlanQuerySet, TaskFindingQuerySet, TaskQuerySet
from inventory.models import Asset


class Plan(models.Model):
    """Findings to be mended together, by a day. A campaign takes in by itself what its query finds.

    Evaluation makes it done when it has proven every finding, and opens it again when one returns;
    people only make, change and close it.
    """

    class Kind(models.TextChoices):
        PLAN = "plan", "Plan"
        CAMPAIGN = "campaign", "Campaign"

    class Grouping(models.TextChoices):
        CHECK = "check", "One task per check"
        ASSET = "asset", "One task per asset"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        CLOSED = "closed", "Closed"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PLAN)
    title = models.CharField(max_length=200)
    goal = models.TextField(blank=True)
    grouping = models.CharField(max_length=10, choices=Grouping, default=Grouping.CHECK)
    # Of a campaign: a query string of the list of findings, asked as whoever made it.
    query = models.TextField(blank=True)
    owner = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="plans"
    )
    team = models.ForeignKey(
        Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="plans"
    )
    due_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)  # since when everything in it is proven
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    close_reason = models.TextField(blank=True)
    warned_at = models.DateTimeField(null=True)  # when its people were told that it is due soon
    version = models.PositiveIntegerField(default=0)  # counts what people did, for `If-Match`

    objects = PlanQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(kind="campaign") & ~Q(query="")) | Q(kind="plan", query=""),
                name="plan_campaign_has_a_query",
                violation_error_message="A campaign follows a filter; a plan does not.",
            ),
            models.CheckConstraint(
                condition=~Q(title=""),
                name="plan_has_a_title",
                violation_error_message="A plan needs a title.",
            ),
            models.CheckConstraint(
                condition=~Q(status="closed")
                | (Q(closed_by__isnull=False, closed_at__isnull=False) & ~Q(close_reason="")),
                name="plan_end_has_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(done_at__isnull=False),
                name="plan_done_has_a_moment",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "due_at"], name="plan_by_due"),
            models.Index(fields=["-created_at", "-id"], name="plan_list"),
        ]

    def __str__(self) -> str:
        return f"plan {self.pk}"

    @property
    def is_campaign(self) -> bool:
        return self.kind == self.Kind.CAMPAIGN


class Task(models.Model):
    """The part of a plan that is mended in one way, or on one asset."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=200, blank=True)  # empty: that of its check or asset
    check_id = models.CharField(max_length=80, blank=True)
    asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks"
    )
    owner = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks"
    )
    team = models.ForeignKey(
        Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="tasks"
    )
    due_at = models.DateTimeField(null=True, blank=True)  # empty: that of the plan
    position = models.PositiveIntegerField(default=0)
    note = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=0)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=(~Q(check_id="") & Q(asset=None)) | Q(check_id="", asset__isnull=False),
                name="task_is_about_one_thing",
            ),
            models.UniqueConstraint(
                fields=["plan", "check_id"], condition=~Q(check_id=""), name="task_once_per_check"
            ),
            models.UniqueConstraint(
                fields=["plan", "asset"],
                condition=Q(asset__isnull=False),
                name="task_once_per_asset",
            ),
        ]

    def __str__(self) -> str:
        return f"task {self.pk} of plan {self.plan_id}"


class TaskFinding(models.Model):
    """A finding in a task, from when to when. A finding is in a plan once at most."""

    # Of the task, kept equal by a trigger: what makes "once" a constraint.
    plan = models.ForeignKey(
        Plan, on_delete=models.CASCADE, editable=False, related_name="memberships"
    )
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="memberships")
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="memberships")
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    objects = TaskFindingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "finding"],
                condition=Q(left_at=None),
                name="finding_once_in_a_plan",
            ),
            models.CheckConstraint(
                condition=Q(left_at=None) | Q(left_at__gte=F("joined_at")),
                name="task_finding_leaves_after_it_joined",
            ),
        ]
        indexes = [
            models.Index(fields=["finding"], condition=Q(left_at=None), name="planned_finding"),
            models.Index(fields=["plan", "task"], name="finding_of_plan"),
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} in task {self.task_id}"


class PlanEvent(models.Model):
    """What became of a plan: who, when, why. Which findings it was about is read from theirs."""

    class Kind(models.TextChoices):
        MADE = "made", "Made"
        CHANGED = "changed", "Changed"
        TASK_CHANGED = "task_changed", "Task changed"
        JOINED = "joined", "Findings joined"
        LEFT = "left", "Findings taken out"
        CLAIMED = "claimed", "Said to be fixed"
        TAKEN_BACK = "taken_back", "Claim taken back"
        REFUTED = "refuted", "Failed proof"
        PROVEN = "proven", "Everything proven"
        REOPENED = "reopened", "Open again"
        WARNED = "warned", "Due soon"
        CLOSED = "closed", "Closed"

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="events")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, null=True, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    why = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    append_only = True  # to the application's database role, too (vmgov.privileges)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["plan", "-id"], name="plan_history")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%F %T}"
