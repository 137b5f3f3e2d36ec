"""Where the estate is not as it should be: one finding per check, asset and key, for ever."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts.models import Team, User
from findings.querysets import FindingQuerySet
from inventory.models import Asset, Source, SyncRun
from policies.models import SeverityChoices
from policies.spec import OTHERS


class PriorityChoices(models.IntegerChoices):
    """What to do first: severity × the asset's risk tier (`findings.priority`)."""

    P1 = 1, "P1"
    P2 = 2, "P2"
    P3 = 3, "P3"
    P4 = 4, "P4"
    P5 = 5, "P5"


class Label(models.Model):
    """A word that people sort findings by."""

    name = models.CharField(max_length=50)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="label_name_unique",
                violation_error_message="There is already a label with this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Finding(models.Model):
    """A deviation. Opened, re-opened and resolved by evaluation alone; people decide what is done
    about it while it is open (`findings.status` has the whole state machine).
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"

    class Triage(models.TextChoices):
        NEW = "new", "New"
        TRIAGED = "triaged", "Triaged"
        IN_PROGRESS = "in_progress", "In progress"
        AWAITING_PROOF = "awaiting_proof", "Fixed, waiting for proof"

    class Resolution(models.TextChoices):
        FIXED = "fixed", "Fixed"
        ASSET_GONE = "asset_gone", "Asset gone"
        NOT_APPLICABLE = "not_applicable", "No longer applies"
        CHECK_DISABLED = "check_disabled", "Check switched off"

    check_id = models.CharField(max_length=80)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="findings")
    key = models.CharField(max_length=200, blank=True)
    # Of the asset, kept equal by triggers: what lists are narrowed to before anything else.
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, null=True, editable=False, related_name="findings"
    )
    team = models.ForeignKey(
        Team, on_delete=models.SET_NULL, null=True, editable=False, related_name="findings"
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    severity = models.CharField(max_length=10, choices=SeverityChoices)
    severity_rank = models.PositiveSmallIntegerField()  # 0 critical … 4 info: what lists sort by
    message = models.TextField()
    seen = models.TextField(blank=True)
    expected = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)
    first_opened_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()  # exact only once it is stale: see `last_confirmed_at`
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=20, choices=Resolution, blank=True)
    reopened_count = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    stale_since = models.DateTimeField(
        null=True
    )  # since when it can be neither confirmed nor refuted
    stale_reason = models.TextField(blank=True)
    updated_at = models.DateTimeField()

    # What people decided. No evaluation writes these, except that a claim of being fixed which a
    # later collection refutes goes back to "in progress".
    triage = models.CharField(max_length=20, choices=Triage, default=Triage.NEW)
    assignee = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="assigned_findings"
    )
    assigned_team = models.ForeignKey(
        Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="assigned_findings"
    )
    labels = models.ManyToManyField(Label, related_name="findings", blank=True)
    ticket = models.CharField(max_length=500, blank=True)  # an https address or a ticket's number
    priority = models.PositiveSmallIntegerField(choices=PriorityChoices, default=PriorityChoices.P3)
    due_by_hand = models.BooleanField(default=False)  # somebody set it: evaluation leaves it alone
    warned_at = models.DateTimeField(null=True)  # when its people were told that it is due soon
    breached_at = models.DateTimeField(null=True)  # the due date it missed; kept for ever
    claimed_at = models.DateTimeField(null=True)  # since when it is said to be fixed
    version = models.PositiveIntegerField(default=0)  # counts what people did, for `If-Match`

    # What searches look in; a trigger keeps it in step with the sentence and the asset's name.
    words = SearchVectorField(null=True, editable=False)

    objects = FindingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["check_id", "asset", "key"], name="finding_identity"),
            models.CheckConstraint(
                condition=Q(state="open", resolved_at__isnull=True)
                | Q(state="resolved", resolved_at__isnull=False),
                name="finding_resolved_has_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(priority__gte=1, priority__lte=5), name="finding_priority_known"
            ),
            models.CheckConstraint(
                condition=~Q(triage="awaiting_proof") | Q(claimed_at__isnull=False),
                name="finding_claim_has_a_moment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "severity_rank", "-opened_at", "id"], name="finding_list"
            ),
            models.Index(fields=["asset", "state"], name="finding_by_asset"),
            # Wide enough to count and group by, without reading the rows.
            models.Index(
                fields=["check_id", "state", "severity_rank", "due_at", "id"],
                name="finding_by_check",
            ),
            models.Index(fields=["updated_at", "id"], name="finding_cursor"),
            models.Index(fields=["state", "due_at"], name="finding_by_due"),
            models.Index(fields=["-opened_at", "check_id"], name="finding_by_opened"),
            models.Index(fields=["-resolved_at", "check_id"], name="finding_by_resolved"),
            models.Index(
                fields=["team", "state", "severity_rank", "-opened_at", "id"],
                name="finding_of_team",
            ),
            models.Index(fields=["source", "state"], name="finding_by_source"),
            GinIndex(fields=["words"], name="finding_words"),
            models.Index(
                fields=["assignee", "due_at"],
                condition=Q(assignee__isnull=False, state="open"),
                name="finding_by_assignee",
            ),
            models.Index(
                fields=["priority", "due_at", "id"],
                condition=Q(state="open"),
                name="finding_by_priority",
            ),
            # What `findings.triage.deadlines` looks for at every tick.
            models.Index(
                fields=["due_at"],
                condition=Q(state="open", due_at__isnull=False)
                & (Q(breached_at__isnull=True) | Q(breached_at__lt=F("due_at"))),
                name="finding_to_breach",
            ),
            models.Index(
                fields=["due_at"],
                condition=Q(state="open", due_at__isnull=False, warned_at__isnull=True),
                name="finding_to_warn",
            ),
            models.Index(
                fields=["assigned_team", "due_at"],
                condition=Q(assigned_team__isnull=False, state="open"),
                name="finding_by_assigned_team",
            ),
            models.Index(
                fields=["triage", "priority", "due_at", "id"],
                condition=Q(state="open"),
                name="finding_by_triage",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.check_id} on {self.asset_id}"

    if TYPE_CHECKING:
        excepted_until: datetime | None  # by `with_exception`

    def evidence_for(self, user: User) -> dict[str, Any]:
        """The evidence without what is about assets that the person may not see."""
        evidence = self.evidence if isinstance(self.evidence, dict) else {}
        if user.sees_everything:
            return evidence
        return {name: value for name, value in evidence.items() if name != OTHERS}

    @property
    def last_confirmed_at(self) -> datetime:
        """When an evaluation last saw it. An open, verifiable finding is seen by each evaluation of
        its source without being rewritten. Needs `asset.source`.
        """
        evaluated_at = self.asset.source.evaluated_at
        if self.state == self.State.OPEN and self.stale_since is None and evaluated_at is not None:
            return max(self.confirmed_at, evaluated_at)
        return self.confirmed_at


class FindingEvent(models.Model):
    """A transition of a finding: what happened, when, in which run."""

    class Kind(models.TextChoices):
        OPENED = "opened", "Opened"
        REOPENED = "reopened", "Re-opened"
        CHANGED = "changed", "Changed"
        RESOLVED = "resolved", "Resolved"
        STALE = "stale", "No longer verifiable"
        FRESH = "fresh", "Verifiable again"
        TRIAGE = "triage", "Status set"
        ASSIGNED = "assigned", "Assigned"
        DUE = "due", "Due date set"
        LABELLED = "labelled", "Labels changed"
        TICKET = "ticket", "Ticket linked"
        COMMENTED = "commented", "Commented"
        EXCEPTED = "excepted", "Excepted"
        RETURNED = "returned", "Exception ended"
        PLANNED = "planned", "Put into a plan"
        CLAIMED = "claimed", "Said to be fixed"
        REFUTED = "refuted", "Not fixed: seen again"
        WARNED = "warned", "Due soon"
        BREACHED = "breached", "Due date missed"

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    message = models.TextField(blank=True)  # what, or why, in words
    detail = models.JSONField(default=dict)

    append_only = True  # to the application's database role, too (vmgov.privileges)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["finding", "-id"], name="finding_history"),
            models.Index(fields=["-at", "kind"], name="finding_movement"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%F %T}"


class FindingSpell(models.Model):
    """One stretch of time in which a finding was open: what "as of" and trends are drawn from."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="spells")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["finding"], condition=Q(closed_at__isnull=True), name="one_open_spell"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=F("opened_at")),
                name="spell_ends_after_it_began",
            ),
        ]
        indexes = [
            models.Index(fields=["finding", "-opened_at"], name="spell_of_finding"),
            models.Index(fields=["opened_at", "closed_at"], name="spell_as_of"),
            models.Index(
                fields=["closed_at"], condition=Q(closed_at__isnull=False), name="spell_closed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} from {self.opened_at:%F %T}"
