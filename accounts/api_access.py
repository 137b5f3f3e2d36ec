"""Deny by default on the API: each action of a viewset names its permission."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import Permission


class DeclaredPermission(BasePermission):
    """Allow what `view.permissions_by_action` declares for the action, to those who have it.

    `permissions_by_action` maps an action (list, retrieve, or a custom one) to a Permission. For a
    token, the token's own permissions must hold it as well as its person's roles.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.user, User):
            return False
        declared: dict[str, Permission] = getattr(view, "permissions_by_action", {})
        action: Any = getattr(view, "action", None) or request.method
        permission = declared.get(action)
        if permission is None and request.method == "OPTIONS":
            return False
        if permission is None:
            return False
        scope: frozenset[str] | None = getattr(request.auth, "scope", None)
        return request.user.may(permission) and (scope is None or permission in scope)
