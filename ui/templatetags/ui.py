"""One look per idea: `{% load ui %}` gives every page the same verdicts, dates, assets and charts.

The catalogue with examples is `templates/ui/README.md`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ui import charts, clock, nav, prose
from ui import inert as inert_text
from ui.views import COOKIE, THEMES

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
_BYTES_STEP = 1024
_LIST_LENGTH = 80


# --- marks and icons --------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A drawing from the sprite. Without a label it is decoration and silent."""
    return _use("v-icon", f"{static('vendor/icons.svg')}#{name}", label)


@register.simple_tag
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


@register.inclusion_tag("ui/verdict.html")
def verdict(outcome: object, reason: str = "") -> dict[str, Any]:
    """Shape, colour and word of an outcome; the reason is its title."""
    value = str(outcome)
    return {"value": value, "word": VERDICTS.get(value, value), "reason": reason}


@register.inclusion_tag("ui/severity.html")
def severity(value: object) -> dict[str, Any]:
    """Four bars and a word."""
    return {"value": str(value), "word": str(value).capitalize()}


@register.inclusion_tag("ui/basis.html")
def basis(value: object) -> dict[str, Any]:
    """How something is known: observed, imported or attested."""
    return {"value": str(value), "word": BASES.get(str(value), str(value).capitalize())}


@register.inclusion_tag("ui/chip.html")
def chip(word: object, tone: str = "calm", icon: str = "") -> dict[str, Any]:
    """A small label. Tones: calm, accent, pass, warn, fail."""
    return {"word": str(word), "tone": tone, "icon": icon}


@register.inclusion_tag("ui/chip.html")
def run_state(run: Any) -> dict[str, Any]:
    """The state of a collection as a chip."""
    return {"word": run.get_state_display(), "tone": RUN_TONES.get(str(run.state), "calm")}


@register.inclusion_tag("ui/classification.html")
def classification(value: object) -> dict[str, Any]:
    """A classification; None is "not said" and "" is "not set", which are different things."""
    return {"value": value}


@register.inclusion_tag("ui/asset.html")
def asset(asset: Any, *, source: bool = True, link: bool = True) -> dict[str, Any]:
    """Icon of its kind, name, source. `source=False` where the list is about one source."""
    return {
        "asset": asset,
        "icon_name": nav.KIND_ICONS.get(asset.kind, "point"),
        "kind": asset.get_kind_display(),
        "source": asset.source if source else None,
        "link": link,
    }


@register.simple_tag
def kind_icon(kind: str) -> SafeString:
    return icon(nav.KIND_ICONS.get(str(kind), "point"))


@register.inclusion_tag("ui/kind.html")
def kind(value: object) -> dict[str, Any]:
    """A kind of asset: icon and word."""
    name = str(value)
    return {"icon_name": nav.KIND_ICONS.get(name, "point"), "word": nav.KIND_WORDS.get(name, name)}


@register.inclusion_tag("ui/person.html")
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
def freshness(moment: datetime | None, interval_minutes: int | None = None) -> dict[str, Any]:
    """How old facts are; stale after two missed intervals, when the interval is given."""
    now = timezone.now()
    return {"moment": moment, "is_stale": clock.is_stale(moment, interval_minutes, now=now)}


@register.inclusion_tag("ui/due.html")
def due(moment: datetime | None, resolved_at: datetime | None = None) -> dict[str, Any]:
    """A due date: late, soon (two days) or later. Neither once it is resolved."""
    now = timezone.now()
    tone = ""
    if moment is not None and resolved_at is None:
        tone = "late" if moment < now else "soon" if moment - now < timedelta(days=2) else ""
    return {"moment": moment, "tone": tone}


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
    return {"groups": nav.for_person(permissions, request.path)}


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """The chosen look: auto, light or dark."""
    request = context.get("request")
    chosen = request.COOKIES.get(COOKIE, "auto") if request is not None else "auto"
    return chosen if chosen in THEMES else "auto"


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
