"""Where the estate is not as it should be: one finding per check, asset and key, for ever."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from accounts.models import User
from findings.querysets import FindingQuerySet
from inventory.models import Asset, SyncRun
from policies.models import SeverityChoices
from policies.spec import OTHERS


class Finding(models.Model):
    """A deviation. Opened, re-opened and resolved by evaluation alone."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"

    class Resolution(models.TextChoices):
        FIXED = "fixed", "Fixed"
        ASSET_GONE = "asset_gone", "Asset gone"
        NOT_APPLICABLE = "not_applicable", "No longer applies"
        CHECK_DISABLED = "check_disabled", "Check switched off"

    check_id = models.CharField(max_length=80)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="findings")
    key = models.CharField(max_length=200, blank=True)
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

    objects = FindingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["check_id", "asset", "key"], name="finding_identity"),
            models.CheckConstraint(
                condition=Q(state="open", resolved_at__isnull=True)
                | Q(state="resolved", resolved_at__isnull=False),
                name="finding_resolved_has_a_moment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "severity_rank", "-opened_at", "id"], name="finding_list"
            ),
            models.Index(fields=["asset", "state"], name="finding_by_asset"),
            models.Index(fields=["check_id", "state"], name="finding_by_check"),
            models.Index(fields=["updated_at", "id"], name="finding_cursor"),
            models.Index(fields=["state", "due_at"], name="finding_by_due"),
            models.Index(fields=["-opened_at"], name="finding_by_opened"),
            models.Index(fields=["-resolved_at"], name="finding_by_resolved"),
        ]

    def __str__(self) -> str:
        return f"{self.check_id} on {self.asset_id}"

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

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    run = models.ForeignKey(SyncRun, on_delete=models.SET_NULL, null=True, related_name="+")
    message = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["finding", "-id"], name="finding_history"),
            models.Index(fields=["-at", "kind"], name="finding_movement"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%F %T}"
