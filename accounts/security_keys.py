"""Forms of security keys that refuse whatever a browser would not have sent, without breaking.

What is posted is parsed by libraries that raise what they please on bytes made up by a stranger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

_MADE_UP = (
    ValueError,  # also what is no UTF-8 and no JSON
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    NotImplementedError,
    InvalidSignature,
    UnsupportedAlgorithm,
)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except _MADE_UP as error:
        raise get_adapter().validation_error("incorrect_code") from error


class AddKeyForm(forms.AddWebAuthnForm):  # type: ignore[misc]
    def clean(self) -> dict[str, Any]:
        with _refusing():
            cleaned: dict[str, Any] = super().clean()
        return cleaned


class _Shown:
    """A key that is there already is shown."""

    def clean_credential(self) -> Authenticator:
        with _refusing():
            authenticator: Authenticator = super().clean_credential()  # type: ignore[misc]
        return authenticator


class LoginKeyForm(_Shown, forms.LoginWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Authenticator:
        """Nobody gets past their provider, which may not know them any more."""
        authenticator = super().clean_credential()
        if authenticator.user.provider:
            raise get_adapter().validation_error("incorrect_code")
        return authenticator


class AuthenticateKeyForm(_Shown, forms.AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class ReauthenticateKeyForm(_Shown, forms.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass
