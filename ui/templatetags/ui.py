"""One look per idea: `{% load ui %}` gives every page the same verdicts, dates, assets and charts.

The catalogue with examples is `templates/ui/README.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.http import QueryDict
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ui import asof, charts, clock, nav, prose, toasts, waiting
from ui import inert as inert_text
from ui.parts import remembered
from ui.views import COOKIE, DENSITIES, DENSITY_COOKIE, THEMES

register = template.Library()

VERDICTS = {
    "pass": "Pass",
    "fail": "Fail",
    "unknown": "Unknown",
    "not_applicable": "Not applicable",
    "error": "Error",
}
SEVERITIES = ("critical", "high", "medium", "low", "info")
BASES = {"observed": "Observed", "imported": "Imported", "attested": "Attested"}
RUN_TONES = {
    "queued": "calm",
    "running": "accent",
    "held": "warn",
    "complete": "pass",
    "partial": "warn",
    "failed": "fail",
    "cancelled": "calm",
    "quarantined": "fail",
}
# Where a finding stands: the word, and the sign in static/img/marks.svg.
STATUSES = {
    "new": "New",
    "open": "New",
    "triaged": "Triaged",
    "in_progress": "In progress",
    "waiting": "Waiting for proof",
    "excepted": "Excepted",
    "resolved": "Resolved",
}
PRIORITIES = {1: "most urgent", 2: "urgent", 3: "soon", 4: "later", 5: "when there is time"}
# Where an exception stands: word, tone, drawing.
EXCEPTIONS = {
    "draft": ("Draft", "calm", "pencil"),
    "requested": ("Requested", "accent", "hourglass"),
    "in_review": ("In review", "accent", "eye"),
    "approved": ("Approved", "pass", "shield-check"),
    "effective": ("In effect", "pass", "shield-check"),
    "scheduled": ("Scheduled", "calm", "calendar"),
    "expired": ("Expired", "warn", "clock-exclamation"),
    "rejected": ("Rejected", "fail", "x"),
    "withdrawn": ("Withdrawn", "calm", "arrow-back-up"),
    "revoked": ("Revoked", "fail", "ban"),
    "outgrown": ("Outgrown", "warn", "alert-triangle"),
    "lapsed": ("Lapsed", "fail", "shield-off"),
}
_BYTES_STEP = 1024
# More people than this are typed, not looked for in a menu.
_MENU_LENGTH = 15
_LIST_LENGTH = 80


# --- marks and icons --------------------------------------------------------------------------


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, label: str = "") -> SafeString:
    """A drawing from the sprite. Without a label it is decoration and silent."""
    return _use("v-icon", f"{static('vendor/icons.svg')}#{name}", label)


@register.simple_tag
@lru_cache(maxsize=512)
def mark(name: str, label: str = "") -> SafeString:
    """One of our own signs: verdicts, severities, the logo."""
    return _use(f"v-mark v-mark-{name}", f"{static('img/marks.svg')}#{name}", label)


def _use(classes: str, address: str, label: str) -> SafeString:
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>',
            classes,
            label,
            address,
        )
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', classes, address
    )


@remembered(register, "ui/verdict.html")
def verdict(outcome: object, reason: str = "") -> dict[str, Any]:
    """Shape, colour and word of an outcome; the reason is its title."""
    value = str(outcome)
    return {"value": value, "word": VERDICTS.get(value, value), "reason": reason}


@remembered(register, "ui/severity.html")
def severity(value: object) -> dict[str, Any]:
    """Four bars and a word."""
    return {"value": str(value), "word": str(value).capitalize()}


@remembered(register, "ui/basis.html")
def basis(value: object) -> dict[str, Any]:
    """How something is known: observed, imported or attested."""
    return {"value": str(value), "word": BASES.get(str(value), str(value).capitalize())}


@remembered(register, "ui/chip.html")
def chip(word: object, tone: str = "calm", icon: str = "") -> dict[str, Any]:
    """A small label. Tones: calm, accent, pass, warn, fail."""
    return {"word": str(word), "tone": tone, "icon": icon}


@remembered(register, "ui/chip.html")
def run_state(run: Any) -> dict[str, Any]:
    """The state of a collection as a chip."""
    return {"word": run.get_state_display(), "tone": RUN_TONES.get(str(run.state), "calm")}


@remembered(register, "ui/status.html")
def status(value: object, reason: str = "") -> dict[str, Any]:
    """Where a finding stands: sign and word. Takes new, triaged, in_progress, waiting (also
    waiting_for_proof), excepted, resolved.
    """
    name = str(value).replace("-", "_")
    name = "waiting" if name.startswith("waiting") else name
    word = STATUSES.get(name, name.replace("_", " ").capitalize())
    mark_name = "new" if name == "open" or name not in STATUSES else name
    return {"mark_name": f"status-{mark_name}", "name": mark_name, "word": word, "reason": reason}


@remembered(register, "ui/priority.html")
def priority(value: object) -> dict[str, Any]:
    """P1 to P5: the number says it, the weight of its box repeats it. Takes 1 or "P1"."""
    digits = str(value).lower().removeprefix("p")
    level = int(digits) if digits in {"1", "2", "3", "4", "5"} else 0
    return {"level": level, "words": PRIORITIES.get(level, "")}


@remembered(register, "ui/chip.html")
def exception_state(value: object) -> dict[str, Any]:
    """Where an exception stands, as a chip."""
    name = str(value)
    word, tone, icon_name = EXCEPTIONS.get(
        name, (name.replace("_", " ").capitalize(), "calm", "point")
    )
    return {"word": word, "tone": tone, "icon": icon_name}


@remembered(register, "ui/classification.html")
def classification(value: object) -> dict[str, Any]:
    """A classification; None is "not said" and "" is "not set", which are different things."""
    return {"value": value}


@remembered(register, "ui/asset.html")
def asset(asset: Any, *, source: bool = True, link: bool = True) -> dict[str, Any]:
    """Icon of its kind, name, source. `source=False` where the list is about one source."""
    return {
        "pk": asset.pk if link else None,
        "name": asset.name,
        "icon_name": nav.KIND_ICONS.get(asset.kind, "point"),
        "kind": asset.get_kind_display(),
        "source": asset.source.name if source else "",
        "is_gone": asset.gone_at is not None,
    }


@register.simple_tag
def kind_icon(kind: str) -> SafeString:
    return icon(nav.KIND_ICONS.get(str(kind), "point"))


@remembered(register, "ui/kind.html")
def kind(value: object) -> dict[str, Any]:
    """A kind of asset: icon and word."""
    name = str(value)
    return {"icon_name": nav.KIND_ICONS.get(name, "point"), "word": nav.KIND_WORDS.get(name, name)}


@remembered(register, "ui/person.html")
def person(who: object) -> dict[str, Any]:
    """Somebody: initials and name. Takes a user or a name as text."""
    name = str(who)
    initials = "".join(part[0] for part in inert_text.inert(name).split()[:2]).upper()
    return {"name": name, "initials": initials}


# --- time -------------------------------------------------------------------------------------


@register.simple_tag
def ago(moment: datetime | None, empty: str = "never") -> SafeString:
    """“3 h ago” with the exact time in its title."""
    if moment is None:
        return format_html('<span class="v-quiet">{}</span>', empty)
    return _time(moment, clock.relative(moment, now=timezone.now()))


@register.filter
def exactly(moment: datetime | None) -> SafeString | str:
    """The exact time, in UTC, as the text itself."""
    return _time(moment, clock.exactly(moment)) if moment else "never"


def _time(moment: datetime, words: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        clock.exactly(moment),
        words,
    )


@register.inclusion_tag("ui/freshness.html")
def freshness(
    moment: datetime | None, interval_minutes: int | None = None, live_at: datetime | None = None
) -> dict[str, Any]:
    """How old facts are; stale after two missed intervals, when the interval is given.

    With `live_at` they are those of now: changes were published up to that moment.
    """
    is_stale = clock.is_stale(moment, interval_minutes, now=timezone.now())
    return {"moment": moment, "is_stale": is_stale, "live_at": live_at}


@remembered(register, "ui/due.html")
def due(moment: datetime | None, resolved_at: datetime | None = None) -> dict[str, Any]:
    """A due date: late, soon (two days) or later. Neither once it is resolved."""
    now = timezone.now()
    tone = ""
    if moment is not None and resolved_at is None:
        tone = "late" if moment < now else "soon" if moment - now < timedelta(days=2) else ""
    return {"said": ago(moment) if moment else "", "tone": tone}


@register.inclusion_tag("ui/comment.html")
def comment(author: object, moment: datetime, text: str, note: str = "") -> dict[str, Any]:
    """What somebody wrote: who, when, and the text with its lines and mentions."""
    return {"author": author, "moment": moment, "text": text, "note": note}


# --- text -------------------------------------------------------------------------------------


@register.filter
def inert(text: object, limit: int = 0) -> str:
    """Text from outside with its invisible characters drawn, cut to `limit` when given."""
    if text is None:
        return ""
    return inert_text.shortened(str(text), limit) if limit else inert_text.inert(str(text))


@register.simple_tag
def outside(text: object, limit: int = _LIST_LENGTH) -> SafeString:
    """Text from outside in a list: inert, isolated, cut, and whole (to 500) in its title.

    Not a template: it stands inside sentences, where a line's end would be a blank before a comma.
    """
    whole = str(text)
    short = inert_text.shortened(whole, limit)
    drawn = inert_text.shortened(whole, 500)
    if drawn == short:
        return format_html('<bdi class="v-outside">{}</bdi>', short)
    return format_html('<bdi class="v-outside" title="{}">{}</bdi>', drawn, short)


@register.inclusion_tag("ui/outside_whole.html")
def outside_whole(text: object, limit: int = 400) -> dict[str, Any]:
    """Text from outside on its own page: inert and whole, folded when it is very long."""
    whole = inert_text.inert(str(text))
    return {
        "short": inert_text.shortened(str(text), limit) if len(whole) > limit else "",
        "whole": whole,
        "length": len(str(text)),
    }


@register.filter
def said(text: str) -> SafeString:
    """What a person typed, inert, in its paragraphs and lines, with @mentions marked."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    return format_html_join(
        "", "<p>{}</p>", ((_lines(paragraph),) for paragraph in paragraphs if paragraph)
    )


def _lines(paragraph: str) -> SafeString:
    return format_html_join(
        SafeString("<br>"), "{}", ((_mentions(line),) for line in paragraph.split("\n"))
    )


def _mentions(line: str) -> SafeString:
    parts = re.split(r"((?<![\w@])@[\w.+-]*\w)", inert_text.inert(line))
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<strong class="v-mention">{}</strong>', part) if index % 2 else part,)
            for index, part in enumerate(parts)
        ),
    )


@register.filter(name="prose")
def prose_filter(text: str) -> SafeString:
    """Our own short texts: paragraphs, lists, bold and code."""
    return prose.to_html(text)


@register.filter
def size(count: int | None) -> str:
    """Bytes as people say them: “1.5 GiB”."""
    if count is None:
        return "unknown"
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < _BYTES_STEP:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= _BYTES_STEP
    return f"{value:.1f} PiB"


@register.filter
def number(value: int | None) -> str:
    """A count with separators: “12,345”."""
    return "unknown" if value is None else f"{value:,}"


@register.simple_tag
def counted(count: int, one: str, many: str = "") -> str:
    """“1 finding”, “12,345 findings”."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


# --- frame ------------------------------------------------------------------------------------


@register.inclusion_tag("ui/rail.html", takes_context=True)
def rail(context: template.Context) -> dict[str, Any]:
    """The navigation on the left, with only what this person may open."""
    request = context["request"]
    permissions: frozenset[str] = getattr(request.user, "permissions", frozenset())
    return {"groups": nav.for_person(permissions, request.path, waiting.for_request(request))}


@register.inclusion_tag("ui/bell.html", takes_context=True)
def bell(context: template.Context) -> dict[str, Any]:
    """The way to the notifications, with how many are unread."""
    request, place = context["request"], nav.NOTICES
    permissions: frozenset[str] = getattr(request.user, "permissions", frozenset())
    if place.permission not in permissions or not place.address:
        return {"entry": None}
    return {"entry": nav.entry(place, request.path, waiting.for_request(request))}


@register.simple_tag(takes_context=True)
def as_of_state(context: template.Context) -> asof.AsOf:
    """As of when this page is, for the picker and the banner: see `ui.asof`."""
    request = context.get("request")
    return asof.of_page(
        request.GET if request is not None else QueryDict(),
        possible="as_of" in context,
        moment=context.get("as_of"),
        now=timezone.now(),
    )


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """The chosen look: auto, light or dark."""
    return _chosen(context, COOKIE, THEMES)


@register.simple_tag(takes_context=True)
def density(context: template.Context) -> str:
    """How close lines stand: comfortable or compact."""
    return _chosen(context, DENSITY_COOKIE, DENSITIES)


def _chosen(context: template.Context, cookie: str, choices: tuple[str, ...]) -> str:
    request = context.get("request")
    chosen = request.COOKIES.get(cookie) if request is not None else None
    return chosen if chosen in choices else choices[0]


@register.filter
def undo_address(message: Any) -> str:
    """Where a message's act can be taken back; empty when it cannot."""
    return toasts.undo_address(message.extra_tags)


@register.simple_block_tag
def bulk_bar(content: str, form: str, total: int = 0, all_value: str = "") -> SafeString:
    """The bar for what is selected; between the tags stand its buttons (`form="…"` on each).

    `form` is the id of the form that posts; with `all_value` the bar offers to take all `total`.
    """
    return render_to_string(
        "ui/bulk_bar.html",
        {"content": content, "form": form, "total": total, "all_value": all_value},
    )


@register.simple_tag
def select_row(form: str, value: object, label: object, name: str = "chosen") -> SafeString:
    """The box that selects a row; stands in a `<td class="v-check">`."""
    return format_html(
        '<input type="checkbox" class="form-check-input" form="{}" name="{}" value="{}" '
        'data-select aria-label="Select {}">',
        form,
        name,
        value,
        inert_text.shortened(str(label), _LIST_LENGTH),
    )


@register.simple_tag
def select_all() -> SafeString:
    """The box in the head of a table that selects every row of the page; needs script."""
    return format_html(
        '<input type="checkbox" class="form-check-input v-needs-script" data-select-all '
        'aria-label="{}">',
        "Select every row on this page",
    )


@register.inclusion_tag("ui/people.html")
def people_picker(
    name: str,
    people: Iterable[Any],
    *,
    label: str,
    chosen: str = "",
    nobody: str = "Nobody",
    form: str = "",
) -> dict[str, Any]:
    """A person by username: a menu, or with many people a field that completes what is typed."""
    listed = list(people)
    return {
        "name": name,
        "people": listed,
        "label": label,
        "chosen": chosen,
        "nobody": nobody,
        "form": form,
        "is_menu": len(listed) <= _MENU_LENGTH,
    }


@register.inclusion_tag("ui/code.html")
def code(text: str, label: str = "", language: str = "") -> dict[str, Any]:
    """A script or command to copy, exactly as it is."""
    return {"text": text, "label": label, "language": language}


@register.inclusion_tag("ui/empty.html")
def empty(
    title: str, text: str = "", action: str = "", address: str = "", icon: str = ""
) -> dict[str, Any]:
    """An empty place: what this will show, and the button that fills it."""
    return {"title": title, "text": text, "action": action, "address": address, "icon": icon}


# --- charts -----------------------------------------------------------------------------------


@register.inclusion_tag("ui/posture.html")
def posture(passed: int, failed: int, unknown: int, *, thin: bool = False) -> dict[str, Any]:
    """The bar of pass, fail and unknown (hatched), with its numbers as its description."""
    counts = (("fail", failed), ("unknown", unknown), ("pass", passed))
    return {
        "segments": charts.segments(counts),
        "thin": thin,
        "label": f"{passed:,} pass, {failed:,} fail, {unknown:,} unknown",
    }


@register.inclusion_tag("ui/columns.html")
def columns(chart: charts.Columns) -> dict[str, Any]:
    """Columns over days, with a title, a description and the table behind them."""
    return {"chart": chart}


@register.inclusion_tag("ui/lines.html")
def lines(chart: charts.Lines) -> dict[str, Any]:
    """One or two lines over time, with a title, a description and the table behind them."""
    return {"chart": chart}


@register.inclusion_tag("ui/progress.html")
def progress(
    proven: int, waiting: int, remaining: int, *, address: str = "", thin: bool = False
) -> dict[str, Any]:
    """How far a plan is: proven by a collection, fixed and waiting for proof (hatched), to do.

    With an address each number is a link to `address` plus `proven`, `waiting` or `open`.
    """
    counts = (("proven", proven), ("waiting", waiting), ("open", remaining))
    words = ("proven", "waiting for proof", "open")
    return {
        "segments": charts.segments(counts),
        "numbers": [
            (name, count, word, f"{address}{name}" if address else "")
            for (name, count), word in zip(counts, words, strict=True)
        ],
        "label": f"{proven:,} proven, {waiting:,} waiting for proof, {remaining:,} open",
        "thin": thin,
    }


@register.inclusion_tag("ui/run_strip.html")
def run_strip(runs: Any) -> dict[str, Any]:
    """The last collections, oldest first, as ticks."""
    return {"runs": runs}


# --- evidence ---------------------------------------------------------------------------------


@register.filter
def fact_name(name: str) -> str:
    """“max_age_days” as “Max age days”."""
    return inert_text.shortened(str(name).replace("_", " ").capitalize(), _LIST_LENGTH)


@register.inclusion_tag("ui/fact.html")
def fact(value: object) -> dict[str, Any]:
    """Any value of evidence in words: lists by commas, true and false as yes and no."""
    return {"words": _words(value), "is_unknown": value is None}


def _words(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_words(each) for each in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(each)}" for key, each in value.items()) or "none"
    return str(value) or "none"


@register.simple_tag
def open_for(moment: datetime) -> SafeString:
    """“9 days”: how long something has lasted."""
    return _time(moment, clock.span(timezone.now() - moment))
