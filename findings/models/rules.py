"""What an organisation lays down about findings: by when, for how long, how risky."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Rules(models.Model):
    """The one row of settings that departs from the defaults of `findings.rules`. Absent: none."""

    settings = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="rules_only_once")]

    def __str__(self) -> str:
        return "Rules for findings"
