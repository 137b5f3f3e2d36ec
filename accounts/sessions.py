"""Signing in and out, second factors and lockouts enter the audit log.

These are acts of django-allauth and django-axes, which only signals tell us of; nothing else here
listens to signals.
"""

from __future__ import annotations

from typing import Any

from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from axes.signals import user_locked_out
from django.contrib.auth import signals as auth
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.db.models import F
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from audit import trail


@receiver(auth.user_logged_in)
@transaction.atomic
def signed_in(user: User, **_: Any) -> None:
    trail.record(user, "accounts:session:open", user)


@receiver(auth.user_logged_out)
@transaction.atomic
def signed_out(user: User | None, **_: Any) -> None:
    if user is not None:
        trail.record(user, "accounts:session:close", user)


@receiver(auth.user_login_failed)
@transaction.atomic
def failed(credentials: dict[str, Any], **_: Any) -> None:
    _record_against("accounts:session:refuse", credentials.get("username"))


@receiver(user_locked_out)
@transaction.atomic
def locked_out(username: str | None, **_: Any) -> None:
    _record_against("accounts:session:lock", username)


@receiver(mfa.authentication_failed)
@transaction.atomic
def code_failed(user: User, **_: Any) -> None:
    _record_against("accounts:session:refuse-code", user.username)


@receiver(mfa.authenticator_added)
def factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _factor_changed(request, user, authenticator, "accounts:factor:add")


@receiver(mfa.authenticator_removed)
def factor_removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    _factor_changed(request, user, authenticator, "accounts:factor:remove")


@receiver(mfa.authenticator_reset)
def factor_reset(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _factor_changed(request, user, authenticator, "accounts:factor:reset")


@transaction.atomic
def _factor_changed(
    request: HttpRequest, user: User, authenticator: Authenticator, action: str
) -> None:
    """A changed second factor ends every other session of the person."""
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    user.refresh_from_db(fields=["session_generation"])
    if request.user.is_authenticated and request.user.pk == user.pk:
        update_session_auth_hash(request, user)
    trail.record(user, action, user, after={"factor": str(authenticator.type)})


def _record_against(action: str, username: str | None) -> None:
    """Name the account only if it exists: a password in the wrong field stays unwritten."""
    target = User.objects.filter(username__iexact=username or "").first()
    trail.record(None, action, target)
