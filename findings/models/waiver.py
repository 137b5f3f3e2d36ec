"""Exceptions: a risk accepted for a while by somebody entitled to accept it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import User
from findings.models.finding import Finding
from findings.querysets import WaiverQuerySet
from inventory.models import Asset

LONGEST = timedelta(days=366)  # whatever the rules allow for a severity, the database ends here


class Waiver(models.Model):
    """An exception, asked for by one person and decided by another. It always has an end.

    Whether it counts is computed from the clock when somebody looks (`effective`), never by a job.
    An extension is a new request that names the exception it extends.
    """

    class Scope(models.TextChoices):
        FINDING = "finding", "One finding"
        ASSET = "asset", "One asset"
        CHECK = "check", "One check"
        QUERY = "query", "What a filter finds"

    class Ground(models.TextChoices):
        ACCEPTED = "accepted", "Risk accepted"
        COMPENSATED = "compensated", "Compensated by other controls"
        SCHEDULED = "scheduled", "Fix is scheduled"
        FALSE_POSITIVE = "false_positive", "Not a deviation here"

    class Status(models.TextChoices):
        REQUESTED = "requested", "Requested"
        IN_REVIEW = "in_review", "In review"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REVOKED = "revoked", "Revoked"

    class Due(models.TextChoices):
        KEEP = "keep", "Keep the due date"
        RESTART = "restart", "Start it anew"

    scope = models.CharField(max_length=10, choices=Scope)
    finding = models.ForeignKey(
        Finding, on_delete=models.PROTECT, null=True, blank=True, related_name="waivers"
    )
    asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, null=True, blank=True, related_name="waivers"
    )
    check_id = models.CharField(max_length=80, blank=True)  # of scope check, or asset and check
    query = models.TextField(blank=True)  # a query string of the list of findings
    # Whose machines a check or a query is limited to: the teams of a person who saw only those when
    # they asked. Null: the whole estate.
    teams = ArrayField(models.BigIntegerField(), null=True, editable=False)
    ground = models.CharField(max_length=20, choices=Ground)
    reason = models.TextField()
    controls = models.TextField(blank=True)  # compensating controls, in words
    control_check_id = models.CharField(max_length=80, blank=True)  # a check that has to pass
    evidence = models.TextField(blank=True)  # where the proof is: addresses, documents
    due_after = models.CharField(max_length=10, choices=Due)

    status = models.CharField(max_length=10, choices=Status, default=Status.REQUESTED)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.TextField(blank=True)  # why it was approved or rejected
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)  # withdrawn or revoked
    end_reason = models.TextField(blank=True)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    extends = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="extensions"
    )
    asked_count = models.PositiveIntegerField(default=0)  # findings it covered when asked for
    approved_count = models.PositiveIntegerField(null=True)  # … when approved
    at_most = models.PositiveIntegerField(
        null=True
    )  # it covers no more than these, however it grows
    # The severity (0 critical … 4 info) of the gravest finding that was approved: none graver is
    # covered later.
    gravest = models.PositiveSmallIntegerField(null=True)
    outgrown_since = models.DateTimeField(null=True)  # since when more match than it may cover
    lapsed_since = models.DateTimeField(null=True)  # since when its control check does not pass
    warned_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0)

    objects = WaiverQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="waiver_four_eyes",
                violation_error_message="Someone else has to decide about your request.",
            ),
            models.CheckConstraint(
                condition=Q(reviewer__isnull=True) | ~Q(reviewer=F("requested_by")),
                name="waiver_reviewed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("starts_at"))
                & Q(expires_at__lte=F("starts_at") + LONGEST)
                & Q(starts_at__lte=F("requested_at") + LONGEST),
                name="waiver_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "rejected", "revoked"])
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="waiver_decision_has_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["withdrawn", "revoked"])
                | Q(ended_by__isnull=False, ended_at__isnull=False),
                name="waiver_end_has_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") | Q(at_most__isnull=False, gravest__isnull=False),
                name="waiver_covers_at_most",
            ),
            models.CheckConstraint(
                condition=Q(scope="finding", finding__isnull=False, asset=None, query="")
                | Q(scope="asset", finding=None, asset__isnull=False, query="")
                | (Q(scope="check", finding=None, asset=None, query="") & ~Q(check_id=""))
                | (Q(scope="query", finding=None, asset=None) & ~Q(query="")),
                name="waiver_scope_is_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(teams=None) | Q(scope__in=["check", "query"]),
                name="waiver_teams_limit_a_search",
            ),
            models.UniqueConstraint(
                fields=["extends"],
                condition=Q(status__in=["requested", "in_review", "approved"]),
                name="waiver_extended_once",
                violation_error_message="Somebody has asked for this extension already.",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "expires_at"], name="waiver_by_end"),
            models.Index(fields=["-requested_at", "-id"], name="waiver_list"),
        ]

    def __str__(self) -> str:
        return f"exception {self.pk}"

    @property
    def picked(self) -> int:
        """How many findings it is about, where they were picked one by one; 0 otherwise."""
        parts = self.query.split("&")
        return len(parts) if all(part.startswith("finding=") for part in parts) else 0

    @property
    def scope_label(self) -> str:
        return "Picked findings" if self.picked else self.Scope(self.scope).label

    def is_effective(self, *, now: datetime) -> bool:
        """Whether it covers anything at this moment."""
        return (
            self.status == self.Status.APPROVED
            and self.lapsed_since is None
            and self.starts_at <= now < self.expires_at
        )


class WaiverCover(models.Model):
    """A finding that an approved exception covers, while that exception is effective."""

    waiver = models.ForeignKey(Waiver, on_delete=models.CASCADE, related_name="covers")
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="covers")
    since = models.DateTimeField()
    # Where the due date starts anew: what it was, and what it became.
    due_was = models.DateTimeField(null=True)
    due_set = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finding", "waiver"], name="covered_once"),
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} by exception {self.waiver_id}"


class WaiverEvent(models.Model):
    """What was done about an exception: who, when, why."""

    class Kind(models.TextChoices):
        REQUESTED = "requested", "Asked for"
        REVIEWED = "reviewed", "Taken into review"
        CHANGED = "changed", "Changed"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REVOKED = "revoked", "Revoked"
        EXTENDED = "extended", "Extension asked for"
        COMMENTED = "commented", "Commented"
        WARNED = "warned", "End announced"
        OUTGROWN = "outgrown", "Outgrown"
        LAPSED = "lapsed", "Control no longer passes"
        RESTORED = "restored", "Control passes again"
        EXPIRED = "expired", "Expired"

    waiver = models.ForeignKey(Waiver, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    why = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    append_only = True  # to the application's database role, too (vmgov.privileges)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["waiver", "-id"], name="waiver_history")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%F %T}"
