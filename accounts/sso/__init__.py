"""Sign-in at an organisation's own provider. Nothing is loaded until a provider is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from accounts.sso.configuration import AnyProvider


def providers() -> tuple[AnyProvider, ...]:
    """Those that are configured (SSO_PROVIDERS)."""
    found: tuple[AnyProvider, ...] = settings.SSO_PROVIDERS
    return found


def provider(provider_id: str) -> AnyProvider | None:
    """The one with this id, if it is configured."""
    return next((one for one in providers() if one.id == provider_id), None)
