"""How django-allauth does things here: no self sign-up, and a refusal says nothing more."""

from __future__ import annotations

import base64
import os
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import second_factor
from accounts.errors import KeyMissing
from accounts.models import User
from audit import trail


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in by username and password; lockout is django-axes' alone, by username and address."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "This username and password do not belong together.",
        "too_many_login_attempts": "Too many attempts. Wait a few minutes, then try again.",
        "incorrect_password": "This password is not right.",
        "rate_limited": "Too many attempts. Wait a minute, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """User administrators let people in."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Nothing: a limit by username alone would let a stranger lock anybody out."""

    def _rollback_login_failed_rl_usage(self) -> None:
        """Nothing was counted."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The person, or None; None too for a disabled one, who learns nothing by it."""
        user = super().authenticate(request, **credentials)
        return user if user is not None and user.is_active else None

    def set_password(self, user: User, password: str) -> None:
        """Keep the password a person has chosen for themselves."""
        with transaction.atomic():
            user.set_password(password)
            user.must_change_password = False
            user.password_set_by = None
            user.save(update_fields=["password", "must_change_password", "password_set_by"])
            trail.record(user, "accounts:user:change-password", user)

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Go on, and be told whenever somebody removed one's second factor."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if user.second_factor_removed_at is not None:
            messages.warning(request, _removed(user))
        return response

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_login")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """A sign-in of a moment ago proves as much as being asked again."""
        request: HttpRequest | None = context.request
        return request is None or not second_factor.is_fresh(request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Whoever has a second factor shows it again: the password alone may be a stolen one."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        factors = [method for method in methods if method["id"] != "reauthenticate"]
        factors.sort(key=lambda method: method["id"] != "mfa_reauthenticate:webauthn")
        if not methods and isinstance(user, User) and user.provider:
            methods = [
                {
                    "id": second_factor.SSO,
                    "description": "Sign in again",
                    "url": reverse("accounts:sso-again"),
                }
            ]
        return [
            {**method, "description": _WAYS.get(method["id"], method["description"])}
            for method in factors or methods
        ]

    def get_login_stages(self) -> list[str]:
        """The same steps, with our own way of asking for a second factor."""
        stages: list[str] = super().get_login_stages()
        return [_STAGES.get(stage, stage) for stage in stages]

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Back to the sign-in page, without a word about the account."""
        self.add_message(request, messages.ERROR, message="This did not work.")
        return redirect("account_login")

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing where the page itself shows what happened."""
        template = kwargs.get("message_template") or (args[2] if len(args) > 2 else None)
        if template in _SILENT:
            return
        super().add_message(*args, **kwargs)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors are sealed with the key ring: a copy of the database opens none."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This was not accepted. Codes of an app change every 30 seconds.",
        "cannot_delete_authenticator": (
            "Your role needs a second factor. Add a security key before you turn the app off."
        ),
    }

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not the last factor of somebody whose role needs one."""
        user = authenticator.user
        others = Authenticator.objects.filter(user=user, type__in=second_factor.KINDS)
        return (
            not second_factor.is_required_of(user) or others.exclude(pk=authenticator.pk).exists()
        )

    def generate_authenticator_name(self, user: User, type: str) -> str:
        """What a key is called until its person names it."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return "Security key" if count == 0 else f"Security key {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Keys are bound to the host name under which they were set up."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "vmgov"}

    def encrypt(self, text: str) -> str:
        """The text sealed with the first key of the ring."""
        key_id = next(iter(settings.CREDENTIAL_KEYS))
        nonce = os.urandom(_NONCE_BYTES)
        sealed = _cipher(key_id).encrypt(nonce, text.encode(), _PURPOSE)
        return f"{key_id}:{base64.b64encode(nonce + sealed).decode()}"

    def decrypt(self, encrypted_text: str) -> str:
        """The text again, or raise KeyMissing (the key is gone) or InvalidTag (it was altered)."""
        key_id, _, encoded = encrypted_text.partition(":")
        if key_id not in settings.CREDENTIAL_KEYS:
            raise KeyMissing(
                "The key that opens this second factor is not in the key ring. Whoever runs vmgov "
                "has to put it back."
            )
        data = base64.b64decode(encoded)
        return _cipher(key_id).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _PURPOSE).decode()


def _removed(user: User) -> str:
    by = user.second_factor_removed_by or "somebody at the console"
    return (
        f"Your second factor was removed by {by} on "
        f"{user.second_factor_removed_at:%-d %B %Y at %H:%M} UTC. Set up another one. If you had "
        "not asked for it, tell another user administrator."
    )


def _cipher(key_id: str) -> AESGCM:
    """A key of its own: what is sealed here can never be opened as a source's credential."""
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE)
    return AESGCM(derive.derive(settings.CREDENTIAL_KEYS[key_id]))


_WAYS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code of your app, or a recovery code",
    "mfa_reauthenticate:webauthn": "Use a security key",
}
_STAGES = {"allauth.mfa.stages.AuthenticateStage": "accounts.stages.SecondFactorStage"}
_NONCE_BYTES = 12
_PURPOSE = b"vmgov second factor"
_SILENT = frozenset({"account/messages/logged_in.txt", "account/messages/logged_out.txt"})
