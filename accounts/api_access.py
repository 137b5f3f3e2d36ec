"""Deny by default on the API: each action of a viewset names its permission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import second_factor
from accounts.access import SIGNED_IN
from accounts.models import User
from accounts.permissions import Permission

if TYPE_CHECKING:  # the framework loads this module while it loads that one
    from rest_framework.views import APIView


class DeclaredPermission(BasePermission):
    """Allow what `view.permissions_by_action` declares for the action, to those who have it.

    `permissions_by_action` maps an action (list, retrieve, or a custom one; a method where there
    are no actions) to a Permission, or to SIGNED_IN for what anybody signed in may do. For a token,
    the token's own permissions must hold it as well as its person's roles.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return False
        if request.auth is None and (
            user.must_change_password or second_factor.is_missing(request._request)
        ):
            return False
        declared = declared_for(view, getattr(view, "action", None) or str(request.method))
        if declared is None:
            return False
        if declared == SIGNED_IN:
            return True
        scope: frozenset[str] | None = getattr(request.auth, "scope", None)
        permission = Permission(declared)
        return user.may(permission) and (scope is None or permission in scope)


def declared_for(view: Any, action: str) -> str | None:
    """What a view (or its class) declares for an action, if anything."""
    if action == "HEAD":
        action = "GET"
    declared: dict[str, str] = getattr(view, "permissions_by_action", {})
    return declared.get(action)
