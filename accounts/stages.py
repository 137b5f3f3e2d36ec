"""The step of a sign-in at which a second factor is asked for."""

from __future__ import annotations

from allauth.mfa.stages import AuthenticateStage
from django.http import HttpResponseBase

from accounts import second_factor


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]
    """Passes whoever showed one a moment ago where the provider's is trusted."""

    def handle(self) -> tuple[HttpResponseBase | None, bool]:
        if second_factor.was_shown_to_provider(self.request, self.login.user):
            return None, True
        answer: tuple[HttpResponseBase | None, bool] = super().handle()
        return answer
