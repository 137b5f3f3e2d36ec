"""Who watches a source at the moment, and how far what it was told is published."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from inventory.models import Source  # noqa: F401

SILENT_AFTER = timedelta(seconds=90)  # an answer comes at least every twenty seconds


class Watch(models.Model):
    """The one watch over a source: leased like a run, so that two processes never both publish."""

    class State(models.TextChoices):
        CATCHING_UP = "catching-up", "Catching up"  # a collection has to tell what was before
        LIVE = "live", "Live"
        WAITING = "waiting", "Not watching"  # it failed, or nobody has begun yet

    source = models.OneToOneField(
        "inventory.Source", on_delete=models.CASCADE, related_name="watch"
    )
    state = models.CharField(max_length=20, choices=State, default=State.WAITING)
    worker = models.CharField(max_length=200, blank=True)
    token = models.BigIntegerField(default=0)  # fencing: grows with every claim
    lease_expires_at = models.DateTimeField(null=True)
    began_at = models.DateTimeField(null=True)  # since when changes are told without a gap
    live_since = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)  # every change told until then is published
    failures = models.PositiveIntegerField(default=0)  # in a row
    not_before_at = models.DateTimeField(null=True)  # back-off after a failure
    problem = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    sealed_session = models.BinaryField(null=True)  # of a session a killed watch may have left

    class Meta:
        verbose_name_plural = "watches"

    def __str__(self) -> str:
        return f"watch over {self.source_id}"

    def is_live(self, *, now: datetime) -> bool:
        """Whether what is shown is what the platform says now, but for the last seconds."""
        return (
            self.state == self.State.LIVE
            and self.confirmed_at is not None
            and now - self.confirmed_at < SILENT_AFTER
        )
