"""One finding with everything that is said and decided about it, for its page and its drawer."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from accounts.models import User
from accounts.permissions import Permission
from findings import catalogue
from findings.listing import SORTS, Listing
from findings.models import Comment, Finding, FindingEvent
from findings.status import TRIAGE, status_of
from findings.triage import choices, neighbours
from findings.triage.comments import is_mendable
from policies.mending import asked_now, remedy_of
from policies.models import Statement
from policies.remedies import Filled
from policies.spec import Check

EVENTS_SHOWN = 100
COMMENTS_SHOWN = 200
_LONGEST_ORIGIN = 4_000


def finding_for(user: User, finding_id: int, *, now: datetime) -> Finding | None:
    """The finding, if this person may see it."""
    return (
        Finding.objects.visible_to(user)
        .with_exception(now=now)
        .select_related("asset__source", "asset__team", "assignee", "assigned_team")
        .with_labels()
        .defer("words")
        .filter(pk=finding_id)
        .first()
    )


def address(finding_id: int, origin: str = "") -> str:
    """Its page, which knows the list one came from."""
    kept = f"?{urlencode({'in': origin})}" if origin else ""
    return f"/findings/{finding_id}/{kept}"


def context(found: Finding, user: User, *, origin: str, now: datetime) -> dict[str, Any]:
    """What the page, the drawer and every answer to an act show."""
    check = catalogue.check_or_none(found.check_id)
    codes = check.statements if check else ()
    events = list(found.events.select_related("run", "by").order_by("-id")[:EVENTS_SHOWN])
    return {
        "finding": found,
        "asset": found.asset,
        "source": found.asset.source,
        "check": check,
        "title": check.title if check else found.check_id,
        "fix": catalogue.fix_for(check, found.asset.source.platform),
        "remedy": _remedy(found, check, user),
        "statements": Statement.objects.filter(code__in=codes),
        "evidence": sorted(found.evidence_for(user).items()),
        "events": events,
        "newest_event": events[0].pk if events else 0,
        "first_opened": _as_opened(found, events),
        "comments": _thread(found, user, now=now),
        "origin": origin,
        "page_address": address(found.pk, origin),
        "now": now,
        **_neighbours(found, user, origin, now=now),
        **_choices(found, user),
    }


def _remedy(found: Finding, check: Check | None, user: User) -> Filled | None:
    """How it is mended, with its own names."""
    if check is None or found.state != Finding.State.OPEN:
        return None
    return remedy_of(
        found.asset,
        check,
        key=found.key,
        evidence=found.evidence_for(user),
        sentence=found.message,
        asked=asked_now(),
        shows_address=user.sees_everything,
    )


def _as_opened(found: Finding, events: list[FindingEvent]) -> FindingEvent | None:
    """The event that opened it this time, where what it said then is no longer what it says."""
    opens = (FindingEvent.Kind.OPENED, FindingEvent.Kind.REOPENED)
    opened = next((event for event in events if event.kind in opens), None)
    if opened is None and len(events) == EVENTS_SHOWN:
        opened = found.events.filter(kind__in=opens).order_by("-id").first()
    if opened is None or not opened.message or opened.message == found.message:
        return None
    return opened


def _thread(found: Finding, user: User, *, now: datetime) -> list[tuple[Comment, bool]]:
    """The comments, oldest first, and whether this person may still change each."""
    newest = found.comments.select_related("by").order_by("-id")[:COMMENTS_SHOWN]
    may = user.may(Permission.FINDING_WORK)
    return [
        (comment, may and is_mendable(comment, by=user, now=now)) for comment in reversed(newest)
    ]


def _neighbours(found: Finding, user: User, origin: str, *, now: datetime) -> dict[str, Any]:
    """The list one came from: the way to the finding before and after, whether it has ticks."""
    if not origin or len(origin) > _LONGEST_ORIGIN:
        return {"origin": ""}
    listing = Listing(QueryDict(origin), user=user, now=now)
    if not listing.is_understood:
        return {"origin": ""}
    before, after = neighbours.of(found, listing.findings, SORTS[listing.sort][1])
    return {
        "may_select": user.may(Permission.FINDING_WORK) and not listing.as_of,
        "previous_address": address(before, origin) if before else "",
        "next_address": address(after, origin) if after else "",
    }


def _is_taken(found: Finding, user: User) -> bool:
    """Whether the person has it and took it themselves. A query only if they have it."""
    is_mine = found.assignee_id == user.pk
    return is_mine and Finding.objects.taken_by(user).filter(pk=found.pk).exists()


def _choices(found: Finding, user: User) -> dict[str, Any]:
    """What may be decided by this person, and what there is to choose from."""
    sorts, works = user.may(Permission.FINDING_TRIAGE), user.may(Permission.FINDING_WORK)
    is_open = found.state == Finding.State.OPEN
    given: dict[str, Any] = {
        "status": status_of(found).value,
        "may_sort": sorts and is_open,
        "may_label": sorts,
        "may_work": works,
        "may_take": works and is_open and found.assignee_id is None,
        "may_give_back": works and is_open and _is_taken(found, user),
        "may_except": is_open and user.may(Permission.WAIVER_REQUEST),
        "may_plan": is_open and user.may(Permission.PLAN_MANAGE),
        "steps": [],
    }
    if is_open and works:
        order = list(Finding.Triage.values)
        given["steps"] = [
            (to, Finding.Triage(to).label)
            for to in sorted(TRIAGE[found.triage], key=order.index)
            if sorts or order.index(to) > order.index(found.triage)
        ]
    if sorts:
        offered = choices.of_finding(found, user)
        given["people"] = offered.people
        given["teams"], given["labels"] = offered.of("team"), offered.of("label")
    return given
