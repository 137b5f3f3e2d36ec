"""What a notice says to the person it is for, from what they may see now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from findings.announcing.outbox import Topic
from findings.models import Finding, Notice, Waiver
from inventory.models import Source
from ui.clock import exactly
from ui.inert import shortened

Kind = Notice.Kind
_LONGEST_NAME = 80
_LONGEST_SENTENCE = 160


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A notice in words. `sentence` holds names from platforms, already made harmless to read."""

    notice: Notice
    sentence: str
    address: str  # a path of ours


def told(notices: Iterable[Notice], *, user: User) -> list[Told]:
    """The notices in words; those about what the person may no longer see are left out."""
    notices = list(notices)
    findings = {
        finding.pk: finding
        for finding in Finding.objects.visible_to(user)
        .filter(pk__in={n.finding_id for n in notices if n.finding_id})
        .select_related("asset")
        .defer("evidence", "asset__record")
    }
    waivers = Waiver.objects.visible_to(user).in_bulk({n.waiver_id for n in notices if n.waiver_id})
    sources = Source.objects.visible_to(user).in_bulk({n.source_id for n in notices if n.source_id})
    found = []
    for notice in notices:
        one = _told(notice, findings, waivers, sources)
        if one is not None:
            found.append(one)
    return found


def _told(
    notice: Notice,
    findings: dict[int, Finding],
    waivers: dict[int, Waiver],
    sources: dict[int, Source],
) -> Told | None:
    if notice.finding_id is not None:
        finding = findings.get(notice.finding_id)
        return _of_finding(notice, finding) if finding is not None else None
    if notice.waiver_id is not None:
        waiver = waivers.get(notice.waiver_id)
        return _of_waiver(notice, waiver) if waiver is not None else None
    if notice.plan_id is not None:
        return _of_plan(notice)
    source = sources.get(notice.source_id or 0)
    return _of_several(notice, source) if source is not None else None


_FINDING_WORDS: dict[str, str] = {
    Kind.ASSIGNED: "{by} assigned to you: {what}",
    Kind.MENTIONED: "{by} mentioned you on: {what}",
    Kind.COMMENTED: "{by} commented on: {what}",
    Kind.DUE_SOON: "Due soon: {what}",
    Kind.BREACHED: "Due date missed: {what}",
    Kind.REFUTED: "Seen again after the fix: {what}",
    Kind.REOPENED: "Back again: {what}",
    Kind.RESOLVED: "Resolved: {what}",
}


def _of_finding(notice: Notice, finding: Finding) -> Told:
    by = str(notice.announcement.by) if notice.announcement.by_id else "vmgov"
    name = shortened(finding.asset.name, _LONGEST_NAME)
    what = f"{shortened(finding.message, _LONGEST_SENTENCE)} ({name})"
    sentence = _FINDING_WORDS[notice.kind].format(by=shortened(by, _LONGEST_NAME), what=what)
    others = notice.detail.get("count", 1) - 1
    if others > 0:
        sentence = f"{sentence} And {others:,} more."
    return Told(notice=notice, sentence=sentence, address=f"/findings/{finding.pk}/")


def _of_several(notice: Notice, source: Source) -> Told:
    count = notice.detail.get("count", 0)
    name = shortened(source.name, _LONGEST_NAME)
    findings = "1 finding" if count == 1 else f"{count:,} findings"
    until = notice.at + timedelta(seconds=1)
    query: dict[str, Any] = {"source": source.pk, "state": "any"}
    if notice.kind == Kind.OPENED:
        serious = notice.detail.get("serious", 0)
        more = f", {serious:,} of them critical or high" if serious else ""
        query |= {"opened_since": notice.at.isoformat(), "opened_before": until.isoformat()}
        sentence = f"{findings} opened in {name}{more}."
    elif notice.kind == Kind.RESOLVED:
        query |= {"resolved_since": notice.at.isoformat(), "resolved_before": until.isoformat()}
        query["assignee"] = "me"
        sentence = f"{findings} of yours in {name} are resolved."
    elif notice.kind == Kind.REFUTED:
        sentence = f"{findings} of yours in {name} were seen again after the fix."
        return Told(notice=notice, sentence=sentence, address=refuted_address(notice, state="any"))
    else:
        query |= {"assignee": "me", "state": "open"}
        sentence = f"{findings} of yours in {name} are back."
    return Told(notice=notice, sentence=sentence, address=f"/findings/?{urlencode(query)}")


def refuted_address(notice: Notice, **more: str) -> str:
    """The list of one's fixes that a source's collection refuted together."""
    query = {"source": notice.source_id, "refuted_at": notice.at.isoformat(), **more}
    return f"/findings/?{urlencode(query)}"


def _of_waiver(notice: Notice, waiver: Waiver) -> Told:
    status = waiver.get_status_display().lower()
    words = {
        Kind.WAIVER_REQUESTED: f"{waiver.requested_by} asks for exception {waiver.pk}.",
        Kind.WAIVER_DECIDED: f"Your exception {waiver.pk} is {status}.",
        Kind.WAIVER_ENDING: f"Exception {waiver.pk} ends on {exactly(waiver.expires_at)}.",
        Kind.WAIVER_ENDED: f"Exception {waiver.pk} has ended; its findings are back.",
        Kind.WAIVER_WEAKENED: (
            f"Exception {waiver.pk} covers nothing while its control does not pass."
            if notice.detail.get("topic") == Topic.WAIVER_LAPSED
            else f"More matches exception {waiver.pk} than it may cover."
        ),
    }
    return Told(
        notice=notice, sentence=words[Kind(notice.kind)], address=f"/exceptions/{waiver.pk}/"
    )


_PLAN_WORDS: dict[str, str] = {
    Topic.PLAN_ASSIGNED: "Plan {plan} has work for you.",
    Topic.PLAN_PROVEN: "Plan {plan} is done: everything in it is proven.",
    Topic.PLAN_REFUTED: "A fix in plan {plan} did not hold.",
    Topic.PLAN_DUE_SOON: "Plan {plan} is due soon.",
}


def _of_plan(notice: Notice) -> Told:
    try:
        address = reverse("findings:plan", args=[notice.plan_id])
    except NoReverseMatch:
        address = "/remediation/"
    sentence = _PLAN_WORDS.get(notice.detail.get("topic", ""), "Plan {plan} has changed.")
    return Told(notice=notice, sentence=sentence.format(plan=notice.plan_id), address=address)
