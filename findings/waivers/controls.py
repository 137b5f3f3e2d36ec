"""A compensating control that is a check: the exception holds while it passes, and no longer.

Only a pass is a pass. Where the check is unknown, failed to run, does not apply, was not asked yet
or is switched off, it does not hold.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from findings import catalogue
from findings.announcing.outbox import Topic
from findings.models import Finding, Waiver, WaiverCover
from findings.rules import RuleSet
from findings.waivers import dates, history
from inventory.models import Asset
from policies import configuration
from policies.models import Verdict
from policies.spec import Check

# Between publishing a source's facts and judging them its answers are not there for a moment. The
# judgement that follows says; when none follows, nobody knows.
JUDGED_WITHIN = timedelta(hours=1)


def check_of(waiver_or_name: Waiver | str) -> Check | None:
    """The check that has to pass; None when there is none, or it is switched off or gone."""
    name = waiver_or_name if isinstance(waiver_or_name, str) else waiver_or_name.control_check_id
    check = catalogue.check_or_none(name) if name else None
    if check is None:
        return None
    setting = configuration.setting_of(check)
    return check if setting is None or setting.is_enabled else None


def failing(
    check: Check | None, assets: QuerySet[Asset], *, grace: Q | None = None
) -> QuerySet[Asset]:
    """The assets for which the control does not pass. `grace`: those whose judgement is awaited."""
    if check is None:
        return assets
    said = Verdict.objects.filter(
        asset=OuterRef("pk"), check_id__in=catalogue.names_of(check)
    ).order_by()
    unasked = Q(evaluated_at__isnull=True)
    if grace is not None:
        unasked &= ~grace
    return assets.filter(Exists(said) | unasked | ~Q(kind=check.kind.value))


def assets_of(findings: QuerySet[Finding]) -> QuerySet[Asset]:
    """The assets that findings are about, each once."""
    return Asset.objects.filter(pk__in=findings.order_by().values("asset_id"))


def covered_assets(waiver: Waiver) -> QuerySet[Asset]:
    """The assets of the open findings that it covers."""
    covers = WaiverCover.objects.filter(waiver=waiver, finding__state=Finding.State.OPEN)
    return Asset.objects.filter(pk__in=covers.values("finding__asset_id"))


def has_failed(waiver: Waiver, *, now: datetime, source_id: int | None = None) -> bool:
    """Whether its control does not pass for something that it covers."""
    grace = Q(source__published_at__gt=now - JUDGED_WITHIN) & ~Q(source_id=source_id or 0)
    return failing(check_of(waiver), covered_assets(waiver), grace=grace).exists()


def watch(waiver: Waiver, rules: RuleSet, *, now: datetime, source_id: int | None = None) -> None:
    """Let the exception lapse when its control no longer passes, and count again when it does.

    In the caller's transaction, which holds the exception.
    """
    if not waiver.control_check_id:
        return
    fails = has_failed(waiver, now=now, source_id=source_id)
    if fails == (waiver.lapsed_since is not None):
        return
    within = waiver.starts_at <= now < waiver.expires_at
    covered = list(waiver.covers.values_list("finding_id", flat=True)) if within else []
    waiver.lapsed_since = now if fails else None
    waiver.save(update_fields=["lapsed_since"])
    if fails:
        history.tell(waiver, history.Kind.LAPSED, at=now, control=waiver.control_check_id)
        history.announce(waiver, Topic.WAIVER_LAPSED, at=now)
        dates.bring_back(waiver, covered, rules, now=now)
        why = "The compensating control of the exception does not pass."
        history.returned(waiver, covered, why, at=now)
    else:
        history.tell(waiver, history.Kind.RESTORED, at=now, control=waiver.control_check_id)
        dates.put_off(waiver, covered)
        history.excepted(waiver, covered, at=now)
