"""Deny by default: a page opens only when it says what it takes and the person has it.

A view is declared by `@requires(Permission.X)`, `@signed_in` (any person) or `@public`; apps below
this one set `declared_access` themselves. Views of packages we do not write are listed by name. The
middleware enforces the declaration once more and refuses what has none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
)
from django.shortcuts import redirect
from django.urls import reverse

from accounts import second_factor
from accounts.models import User
from accounts.permissions import Permission

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class SignedInRequest(HttpRequest):
    """A request behind `@requires` or `@signed_in`: its user is a person."""

    user: User
    htmx: Any


# Views of django-allauth that anybody may open (they show a form and nothing else).
PUBLIC_NAMES = frozenset(
    {"account_login", "account_logout", "mfa_authenticate", "mfa_login_webauthn"}
)
# What these show or change lets people in: they open only shortly after proving who one is.
SECOND_FACTOR_NAMES = frozenset(
    {
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_deactivate_totp",
        "mfa_download_recovery_codes",
        "mfa_edit_webauthn",
        "mfa_generate_recovery_codes",
        "mfa_remove_webauthn",
        "mfa_view_recovery_codes",
    }
)
# Views of django-allauth for whoever is signed in; they act on that person alone.
SIGNED_IN_NAMES = SECOND_FACTOR_NAMES | {
    "account_change_password",
    "account_reauthenticate",
    "mfa_index",
    "mfa_list_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
}


SIGNED_IN = "signed-in"
PUBLIC = "public"
API = "api"
# What a page may be asked by. Anything else is 405, whatever the view would have made of it.
PAGE_METHODS = ("GET", "HEAD", "POST")
# What opens to somebody whose password was chosen by somebody else.
BEFORE_ANYTHING_ELSE = frozenset({"account_change_password", "account_logout"})
# What opens to somebody whose role needs a second factor and who has none yet.
BEFORE_A_SECOND_FACTOR = BEFORE_ANYTHING_ELSE | {
    "account_reauthenticate",
    "accounts:sso-again",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_index",
    "mfa_list_webauthn",
}


def requires(permission: Permission) -> Callable[[View], View]:
    """Open the view to people with this permission. To others it does not exist (404)."""

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not request.user.may(permission):
                raise Http404
            return view(request, *args, **kwargs)

        guarded.declared_access = permission  # type: ignore[attr-defined]
        return cast(View, guarded)

    return declare


def signed_in(view: View) -> View:
    """Open the view to whoever is signed in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    guarded.declared_access = SIGNED_IN  # type: ignore[attr-defined]
    return cast(View, guarded)


def recently_authenticated(view: View) -> View:
    """Ask who it is again unless that was proved within the last minutes.

    By the second factor of whoever has one, else by password, else at the organisation's sign-in.
    Stands under `@requires`. What a form held is not kept: it may hold more than a session should.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not second_factor.is_fresh(request):
            return _ask_again(request)
        return view(request, *args, **kwargs)

    return cast(View, guarded)


def _ask_again(request: HttpRequest) -> HttpResponseBase:
    query = urlencode({REDIRECT_FIELD_NAME: request.path})
    return redirect(f"{reverse('account_reauthenticate')}?{query}")


def public(view: View) -> View:
    """Open the view to anybody. There are few of these and the route matrix names each."""
    view.declared_access = PUBLIC  # type: ignore[attr-defined]
    return view


def declared_access(view: Callable[..., Any], view_name: str | None) -> str | None:
    """What a resolved view declares: a permission, "signed-in", "public", "api", or None."""
    declared = getattr(view, "declared_access", None)
    if declared is not None:
        return str(declared)
    if getattr(view, "cls", None) is not None:
        return API  # a view of Django REST framework: DeclaredPermission refuses what is undeclared
    if view_name in PUBLIC_NAMES:
        return PUBLIC
    if view_name in SIGNED_IN_NAMES:
        return SIGNED_IN
    return None


class DenyUndeclaredMiddleware:
    """Open what a view declares to whom it declares it, and answer 404 for everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        view_name = match.view_name if match else None
        declared = declared_access(view, view_name)
        if declared is None:
            raise Http404
        if declared == API:
            return None
        if request.method not in PAGE_METHODS:
            return HttpResponseNotAllowed(PAGE_METHODS)
        if declared == PUBLIC:
            return None
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path())
        if first := _what_comes_first(request, request.user, view_name):
            return first
        if declared != SIGNED_IN and not request.user.may(Permission(declared)):
            raise Http404
        return None


def _what_comes_first(
    request: HttpRequest, user: User, view_name: str | None
) -> HttpResponseBase | None:
    """Where a person is sent before the page they asked for, if anywhere."""
    if user.must_change_password and view_name not in BEFORE_ANYTHING_ELSE:
        return redirect("account_change_password")
    if view_name not in BEFORE_A_SECOND_FACTOR and second_factor.is_missing(request):
        return redirect("mfa_index")
    if view_name in SECOND_FACTOR_NAMES and not second_factor.is_fresh(request):
        return _ask_again(request)
    return None
