"""What an organisation lays down about findings: the defaults, and how it departs from them."""

from __future__ import annotations

from typing import Literal

import msgspec
from django.db import transaction

from accounts.errors import NotPossible
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings.models import Rules

_LONGEST_DAYS = 366
UNSAID_TIER = 2


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days are whole days from the moment a finding opened or a request was made."""

    # priority → days until due; None: no due date
    due_days: dict[str, int | None] = msgspec.field(
        default_factory=lambda: {"1": 7, "2": 30, "3": 60, "4": 120, "5": None}
    )
    warn_days: int = 3  # before a due date
    # severity → longest exception
    exception_days: dict[str, int] = msgspec.field(
        default_factory=lambda: {
            "critical": 30,
            "high": 90,
            "medium": 180,
            "low": 365,
            "info": 365,
        }
    )
    exception_warn_days: int = 14  # before an exception ends
    due_after_exception: Literal["keep", "restart"] = "keep"
    # What an approved exception may grow by before new findings are no longer covered, in percent.
    exception_growth_percent: int = 10
    # Label (lower case) → risk tier: 1 high, 2 ordinary, 3 low. The riskiest label counts.
    classification_tiers: dict[str, int] = msgspec.field(
        default_factory=lambda: {
            "patient data": 1,
            "restricted": 1,
            "secret": 1,
            "confidential": 1,
            "internal": 2,
            "public": 3,
        }
    )
    criticality_tiers: dict[str, int] = msgspec.field(
        default_factory=lambda: {
            "critical": 1,
            "high": 1,
            "medium": 2,
            "low": 3,
        }
    )


def current() -> RuleSet:
    """The rules that count now."""
    row = Rules.objects.filter(pk=1).first()
    return msgspec.convert(row.settings, RuleSet) if row else RuleSet()


@transaction.atomic
def change(*, rules: RuleSet, version: int, by: User) -> None:
    """Lay down other rules for what opens or is asked for from now on, or raise NotPossible."""
    _refuse_nonsense(rules)
    Rules.objects.get_or_create(pk=1)
    row = Rules.objects.select_for_update().get(pk=1)
    if row.version != version:
        raise NotPossible("Somebody changed the rules meanwhile. Look at them again.")
    before = msgspec.to_builtins(msgspec.convert(row.settings, RuleSet))
    row.settings, row.version = msgspec.to_builtins(rules), version + 1
    row.save(update_fields=["settings", "version"])
    trail.record(by, Permission.RULES_CHANGE, row, before=before, after=row.settings)


def _refuse_nonsense(rules: RuleSet) -> None:
    days = [*rules.due_days.values(), *rules.exception_days.values()]
    if any(day is not None and not 1 <= day <= _LONGEST_DAYS for day in days):
        raise NotPossible(f"A number of days lies between 1 and {_LONGEST_DAYS}.")
    if not 0 <= rules.warn_days <= _LONGEST_DAYS or not 1 <= rules.exception_warn_days <= 90:
        raise NotPossible("A warning comes at most 90 days before an exception ends.")
    if not 0 <= rules.exception_growth_percent <= 100:
        raise NotPossible("An exception may grow by at most 100 percent.")
    tiers = [*rules.classification_tiers.values(), *rules.criticality_tiers.values()]
    if any(tier not in (1, 2, 3) for tier in tiers):
        raise NotPossible("A risk tier is 1, 2 or 3.")
