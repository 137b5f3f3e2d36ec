"""How somebody wants to see the product: plain forms that remember a choice in a cookie."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "vmgov-theme"
THEMES = ("auto", "light", "dark")
DENSITY_COOKIE = "vmgov-density"
DENSITIES = ("comfortable", "compact")
_A_YEAR = 365 * 24 * 3600


@require_POST
def switch_theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen look and go back to where the person was."""
    return _remember(request, COOKIE, request.POST.get("theme"), THEMES)


@require_POST
def switch_density(request: HttpRequest) -> HttpResponse:
    """Keep how close lines stand and go back to where the person was."""
    return _remember(request, DENSITY_COOKIE, request.POST.get("density"), DENSITIES)


def _remember(
    request: HttpRequest, cookie: str, value: str | None, choices: tuple[str, ...]
) -> HttpResponse:
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = HttpResponseRedirect(back)
    if value in choices:
        response.set_cookie(
            cookie, value, max_age=_A_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
    return response


# Anybody may choose: the page for signing in has a look too. (This app is below `accounts`.)
switch_theme.declared_access = "public"  # type: ignore[attr-defined]
switch_density.declared_access = "public"  # type: ignore[attr-defined]
