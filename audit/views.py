"""The page of the audit log, and the log as a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render

from audit.filters import EntryFilter
from audit.models import Entry
from audit.querysets import Reader
from ui import exports, pages

_COLUMNS = (
    "id",
    "at",
    "actor_id",
    "actor_label",
    "via",
    "action",
    "target_type",
    "target_id",
    "target_label",
    "before",
    "after",
    "request_id",
    "address",
)
_ABSENT = object()
READ = "audit:entry:read"

Page = Callable[[HttpRequest], HttpResponseBase]


def _for_readers(view: Page) -> Page:
    """Declare who may open the view. `accounts` is above this app: its middleware enforces it."""
    view.declared_access = READ  # type: ignore[attr-defined]
    return view


class Change(NamedTuple):
    """One thing that an act changed, as text; None where there was or is nothing."""

    name: str
    before: str | None
    after: str | None


@_for_readers
def entry_list(request: HttpRequest) -> HttpResponseBase:
    """What was done, newest first."""
    search = _search(request)
    page = pages.page(
        search.qs, order=("-id",), query=request.GET, total=None, one="entry", many="entries"
    )
    query = request.GET.copy()
    query.pop(pages.AFTER, None)
    context = {
        "form": search.form,
        "is_filtered": any(search.form.data.get(name) for name in search.filters),
        "page": page,
        "rows": [(entry, changes(entry)) for entry in page.rows],
        "query": query.urlencode(),
        "clear_address": request.path,
    }
    return render(request, "audit/entry_list.html", context)


@_for_readers
def entry_csv(request: HttpRequest) -> HttpResponseBase:
    """What the list shows, all of it, as CSV."""
    rows = (
        [_as_text(getattr(entry, column)) for column in _COLUMNS]
        for entry in _search(request).qs.iterator(chunk_size=2000)
    )
    return exports.as_csv("audit", _COLUMNS, rows, now=datetime.now(UTC))


@_for_readers
def entry_json(request: HttpRequest) -> HttpResponseBase:
    """What the list shows, all of it, as a JSON array."""
    now = datetime.now(UTC)
    response = StreamingHttpResponse(
        _json(_search(request).qs), content_type="application/json; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="audit-{now:%Y%m%dT%H%MZ}.json"'
    return response


def changes(entry: Entry) -> list[Change]:
    """What was before beside what is after, name by name."""
    before, after = entry.before or {}, entry.after or {}
    return [
        Change(name, _shown(before.get(name, _ABSENT)), _shown(after.get(name, _ABSENT)))
        for name in sorted({*before, *after})
    ]


def _search(request: HttpRequest) -> EntryFilter:
    """The entries this person may see, filtered; a filter that makes no sense finds nothing."""
    visible = Entry.objects.visible_to(cast(Reader, request.user)).order_by("-id")
    search = EntryFilter(request.GET, queryset=visible)
    if not search.is_valid():
        search.queryset = visible.none()
    return search


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_text(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value


def _json(entries: QuerySet[Entry]) -> Iterator[str]:
    separator = "[\n"
    for entry in entries.iterator(chunk_size=2000):
        row = {column: getattr(entry, column) for column in _COLUMNS}
        row["at"] = entry.at.astimezone(UTC).isoformat()
        yield separator + json.dumps(row, ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"
