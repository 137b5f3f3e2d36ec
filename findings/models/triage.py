"""What people say about findings, how they look at them, and what they did to many at once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import Team, User
from findings.models.finding import Finding


class Comment(models.Model):
    """What somebody wrote about a finding. Plain text; what it said before is kept."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="comments")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()
    mentions = models.JSONField(default=list)  # usernames of the people it was told to
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    earlier = models.JSONField(default=list)  # [{"at": …, "text": …}], oldest first

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["finding", "id"], name="comment_thread")]

    def __str__(self) -> str:
        return f"comment {self.pk}"


class BulkAct(models.Model):
    """One act on many findings, with what it takes to undo it once."""

    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    act = models.JSONField()  # as in `findings.triage.acts`
    query = models.TextField(blank=True)  # the filter that chose them; empty: chosen one by one
    changed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    # [finding, version after, {field: value before}]: one document, written and read as a whole
    rows = models.JSONField(default=list)
    undone_at = models.DateTimeField(null=True)
    restored = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["by", "-id"], name="bulk_act_of_person")]

    def __str__(self) -> str:
        return f"act {self.pk} on {self.changed} findings"


class SavedView(models.Model):
    """A filter of the list of findings under a name. It is asked as whoever looks, so that sharing
    one shows nobody more than they may see.
    """

    class Shared(models.TextChoices):
        NOBODY = "nobody", "Only me"
        TEAM = "team", "A team"
        ALL = "all", "Everybody"

    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.TextField()  # a query string of the list of findings
    shared = models.CharField(max_length=10, choices=Shared, default=Shared.NOBODY)
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    is_pinned = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                "owner",
                Lower("name"),
                name="view_name_unique",
                violation_error_message="You already have a view with this name.",
            ),
            models.CheckConstraint(
                condition=Q(shared="team", team__isnull=False)
                | (~Q(shared="team") & Q(team__isnull=True)),
                name="view_shared_with_its_team",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class LastVisit(models.Model):
    """When somebody looked at the list of findings, and when the time before that."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="last_visit")
    seen_at = models.DateTimeField()
    previous_at = models.DateTimeField(null=True)  # the end of the visit before this one
    default_view = models.ForeignKey(
        SavedView, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.user_id} at {self.seen_at:%F %T}"
