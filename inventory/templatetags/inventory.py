"""How facts of records read on pages: `{% load inventory %}`."""

from __future__ import annotations

from collections.abc import Sized
from datetime import datetime

from django import template

from inventory import facts
from inventory.chronicle.words import title_of
from inventory.parts import Part
from inventory.records import Network, PortOverride
from inventory.spoken import spoken as spoken_word
from ui import clock

register = template.Library()


@register.filter
def yes_or_no(value: object, words: str = "yes,no") -> str:
    """One of two words, or "unknown" when the platform did not say."""
    yes, _, no = words.partition(",")
    if value is None or value == "":  # "" is what a template makes of a field of None
        return facts.UNKNOWN
    return yes if value else no


@register.filter
def how_many(value: Sized | None) -> str:
    """The length of a list, or "unknown" when the platform did not give it."""
    return facts.UNKNOWN if value is None else f"{len(value):,}"


@register.filter
def mebibytes(value: int | None) -> str:
    """Memory as people say it."""
    return facts.UNKNOWN if value is None else facts.size(value * 1024 * 1024)


@register.filter
def vlan(network: Network) -> str:
    """The VLAN of a network in a few words."""
    if network.type == "standard":
        return "per host"
    if network.vlan_type is None:
        return facts.UNKNOWN
    if network.vlan_type == "none":
        return "none"
    if network.vlan_type == "trunk":
        return f"trunk {facts.words('vlan_ranges', network.vlan_ranges)}"
    number = facts.words("vlan_id", network.vlan_id)
    return f"private {number}" if network.vlan_type == "pvlan" else number


@register.filter
def port_vlan(port: PortOverride) -> str:
    """The VLAN a port has of its own."""
    if port.vlan_type == "trunk":
        return f"trunk {facts.words('vlan_ranges', port.vlan_ranges)}"
    return facts.words("vlan_id", port.vlan_id)


@register.filter
def in_words(part: Part) -> str:
    """What the platform said about a piece of a record, in one line."""
    return facts.part_words(part)


@register.filter
def vlan_id(value: int | None) -> str:
    """A VLAN number in words: 0 is none, 4095 all of them."""
    return facts.words("vlan_id", value)


@register.filter
def spoken(value: str | None, field: str) -> str | None:
    """What the platform calls a value of this field, in words."""
    return spoken_word(field, value) if value else value


@register.filter
def lacking(reason: str) -> str:
    """What a check was not given, in words."""
    return facts.lacking(reason)


@register.filter
def event_title(type_: str) -> str:
    """What a type of event is called."""
    return title_of(type_)


@register.filter
def often(minutes: int) -> str:
    """What follows “every” for an interval of so many minutes."""
    return clock.often(minutes)


@register.filter
def one_line(text: str) -> str:
    """A text of several lines, as platforms write them, in one."""
    return " ".join(text.split())


@register.filter
def exactly_text(moment: datetime | None) -> str:
    """The exact time as plain text, for attributes."""
    return clock.exactly(moment) if moment else "never"


@register.filter
def as_span(minutes: int) -> str:
    """“25 days 6 h”, “6 h 20 min”, “20 min”: how long, to be compared with another length."""
    hours, rest = divmod(minutes, 60)
    days, left = divmod(hours, 24)
    if days:
        return f"{days:,} {'day' if days == 1 else 'days'}" + (f" {left} h" if left else "")
    if hours:
        return f"{hours} h" + (f" {rest} min" if rest else "")
    return f"{rest} min"
