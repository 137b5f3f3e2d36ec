"""How django-allauth does things here: no self sign-up, and a refusal says nothing more."""

from __future__ import annotations

import base64
import os
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

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
            user.save(update_fields=["password", "must_change_password"])
            trail.record(user, "accounts:user:change-password", user)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_login")

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing where the page itself shows what happened."""
        template = kwargs.get("message_template") or (args[2] if len(args) > 2 else None)
        if template in _SILENT:
            return
        super().add_message(*args, **kwargs)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors are sealed with the key ring: a copy of the database opens none."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is not right. Codes change every 30 seconds.",
    }

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


def _cipher(key_id: str) -> AESGCM:
    """A key of its own: what is sealed here can never be opened as a source's credential."""
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE)
    return AESGCM(derive.derive(settings.CREDENTIAL_KEYS[key_id]))


_NONCE_BYTES = 12
_PURPOSE = b"vmgov second factor"
_SILENT = frozenset({"account/messages/logged_in.txt", "account/messages/logged_out.txt"})
