"""What should be true: the policy document, how checks are set, and what they last answered."""

from __future__ import annotations

from typing import Self

from django.db import models

from accounts.models import User
from inventory.models import Asset, Source, SyncRun
from policies.spec import Outcome, Severity


class SeverityChoices(models.TextChoices):
    CRITICAL = Severity.CRITICAL.value, "Critical"
    HIGH = Severity.HIGH.value, "High"
    MEDIUM = Severity.MEDIUM.value, "Medium"
    LOW = Severity.LOW.value, "Low"
    INFO = Severity.INFO.value, "Info"


class Area(models.TextChoices):
    SCOPE = "scope", "Scope"
    SEGREGATION = "segregation", "Segregation"
    SECURING = "securing", "Securing and patching"
    MONITORING = "monitoring", "Monitoring and response"
    CHANGE = "change", "Change"


class PolicyDocument(models.Model):
    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200)
    version = models.CharField(max_length=20)
    summary = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.title


class Statement(models.Model):
    """One thing the policy asks for. Which checks cover it is declared by the checks."""

    document = models.ForeignKey(
        PolicyDocument, on_delete=models.CASCADE, related_name="statements"
    )
    code = models.CharField(max_length=20, unique=True)  # PHY-1
    area = models.CharField(max_length=20, choices=Area)
    title = models.CharField(max_length=200)
    text = models.TextField()
    why = models.TextField(blank=True)
    basis = models.CharField(max_length=40)  # how it can be known: auto, import, attest, or several
    severity = models.CharField(max_length=10, choices=SeverityChoices)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["document", "position"]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"


class CheckSetting(models.Model):
    """Where an organisation departs from a check's defaults."""

    check_id = models.CharField(max_length=80, unique=True)
    is_enabled = models.BooleanField(default=True)
    severity = models.CharField(max_length=10, choices=SeverityChoices, blank=True)
    params = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.check_id


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def visible_to(self, user: User) -> Self:
        if user.sees_everything:
            return self
        return self.filter(asset__team__in=user.team_ids)


class Verdict(models.Model):
    """A current answer that is not a pass. An evaluated asset without a row here passes."""

    class OutcomeChoices(models.TextChoices):
        FAIL = Outcome.FAIL.value, "Fail"
        UNKNOWN = Outcome.UNKNOWN.value, "Unknown"
        NOT_APPLICABLE = Outcome.NOT_APPLICABLE.value, "Not applicable"
        ERROR = Outcome.ERROR.value, "Error"

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="verdicts")
    check_id = models.CharField(max_length=80)
    outcome = models.CharField(max_length=20, choices=OutcomeChoices)
    reason = models.TextField(blank=True)
    since = models.DateTimeField()  # since when the outcome is what it is

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "check_id"], name="verdict_identity"),
        ]
        indexes = [models.Index(fields=["check_id", "outcome"], name="verdict_by_check")]

    def __str__(self) -> str:
        return f"{self.check_id}: {self.outcome}"


class Tally(models.Model):
    """How many of each answer a check gave in one run: what trends are drawn from."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="tallies")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="tallies")
    check_id = models.CharField(max_length=80)
    evaluated_at = models.DateTimeField()
    passed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    not_applicable = models.PositiveIntegerField(default=0)
    error = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "check_id"], name="tally_identity")]
        indexes = [models.Index(fields=["source", "-evaluated_at"], name="tally_by_source")]

    def __str__(self) -> str:
        return f"{self.check_id} in run {self.run_id}"
