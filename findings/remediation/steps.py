"""How the findings of a task are mended: steps and a script with their names, to read and copy.

Nothing here is ever run by us. Only what the reader may see is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from django.db.models import QuerySet

from accounts.models import User
from findings import catalogue
from findings.models import Finding, Plan, Task, TaskFinding
from policies.catalogue import PLATFORMS
from policies.mending import Asked, asked_now, remedy_of, task_of
from policies.remedies import Filled, script_for_many
from policies.remedies import Task as Part

SHOWN = 10  # findings of a task whose steps a page spells out
SCRIPTED = 2_000  # findings in one script


class Mend(msgspec.Struct, frozen=True, kw_only=True):
    """One finding and how it is mended. `fix` is the general advice where there is no remedy."""

    finding: Finding
    filled: Filled | None
    fix: str


class OnPlatform(msgspec.Struct, frozen=True, kw_only=True):
    """What a task asks for on one platform."""

    name: str
    mends: Sequence[Mend]
    script: str  # of the mends; empty when no script can do it


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to do of a task, as far as the reader sees it."""

    platforms: Sequence[OnPlatform]
    is_cut: bool  # there is more than `platforms` spells out


def work_of(plan: Plan, findings: Sequence[Finding], user: User, *, now: datetime) -> Work:
    """The steps for the first of these findings that are open. They come with their source."""
    left = [finding for finding in findings if finding.state == Finding.State.OPEN]
    asked = asked_now() if left else {}
    grouped: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in left[:SHOWN]:
        grouped[finding.asset.source.platform].append(finding)
    platforms = [
        OnPlatform(
            name=dict(PLATFORMS).get(platform, platform),  # type: ignore[call-overload]
            mends=[_mend(finding, user, asked) for finding in found],
            script=_script(found, plan, user, asked, now=now),
        )
        for platform, found in sorted(grouped.items())
    ]
    return Work(platforms=platforms, is_cut=len(left) > SHOWN)


def script_of(plan: Plan, tasks: QuerySet[Task], user: User, *, now: datetime) -> str:
    """One script for all that is open of these tasks; empty when there is nothing to script."""
    inside = TaskFinding.objects.filter(plan=plan, task__in=tasks)
    return _script(list(_left(inside, user)[:SCRIPTED]), plan, user, asked_now(), now=now)


def _left(inside: QuerySet[TaskFinding], user: User) -> QuerySet[Finding]:
    present = inside.present().visible_to(user)  # type: ignore[attr-defined]
    return (
        Finding.objects.visible_to(user)
        .open()
        .filter(pk__in=present.values("finding"))
        .select_related("asset__source")
        .order_by("severity_rank", "check_id", "pk")
    )


def _mend(finding: Finding, user: User, asked: Asked) -> Mend:
    check = catalogue.check_or_none(finding.check_id)
    filled = None
    if check is not None:
        filled = remedy_of(
            finding.asset,
            check,
            key=finding.key,
            evidence=finding.evidence_for(user),
            sentence=finding.message,
            asked=asked,
            shows_address=user.sees_everything,
        )
    fix = "" if filled else catalogue.fix_for(check, finding.asset.source.platform)
    return Mend(finding=finding, filled=filled, fix=fix)


def _script(
    findings: Iterable[Finding], plan: Plan, user: User, asked: Asked, *, now: datetime
) -> str:
    parts: list[Part] = []
    for finding in findings:
        check = catalogue.check_or_none(finding.check_id)
        if check is not None:
            parts.append(
                task_of(
                    finding.asset,
                    check,
                    key=finding.key,
                    evidence=finding.evidence_for(user),
                    sentence=finding.message,
                    asked=asked,
                    shows_address=user.sees_everything,
                )
            )
    if not parts:
        return ""
    return script_for_many(parts, title=plan.title, asked_by=str(user), asked_at=now)
