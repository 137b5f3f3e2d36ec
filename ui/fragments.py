"""Whether htmx asked for a part of a page, and addresses that differ from this one in one thing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict


def is_wanted(request: HttpRequest) -> bool:
    """Whether only the fragment is to be rendered: not for boosted links, not for going back."""
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def with_values(query: QueryDict, name: str, values: list[str]) -> str:
    """This list with other values of one parameter, from its first page."""
    data = query.copy()
    data.pop("after", None)
    data.setlist(name, values)
    if not values:
        data.pop(name, None)
    return f"?{data.urlencode()}"
