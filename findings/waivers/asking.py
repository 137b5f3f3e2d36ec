"""What an exception would cover, shown before it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import QuerySet
from django.http import QueryDict

from accounts.errors import NotPossible
from accounts.models import User
from findings import rules
from findings.models import Finding, Waiver
from findings.waivers import limits, listing, requesting, scopes
from findings.waivers.forms import moment_of
from findings.waivers.scopes import Scope
from policies.configuration import configured_checks

NAMES = ("finding", "asset", "check", "query")
_LONGEST_ID = 18


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What it would cover now, and how long it may last for that."""

    scope: Scope
    subject: str
    count: int
    severity: str
    by_severity: list[tuple[str, int]]
    days: int
    latest_end: datetime
    examples: list[Finding]
    checks: list[tuple[str, str]]  # that may be named as the control
    picked: int  # how many findings were picked one by one; 0 where it is about what matches


def named_in(said: QueryDict) -> dict[str, str]:
    """What an address or a form names, or raise NotPossible. Several findings are asked for as one.

    Names are those of `scope_of`.
    """
    named = {name: str(said[name]) for name in NAMES if said.get(name)}
    if len(said.getlist("finding")) > 1:
        return named_by(said.getlist("finding"))
    return named


def named_by(findings: Collection[object]) -> dict[str, str]:
    """The same for findings by id, or raise NotPossible where they are too many."""
    picked = {str(pk) for pk in findings}
    return {"finding": picked.pop()} if len(picked) == 1 else {"query": scopes.picking(picked)}


def scope_of(asked: Mapping[str, str], *, user: User, now: datetime) -> Scope:
    """The scope that an address names, or raise NotPossible."""
    if asked.get("finding"):
        return scopes.of_finding(_number(asked["finding"]), user=user)
    if asked.get("asset"):
        check = asked.get("check", "")
        return scopes.of_asset(_number(asked["asset"]), user=user, check_id=check)
    if asked.get("check"):
        return scopes.of_check(asked["check"], user=user)
    if asked.get("query"):
        return scopes.of_query(asked["query"], user=user, now=now)
    raise NotPossible("An exception is about a finding, an asset, a check or a filter.")


def _number(text: str) -> int:
    """The number, or 0 for what is none."""
    is_one = text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID
    return int(text) if is_one else 0


def preview(asked: Mapping[str, str], *, user: User, now: datetime) -> Preview:
    """What a request would be about, or raise NotPossible."""
    scope = scope_of(asked, user=user, now=now)
    matching = scopes.matching(scope, asked_by=user, now=now)
    wanted = Waiver(requested_by=user, **msgspec.structs.asdict(scope))
    return _preview(scope, matching, wanted, user=user, starts_at=now)


def preview_of_extension(old: Waiver, *, user: User, now: datetime) -> Preview:
    """What an extension would be about: the same as the exception that it extends."""
    scope = Scope(**{name: getattr(old, name) for name in Scope.__struct_fields__})
    matching = scopes.of_waiver(old, now=now).filter(pk__in=Finding.objects.visible_to(user))
    return _preview(scope, matching, old, user=user, starts_at=old.expires_at)


def _preview(
    scope: Scope, matching: QuerySet[Finding], wanted: Waiver, *, user: User, starts_at: datetime
) -> Preview:
    reach = limits.reach(matching)
    severity = reach.severity or "info"
    length = limits.longest(rules.current(), severity)
    return Preview(
        scope=scope,
        subject=listing.subject_of(wanted, user=user),
        count=reach.count,
        severity=reach.severity,
        by_severity=reach.by_severity(),
        days=length.days,
        latest_end=starts_at + length,
        examples=list(
            matching.select_related("asset__source")
            .defer("asset__record", "evidence")
            .order_by("severity_rank", "-opened_at", "id")[: listing.EXAMPLES]
        ),
        checks=_checks(matching),
        picked=wanted.picked,
    )


def _checks(matching: QuerySet[Finding]) -> list[tuple[str, str]]:
    """Checks that answer for everything it is about, without those it is about."""
    rows = matching.order_by().values_list("asset__kind", "check_id").distinct()
    kinds = {kind for kind, _ in rows}
    about = {check_id for _, check_id in rows}
    return [
        (one.check.id, one.check.title)
        for one in configured_checks()
        if one.enabled and {one.check.kind.value} == kinds and one.check.id not in about
    ]


def ask(scope: Scope, said: Mapping[str, Any], *, by: User, now: datetime) -> Waiver:
    """Ask as the form says, or raise NotPossible."""
    starts_on = said.get("starts_on")
    starts_at = moment_of(starts_on) if starts_on else None
    if starts_on == now.date():  # today is at once
        starts_at = now
    return requesting.ask(
        by=by,
        scope=scope,
        ground=said["ground"],
        reason=said["reason"],
        controls_said=said["controls_said"],
        control_check_id=said["control_check_id"],
        evidence=said["evidence"],
        starts_at=starts_at,
        expires_at=moment_of(said["ends_on"]),
        now=now,
    )
