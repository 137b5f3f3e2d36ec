"""Signing in and out, second factors and lockouts enter the audit log.

These are acts of django-allauth and django-axes, which only signals tell us of; nothing else here
listens to signals.
"""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from axes.signals import user_locked_out
from django.contrib.auth import signals as auth
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import second_factor
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


@receiver(post_save, sender=Authenticator)
def factor_added(instance: Authenticator, *, created: bool, raw: bool, **_: Any) -> None:
    if created and not raw:
        _factor_changed(instance, "accounts:factor:add")


@receiver(post_delete, sender=Authenticator)
def factor_removed(instance: Authenticator, **_: Any) -> None:
    _factor_changed(instance, "accounts:factor:remove")


@transaction.atomic
def _factor_changed(factor: Authenticator, action: str) -> None:
    """A changed second factor ends every other session of the person.

    The signals of django-allauth itself come after the commit, too late for the audit log.
    """
    user = User.objects.select_for_update().get(pk=factor.user_id)
    user.session_generation += 1
    if action == "accounts:factor:add" and factor.type in second_factor.KINDS:
        user.second_factor_removed_at = user.second_factor_removed_by = None
    user.save(
        update_fields=[
            "session_generation",
            "second_factor_removed_at",
            "second_factor_removed_by",
        ]
    )
    request: HttpRequest | None = context.request
    if request is not None and request.user.pk == user.pk:
        update_session_auth_hash(request, user)
    trail.record(user, action, user, after={"factor": str(factor.type)})


def username_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """Whom an attempt is counted against: one name however it is written."""
    typed = (credentials or {}).get("username") or request.POST.get("login")
    return User.normalize_username(str(typed)).strip().lower()[:150] if typed else None


def _record_against(action: str, username: str | None) -> None:
    """Name the account only if it exists: a password in the wrong field stays unwritten."""
    target = User.objects.filter(username__iexact=username or "").first()
    trail.record(None, action, target)
