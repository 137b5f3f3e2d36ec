"""What has to be told, written in the transaction that made it true."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from findings.models.finding import Finding
from findings.models.waiver import Waiver
from findings.querysets import NoticeQuerySet
from inventory.models import Source


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


class Notice(models.Model):
    """One person told of one thing, in the product and, if they want it, by mail.

    What it says is put into words when somebody reads it, from what they may see at that moment.
    """

    class Kind(models.TextChoices):
        ASSIGNED = "assigned", "A finding is assigned to me"
        MENTIONED = "mentioned", "I am mentioned"
        COMMENTED = "commented", "Somebody comments on my finding"
        DUE_SOON = "due_soon", "My finding is due soon"
        BREACHED = "breached", "My finding missed its due date"
        REFUTED = "refuted", "A fix of mine did not hold"
        REOPENED = "reopened", "My finding is back"
        RESOLVED = "resolved", "My finding is resolved"
        OPENED = "opened", "New findings on what I look after"
        WAIVER_REQUESTED = "waiver_requested", "An exception waits for a decision"
        WAIVER_DECIDED = "waiver_decided", "My request is decided"
        WAIVER_ENDING = "waiver_ending", "My exception ends soon"
        WAIVER_ENDED = "waiver_ended", "My exception has ended"
        WAIVER_WEAKENED = "waiver_weakened", "My exception is outgrown or its control fails"
        PLAN = "plan", "Something happens to my plan"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind)
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, null=True, related_name="+")
    waiver = models.ForeignKey(Waiver, on_delete=models.CASCADE, null=True, related_name="+")
    plan_id = models.BigIntegerField(null=True)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, null=True, related_name="+")
    detail = models.JSONField(default=dict)  # ids and counts, no text of a platform
    at = models.DateTimeField()
    in_product = models.BooleanField(default=True)
    read_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True)  # null: not by mail
    mailed_at = models.DateTimeField(null=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mail_problem = models.TextField(blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["announcement", "user", "kind"], name="told_once_of_each"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="notice_list"),
            models.Index(
                fields=["user"],
                condition=Q(read_at__isnull=True, in_product=True),
                name="notice_unread",
            ),
            models.Index(
                fields=["mail_due_at"],
                condition=Q(mailed_at__isnull=True, mail_due_at__isnull=False),
                name="notice_to_mail",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class NoticePreference(models.Model):
    """How one person wants to be told of one kind of thing, where it is not the usual way."""

    class Mail(models.TextChoices):
        OFF = "off", "No mail"
        NOW = "now", "At once"
        DAILY = "daily", "Daily digest"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notice_preferences")
    kind = models.CharField(max_length=20, choices=Notice.Kind)
    in_product = models.BooleanField(default=True)
    mail = models.CharField(max_length=10, choices=Mail)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="one_preference_of_each"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.mail}"
