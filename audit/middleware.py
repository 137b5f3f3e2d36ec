"""Says of every request, to whatever is recorded in it, where it came from."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from axes.helpers import get_client_ip_address
from django.http import HttpRequest, HttpResponse

from audit import trail

API_PREFIX = "/api/"


class OriginMiddleware:
    """Stands after the middleware that gives a request its id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; what is recorded meanwhile comes from this request."""
        with trail.origin(origin_of(request)):
            return self.get_response(request)


def origin_of(request: HttpRequest) -> trail.Origin:
    """Where the request came from, as the audit log keeps it."""
    request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    return trail.Origin(
        via="api" if request.path.startswith(API_PREFIX) else "page",
        request_id=request_id[:64],
        address=get_client_ip_address(request),
    )
