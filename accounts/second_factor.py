"""Whether a session has proved enough: a second factor where a role needs one, and how long ago."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest

from accounts.models import User
from accounts.roles import NEED_A_SECOND_FACTOR

# How a sign-in at a provider is recorded in a session.
SSO = "sso"
# Recovery codes stand in for one of these and are no factor by themselves.
KINDS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_one(user: User) -> bool:
    """Whether this person has set up an authenticator app or a security key."""
    return bool(Authenticator.objects.filter(user=user, type__in=KINDS).exists())


def is_required_of(user: User) -> bool:
    """Whether one of this person's roles needs a second factor, on this installation."""
    return bool(settings.REQUIRE_SECOND_FACTOR and user.roles & NEED_A_SECOND_FACTOR)


def is_missing(request: HttpRequest) -> bool:
    """Whether nothing may open yet: a role needs a second factor and this session has none.

    Asked at every request, so a role that is granted meanwhile counts at the next one.
    """
    user = request.user
    if not isinstance(user, User) or not is_required_of(user):
        return False
    known = getattr(user, "has_second_factor", None)  # read with the person at sessions' requests
    return not (was_shown_to_provider(request, user) or (has_one(user) if known is None else known))


def was_shown_to_provider(request: HttpRequest, user: User) -> bool:
    """Whether this session began at a provider whose second factor counts, with it."""
    at_provider = [record for record in _records(request, user) if record["method"] == SSO]
    return bool(at_provider and at_provider[-1].get("second_factor"))


def is_fresh(request: HttpRequest) -> bool:
    """Whether this person proved within the last minutes who they are."""
    if not isinstance(request.user, User):
        return False
    moments = [float(record["at"]) for record in _records(request, request.user)]
    return time.time() - max(moments, default=0.0) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def _records(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get_authentication_records(request, user)
    return found
