"""What has to be told, written in the transaction that made it true."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User


class Announcement(models.Model):
    """A row of the outbox: something happened to a subject, and nobody has been told yet.

    It names what it is about by id and holds no text of a platform: whoever is told sees what they
    may see when they look.
    """

    topic = models.CharField(max_length=60)  # `findings.announcing.outbox.Topic`
    subject_type = models.CharField(max_length=30)  # finding, waiver, plan, source
    subject_id = models.BigIntegerField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)
    relayed_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=Q(relayed_at__isnull=True), name="announcement_waiting"
            ),
            models.Index(fields=["subject_type", "subject_id"], name="announcement_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} of {self.subject_type} {self.subject_id}"
