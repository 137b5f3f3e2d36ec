"""How the API cuts long answers into pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

if TYPE_CHECKING:  # the framework loads this module while it loads that one
    from rest_framework.views import APIView


class Pages(CursorPagination):
    """Pages by cursor: the ten-thousandth costs what the first does, and none is counted.

    A viewset says in `cursor_ordering` what its pages follow; the primary key otherwise. The last
    field named has to be unique, or rows could be left out between two pages.
    """

    page_size_query_param = "page_size"
    max_page_size = 500

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> Any:
        """Return the viewset's own order as a tuple of fields."""
        return tuple(getattr(view, "cursor_ordering", ("pk",)))
