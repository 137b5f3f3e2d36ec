"""The theme switch: a plain form that remembers a choice in a cookie."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "vmgov-theme"
THEMES = ("auto", "light", "dark")
_A_YEAR = 365 * 24 * 3600


@require_POST
def switch_theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen look and go back to where the person was."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = HttpResponseRedirect(back)
    theme = request.POST.get("theme")
    if theme in THEMES:
        response.set_cookie(
            COOKIE, theme, max_age=_A_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
    return response


# Anybody may choose: the page for signing in has a look too. (This app is below `accounts`.)
switch_theme.declared_access = "public"  # type: ignore[attr-defined]
