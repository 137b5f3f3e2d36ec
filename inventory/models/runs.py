"""One collection from request to result, and what it leaves: staged, set aside, not allowed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory.models.kinds import KindChoices
from inventory.models.sources import Source
from inventory.querysets import SyncRunQuerySet


class SyncRun(models.Model):
    """The ledger and the queue of record: one row per collection, from request to result."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        HELD = "held", "Held for a person"
        COMPLETE = "complete", "Complete"
        PARTIAL = "partial", "Partial"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        QUARANTINED = "quarantined", "Quarantined"

    class Phase(models.TextChoices):
        WAITING = "waiting", "Waiting"
        COLLECTING = "collecting", "Collecting"
        PUBLISHING = "publishing", "Publishing"
        EVALUATING = "evaluating", "Evaluating"
        DONE = "done", "Done"

    MAX_ATTEMPTS = 3

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="runs")
    # Not everything, but what a watch was told to have changed.
    is_increment = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    phase = models.CharField(max_length=20, choices=Phase, default=Phase.WAITING)
    slot_at = models.DateTimeField(
        null=True
    )  # the interval slot it was scheduled for; null = on demand
    requested_by = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    collected_at = models.DateTimeField(null=True)  # the moment the facts are true of
    read_until = models.DateTimeField(null=True)  # when the last of them had been read
    unchanged_until = models.DateTimeField(null=True)  # of an increment: nothing else had changed
    published_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    not_before_at = models.DateTimeField(null=True)  # back-off between attempts
    token = models.BigIntegerField(default=0)  # fencing: grows with every claim
    staged_token = models.BigIntegerField(null=True)  # the token whose staged records are whole
    worker = models.CharField(max_length=200, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    release_approved_at = models.DateTimeField(null=True)  # a person released a held run
    sealed_session = models.BinaryField(null=True)  # of a session a killed run may have left behind
    progress = models.JSONField(default=dict)  # {kind: collected so far}
    completeness = models.JSONField(default=dict)  # {kind: {"expected", "collected", "complete"}}
    counts = models.JSONField(
        default=dict
    )  # {kind: {"new", "changed", "unchanged", "missing", "retired"}}
    events = models.JSONField(default=dict)  # {"new", "unreadable", "problem"}; empty: not asked
    outcomes = models.JSONField(default=dict)  # {"opened", "reopened", "resolved", …}
    causes = models.JSONField(default=list)  # [{"code", "message", "advice"}]
    notes = models.JSONField(
        default=dict
    )  # until published: {"unreadable", "blind_spots", "identity"}
    upload = models.JSONField(default=dict)  # of a file that was brought: what it says of itself

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=Q(state="running"), name="one_running_sync_per_source"
            ),
            models.UniqueConstraint(
                fields=["source"], condition=Q(state="queued"), name="one_queued_sync_per_source"
            ),
            models.UniqueConstraint(fields=["source", "slot_at"], name="one_sync_per_slot"),
        ]
        indexes = [
            models.Index(fields=["source", "-id"], name="syncrun_by_source"),
            models.Index(
                fields=["source", "-id"],
                condition=Q(is_increment=False),
                name="syncrun_collections",
            ),
            # The reaper and the scheduler look only at live rows.
            models.Index(
                fields=["state"], condition=Q(state__in=["queued", "running"]), name="syncrun_live"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.source}"

    @property
    def is_over(self) -> bool:
        return self.state not in {self.State.QUEUED, self.State.RUNNING, self.State.HELD}


class UploadedPart(models.Model):
    """A piece of the file a run reads. It is gone once the file was read or the run is over."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="uploaded_part_once"),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of run {self.run_id}"


class StagedRecord(models.Model):
    """A record on its way in. Written by COPY under a run's token; nobody but publish reads it."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, db_index=False)
    token = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    uid = models.CharField(max_length=200)
    ref = models.CharField(max_length=200)
    name = models.TextField()
    digest = models.CharField(max_length=32)
    record = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "token", "kind", "uid"], name="staged_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"


class Quarantine(models.Model):
    """One object that exists but could not be read into a record, as of its source's last run."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="quarantine")
    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="quarantine")
    kind = models.CharField(max_length=20, choices=KindChoices)
    ref = models.CharField(max_length=200)
    name = models.TextField()
    reason = models.TextField()
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "ref"], name="quarantined_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


class BlindSpot(models.Model):
    """What the account of a source may not read, as of its last run."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="blind_spots")
    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="blind_spots")
    kind = models.CharField(max_length=20, choices=KindChoices)
    property = models.CharField(max_length=200)
    count = models.PositiveIntegerField()
    example = models.TextField()
    explanation = models.TextField()
    first_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["kind", "property"]
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "property"], name="blind_spot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.property} of {self.kind}"
