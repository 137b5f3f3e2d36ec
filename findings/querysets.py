"""Every reusable read of findings, each starting from what a person may see."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

from accounts.models import User

if TYPE_CHECKING:
    from findings.models import Finding  # noqa: F401


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: User) -> Self:
        if user.sees_everything:
            return self
        return self.filter(asset__team__members=user)

    def open(self) -> Self:
        return self.filter(state="open")

    def overdue(self, *, now: datetime) -> Self:
        return self.filter(state="open", due_at__lt=now)
