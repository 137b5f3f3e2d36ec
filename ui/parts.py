"""Small parts of pages that look the same wherever the same is said: drawn once, then remembered.

A list draws the same severity or state fifty times, and a template costs ten times what its text
does. Only parts that follow from a few plain values alone are remembered: nothing of the request,
the person or the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

_REMEMBERED = 2_048  # parts of all kinds; the one that was not asked for longest is forgotten first
_LONGEST = 500  # characters of text; longer text is rarely said twice


@lru_cache(maxsize=_REMEMBERED)
def _remembered(name: str, said: tuple[tuple[str, object, type], ...]) -> SafeString:
    return _drawn(name, {key: value for key, value, _ in said})


def _drawn(name: str, context: dict[str, object]) -> SafeString:
    return render_to_string(name, context)


def draw(name: str, context: dict[str, Any]) -> SafeString:
    """The template with these values; remembered when all of them are plain and short."""
    if any(not _is_plain(value) for value in context.values()):
        return _drawn(name, context)
    # With its type: a template may tell True from 1, which are equal to a dictionary.
    return _remembered(name, tuple((key, value, type(value)) for key, value in context.items()))


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return type(value) in (str, SafeString) and len(value) <= _LONGEST
    return value is None or isinstance(value, bool | int)


def remembered(
    library: template.Library, name: str
) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., SafeString]]:
    """Register a tag like `inclusion_tag` does: what it returns is its template's context."""

    def register(context_of: Callable[..., dict[str, Any]]) -> Callable[..., SafeString]:
        @wraps(context_of)
        def tag(*args: Any, **kwargs: Any) -> SafeString:
            return draw(name, context_of(*args, **kwargs))

        return library.simple_tag(tag)

    return register
