"""What was done: one row per act, written in the act's transaction, never changed afterwards."""

from __future__ import annotations

from django.db import models

from audit.querysets import EntryQuerySet


class Entry(models.Model):
    """One act. UPDATE, DELETE and TRUNCATE are refused by trigger (migration 0002)."""

    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)  # no foreign key: the log outlives its people
    actor_label = models.CharField(max_length=200)
    via = models.CharField(max_length=20)  # page, api, command, system
    action = models.CharField(max_length=100)
    target_type = models.CharField(max_length=100, blank=True)
    target_id = models.CharField(max_length=100, blank=True)
    target_label = models.TextField(blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)

    append_only = True  # to the application's database role, too (vmgov.privileges)

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
            models.Index(fields=["target_type", "target_id", "-id"], name="audit_by_target"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_label}"
