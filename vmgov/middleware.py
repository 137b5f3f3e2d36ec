"""What every response and every session has in common."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

SEEN_EVERY_SECONDS = 60

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
