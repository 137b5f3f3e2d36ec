"""Who a session belongs to, read with all that decides what they may do."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.mfa.models import Authenticator
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef

from accounts import second_factor
from accounts.models import RoleAssignment, User


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """django-allauth's; roles, teams and whether there is a second factor come in one query."""

    def get_user(self, user_id: Any) -> User | None:
        """The person with this key, or None when they are gone or disabled. At every request."""
        roles = RoleAssignment.objects.filter(user=OuterRef("pk")).order_by().values("role")
        teams = User.teams.through.objects.filter(user=OuterRef("pk")).order_by().values("team")
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=second_factor.KINDS)
        user = (
            User.objects.filter(pk=user_id)
            .annotate(
                role_names=ArraySubquery(roles),
                team_numbers=ArraySubquery(teams),
                has_second_factor=Exists(factors),
            )
            .first()
        )
        return user if user is not None and self.user_can_authenticate(user) else None
