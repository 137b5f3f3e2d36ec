"""Every reusable read of findings and exceptions, each starting from what a person may see."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Exists, Max, OuterRef, Q, Subquery
from django.db.models.lookups import Exact

from accounts.models import User

if TYPE_CHECKING:
    from findings.models import Finding, Notice, Waiver  # noqa: F401


def effective(prefix: str = "", *, now: datetime) -> Q:
    """The condition under which an exception counts: approved, begun, not over, its control holds.

    `prefix` leads to the exception, as in `"waiver__"`.
    """
    return Q(
        **{
            f"{prefix}status": "approved",
            f"{prefix}starts_at__lte": now,
            f"{prefix}expires_at__gt": now,
            f"{prefix}lapsed_since__isnull": True,
        }
    )


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: User) -> Self:
        if user.sees_everything:
            return self
        return self.filter(team__in=user.team_ids)

    def taken_by(self, user: User) -> Self:
        """What the person has and took, or chose, themselves: nobody gave it to them."""
        from findings.models import FindingEvent  # models need this module first

        given = FindingEvent.objects.filter(
            finding=OuterRef("pk"), kind="assigned", detail__has_key="assignee"
        )
        last = Subquery(given.order_by("-pk").values("by")[:1])
        return self.filter(assignee=user).alias(given_by=last).filter(given_by=user.pk)

    def open(self) -> Self:
        return self.filter(state="open")

    def overdue(self, *, now: datetime) -> Self:
        return self.filter(state="open", due_at__lt=now)

    def excepted(self, *, now: datetime) -> Self:
        """Open, and covered by an exception that counts now."""
        return self.open().filter(covered(now))

    def to_do(self, *, now: datetime) -> Self:
        """Open, and not covered by an exception that counts now."""
        return self.open().filter(~covered(now))

    def with_exception(self, *, now: datetime) -> Self:
        """Annotate `excepted_until`: when the last of the exceptions that count now ends."""
        from findings.models import WaiverCover  # models need this module first

        ends = (
            WaiverCover.objects.filter(finding=OuterRef("pk"))
            .filter(effective("waiver__", now=now))
            .order_by()
            .values("finding")
            .annotate(end=Max("waiver__expires_at"))
            .values("end")
        )
        return self.annotate(excepted_until=Subquery(ends))

    def with_labels(self) -> Self:
        """Annotate `label_names`, in the same query."""
        from findings.models import Label  # models need this module first

        named = Label.objects.filter(findings=OuterRef("pk")).order_by("name")
        return self.annotate(label_names=ArraySubquery(named.values("name")))


def covered(now: datetime) -> Exists:
    from findings.models import WaiverCover  # models need this module first

    return Exists(
        WaiverCover.objects.filter(finding=OuterRef("pk")).filter(effective("waiver__", now=now))
    )


def fix_of(user: User) -> Q:
    """The condition that a fix concerns the person: they have the finding, or while nobody has it
    they said last that it was fixed.
    """
    from findings.models import FindingEvent  # models need this module first

    claims = FindingEvent.objects.filter(finding=OuterRef("pk"), kind="claimed")
    claimed_by = Subquery(claims.order_by("-pk").values("by")[:1])
    return Q(assignee=user) | (Q(assignee=None) & Q(Exact(claimed_by, user.pk)))


class WaiverQuerySet(models.QuerySet["Waiver"]):
    def visible_to(self, user: User) -> Self:
        """Exceptions about what the person may see. One of a whole check or of a filter is for
        those who see the whole estate, those who see all the teams it is limited to, and whoever
        asked for it.
        """
        if user.sees_everything:
            return self
        teams = user.team_ids
        return self.filter(
            Q(finding__team__in=teams)
            | Q(asset__team__in=teams)
            | Q(finding=None, asset=None, teams__contained_by=teams)
            | Q(finding=None, asset=None, requested_by=user)
        )

    def effective(self, *, now: datetime) -> Self:
        return self.filter(effective(now=now))


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> Self:
        """One's own, as long as one may see what they are about."""
        own = self.filter(user=user, in_product=True)
        if user.sees_everything:
            return own
        from findings.models import Waiver  # models need this module first

        return own.filter(
            Q(finding__isnull=True) | Q(finding__team__in=user.team_ids),
            Q(waiver__isnull=True) | Q(waiver__in=Waiver.objects.visible_to(user)),
        )

    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)
