"""How the API cuts long answers into pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:  # the framework loads this module while it loads that one
    from rest_framework.views import APIView

PAGE_SIZE = 100
MOST = 500


class Pages(BasePagination):
    """Pages by the key of their last row: the ten-thousandth costs what the first does.

    A viewset says in `cursor_ordering` what its pages follow; the primary key otherwise. The last
    field named is unique, so rows that are equal in all others are still told once each. (The
    framework's own cursor counts them by offset and gives up at a thousand; one collection opens
    more findings than that at one moment.)
    """

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """The rows of one page, or raise ValidationError for a cursor that is not one of ours."""
        self.request = request
        ordering: tuple[str, ...] = tuple(getattr(view, "cursor_ordering", ("pk",)))
        size = _size(request.query_params.get("page_size"))
        queryset = queryset.order_by(*ordering)
        cursor = request.query_params.get("cursor")
        if cursor:
            values = _decode(cursor, ordering)
            try:
                queryset = queryset.filter(_after(ordering, values))
            except (ValueError, TypeError, ModelValidationError):  # a number for a moment, say
                raise _bad_cursor() from None
        rows = list(queryset[: size + 1])
        self.next = _encode(rows[size - 1], ordering) if len(rows) > size else None
        return rows[:size]

    def get_paginated_response(self, data: Any) -> Response:
        following = None
        if self.next is not None:
            here = self.request.build_absolute_uri()
            following = replace_query_param(here, "cursor", self.next)
        return Response({"next": following, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "description": "The address of the next page; null on the last one.",
                },
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Where the page begins, from `next` of the page before.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": f"Rows on a page: {PAGE_SIZE} unless given, at most {MOST}.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST},
            },
        ]


def _size(text: str | None) -> int:
    """A number that is none gives the usual size, one too large the largest."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        return PAGE_SIZE
    return min(int(text), MOST)


def _after(ordering: Sequence[str], values: Sequence[Any]) -> Q:
    """What comes after these values in this order: (a, b) > (x, y), term by term."""
    wanted = Q()
    for position, field in enumerate(ordering):
        equal = {ordering[n].lstrip("-"): values[n] for n in range(position)}
        operator = "lt" if field.startswith("-") else "gt"
        wanted |= Q(**equal, **{f"{field.lstrip('-')}__{operator}": values[position]})
    first = ordering[0]
    bound = "lte" if first.startswith("-") else "gte"  # lets an index find the beginning
    return Q(**{f"{first.lstrip('-')}__{bound}": values[0]}) & wanted


def _encode(row: Any, ordering: Sequence[str]) -> str:
    values = [_value(row, field.lstrip("-")) for field in ordering]
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _value(row: Any, path: str) -> Any:
    for part in path.split("__"):
        row = getattr(row, part)
    return row


def _decode(cursor: str, ordering: Sequence[str]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise _bad_cursor() from None
    if not isinstance(values, list) or len(values) != len(ordering):
        raise _bad_cursor()
    return [_moment(value) for value in values]


def _moment(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)  # the first day there is has no moment before it
        except (ValueError, OverflowError):
            raise _bad_cursor() from None
    raise _bad_cursor()


def _bad_cursor() -> ValidationError:
    return ValidationError({"cursor": ["This is not a cursor of this list."]})
