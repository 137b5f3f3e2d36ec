"""Posture day by day: what trends are drawn from, and what the overview need not count again."""

from __future__ import annotations

from django.db import models

from accounts.models import Team
from inventory.models import Asset, Source


class PostureDay(models.Model):
    """That a source's day was counted, and which evaluation the counts belong to.

    The counts are those of the day's last evaluation. A day on which nothing was evaluated has no
    row, and one on which nothing was collected has facts of an earlier day: neither is drawn as if
    it had been seen.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="posture_days")
    day = models.DateField()  # UTC
    counted_at = models.DateTimeField()  # the moment the counts are true of
    published_at = models.DateTimeField()  # of the facts that were judged
    evaluated_at = models.DateTimeField()  # equal to the source's: they are today's counts

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "day"], name="posture_counted_once"),
        ]
        indexes = [models.Index(fields=["day", "source"], name="posture_days")]

    def __str__(self) -> str:
        return f"{self.source_id} on {self.day:%F}"

    @property
    def is_collected(self) -> bool:
        """Whether facts arrived on that day."""
        return self.published_at.date() >= self.day


class DailyPosture(models.Model):
    """What was counted of one source on one day, at one of three grains.

    Reading starts from exactly one grain, or things are counted twice:
    CHECK  per check, over all teams: for whoever sees the whole estate.
    TEAM   per team and check: what somebody of that team may see.
    CLASS  per team and classification, over all checks.
    """

    class Grain(models.TextChoices):
        CHECK = "check", "Check"
        TEAM = "team", "Team and check"
        CLASS = "class", "Team and classification"

    day = models.DateField()
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    grain = models.CharField(max_length=5, choices=Grain)
    # The past keeps the number of a team that is gone; nobody sees it by membership any more.
    team = models.ForeignKey(
        Team, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    classification = models.TextField(null=True)  # "" not set; null unknown
    check_id = models.CharField(max_length=80, blank=True)

    passed = models.IntegerField()
    failed = models.IntegerField()
    unknown = models.IntegerField()
    error = models.IntegerField()
    not_applicable = models.IntegerField()
    # Open findings at that moment, by severity, …
    critical = models.IntegerField()
    high = models.IntegerField()
    medium = models.IntegerField()
    low = models.IntegerField()
    info = models.IntegerField()
    # … how many of them were late, or covered by an exception, and for how long they were open.
    overdue = models.IntegerField()
    excepted = models.IntegerField()
    fresh = models.IntegerField()  # under a week
    weeks = models.IntegerField()  # one to four weeks
    months = models.IntegerField()  # one to three months
    old = models.IntegerField()
    # What happened on the day.
    opened = models.IntegerField()
    resolved = models.IntegerField()
    fixed = models.IntegerField()  # resolved because a collection proved it
    fixed_in_time = models.IntegerField()
    fix_seconds = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "day", "grain", "team", "check_id", "classification"],
                nulls_distinct=False,
                name="daily_posture_identity",
            ),
        ]
        indexes = [
            models.Index(fields=["grain", "day", "source"], name="daily_posture_by_day"),
            models.Index(
                fields=["team", "day"],
                condition=models.Q(grain="team"),
                name="daily_posture_of_team",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_id} on {self.day:%F}: {self.check_id or self.classification}"


class Burden(models.Model):
    """The worst assets of each team on a source, as its last evaluation left them."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(
        Team, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    asset = models.OneToOneField(Asset, on_delete=models.CASCADE, related_name="+")
    rank = models.PositiveSmallIntegerField()  # of the gravest open finding
    serious = models.PositiveIntegerField()
    open = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["source", "team"], name="burden_by_source")]

    def __str__(self) -> str:
        return f"{self.asset_id}: {self.open}"
