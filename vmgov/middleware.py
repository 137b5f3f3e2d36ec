"""What every response and every session has in common."""

import logging
import time
from collections.abc import Callable

from axes.helpers import get_client_ip_address
from django.conf import settings
from django.contrib.auth import logout
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from accounts.errors import KeyMissing

log = logging.getLogger(__name__)
SEEN_EVERY_SECONDS = 60
TRY_AGAIN_SECONDS = 5

GetResponse = Callable[[HttpRequest], HttpResponse]


class SecurityHeaders:
    """Sends the content security policy, keeps other origins out and data out of caches."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.policy = "; ".join(
            " ".join([directive, *sources]) for directive, sources in settings.SECURE_CSP.items()
        )

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the headers set unless the view has set its own."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=()")
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class Unavailable:
    """Says 503 and why where something outside a view is busy or away: asking again may help."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; `process_exception` has the rest."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A sentence for a database that is busy or away and for a key that is not in the ring."""
        match exception:
            case OperationalError():  # a lock, a time limit, a deadlock, a lost connection
                reason = "The database is busy or away. Nothing was changed."
            case KeyMissing():
                reason = str(exception)
            case _:
                return None
        log.error("%s could not be answered: %s", request.path, exception)
        if request.path.startswith("/api/"):
            response: HttpResponse = JsonResponse({"detail": reason}, status=503)
        else:
            response = render(request, "503.html", {"reason": reason}, status=503)
        response.headers["Retry-After"] = str(TRY_AGAIN_SECONDS)
        return response


class SessionLimits:
    """Signs people out after a while without a request, and after twelve hours in any case."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer as nobody when the session has come to its end."""
        if request.user.is_authenticated:
            self._limit(request, now=int(time.time()))
        return self.get_response(request)

    def _limit(self, request: HttpRequest, *, now: int) -> None:
        session = request.session
        began_at = session.setdefault("began_at", now)
        seen_at = session.get("seen_at", now)
        if (
            now - began_at >= settings.SESSION_COOKIE_AGE
            or now - seen_at >= settings.SESSION_IDLE_SECONDS
        ):
            logout(request)
        elif "seen_at" not in session or now - seen_at >= SEEN_EVERY_SECONDS:
            session["seen_at"] = now  # one write a minute, not one a request
            session["address"] = get_client_ip_address(request)
            session["user_agent"] = request.headers.get("User-Agent", "")[:300]
