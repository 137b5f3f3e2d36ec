"""What pages of findings call things."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from findings import catalogue
from findings.models import Comment, Finding, FindingEvent
from findings.status import LABELS, Status, status_of
from ui.clock import exactly
from ui.inert import inert

register = template.Library()


@register.filter
def check_title(check_id: str) -> str:
    """The title of a check, or its id when it is no longer shipped."""
    return catalogue.title_of(check_id)


@register.filter
def status_name(value: Finding | str) -> str:
    """Where a finding stands, as the part `{% status %}` calls it. Needs `with_exception`."""
    name = value if isinstance(value, str) else status_of(value).value
    return "waiting" if name == Status.AWAITING_PROOF else name


@register.filter
def step_label(value: str) -> str:
    """“Fixed, waiting for proof” for `awaiting_proof`."""
    return LABELS[Status(value)] if value in set(Status) else value


@register.filter
def event_words(event: FindingEvent) -> str:
    """From what to what, in words; empty where the kind of the event says it all."""
    detail = event.detail if isinstance(event.detail, dict) else {}
    if "undone" in detail:
        return ""
    in_words: dict[str, Callable[[dict[str, Any]], str]] = {
        FindingEvent.Kind.TRIAGE: _moved,
        FindingEvent.Kind.ASSIGNED: _assigned,
        FindingEvent.Kind.DUE: _dated,
        FindingEvent.Kind.LABELLED: _labelled,
        FindingEvent.Kind.TICKET: _ticketed,
        FindingEvent.Kind.WARNED: lambda said: _day(said.get("due_at")),
        FindingEvent.Kind.BREACHED: lambda said: _day(said.get("due_at")),
    }
    words = in_words.get(event.kind)
    return words(detail) if words else ""


def _moved(detail: dict[str, Any]) -> str:
    was, to = detail.get("triage", ("", ""))
    return f"from “{step_label(was)}” to “{step_label(to)}”" if to else ""


def _assigned(detail: dict[str, Any]) -> str:
    if "team" in detail:
        return f"to team {detail.get('team_name')}" if detail["team"] else "to no team"
    return f"to @{detail['assignee']}" if detail.get("assignee") else "to nobody"


def _dated(detail: dict[str, Any]) -> str:
    was, to = detail.get("due_at", (None, None))
    return f"from {_day(was)} to {_day(to)}"


def _labelled(detail: dict[str, Any]) -> str:
    return " ".join(f"“{detail[way]}” {way}" for way in ("added", "removed") if way in detail)


def _ticketed(detail: dict[str, Any]) -> str:
    was, to = detail.get("ticket", ("", ""))
    return to or f"{was} taken away"


def _day(text: str | None) -> str:
    if not text:
        return "no due date"
    try:
        return exactly(datetime.fromisoformat(text))
    except ValueError:
        return text


@register.filter
def comment_text(comment: Comment) -> SafeString:
    """What was written, inert, in its lines. Only names of people who were told stand out."""
    told = {str(name).lower() for name in comment.mentions}
    paragraphs = re.split(r"\n\s*\n", comment.text)
    return format_html_join(
        "", "<p>{}</p>", ((_lines(each, told),) for each in paragraphs if each.strip())
    )


def _lines(paragraph: str, told: set[str]) -> SafeString:
    return format_html_join(
        mark_safe("<br>"), "{}", ((_mentions(line, told),) for line in paragraph.split("\n"))
    )


def _mentions(line: str, told: set[str]) -> SafeString:
    parts = re.split(r"((?<![\w@])@[\w.+-]*\w)", line)
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<strong class="v-mention">{}</strong>', inert(part)),)
            if index % 2 and part[1:].lower() in told
            else (inert(part),)
            for index, part in enumerate(parts)
        ),
    )


@register.filter
def is_address(ticket: str) -> bool:
    """Whether a ticket is an address that may be linked."""
    return ticket.startswith("https://")


@register.filter
def ticket_name(ticket: str) -> str:
    """What a ticket is called: the last part of its address, which names it nearly everywhere."""
    if not is_address(ticket):
        return ticket
    return ticket.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or ticket
