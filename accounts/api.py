"""What the REST interface says about people: read only; changes are made on pages."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import SIGNED_IN
from accounts.models import ApiToken, Team, User
from accounts.permissions import Permission
from accounts.roles import Role


class TeamSerializer(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ("id", "name")
        read_only_fields = fields


class UserSerializer(serializers.ModelSerializer[User]):
    roles = serializers.SerializerMethodField()
    teams = TeamSerializer(many=True, read_only=True)

    class Meta:
        model = User
        fields: tuple[str, ...] = (
            "id",
            "username",
            "full_name",
            "email",
            "is_active",
            "scope",
            "roles",
            "teams",
            "last_login",
            "created_at",
        )
        read_only_fields: tuple[str, ...] = fields

    def get_roles(self, user: User) -> list[Role]:
        return sorted(user.roles)


class MeSerializer(UserSerializer):
    permissions = serializers.SerializerMethodField()

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "permissions")
        read_only_fields = fields

    def get_permissions(self, user: User) -> list[Permission]:
        """What this request may do: for a token, no more than the token."""
        token = self.context["request"].auth
        held = user.permissions
        return sorted(held & token.scope if isinstance(token, ApiToken) else held)


class MeViewSet(viewsets.GenericViewSet[User]):
    """Who is asking, and what this session or token may do."""

    permissions_by_action: ClassVar[dict[str, str]] = {"list": SIGNED_IN}
    serializer_class = MeSerializer
    pagination_class = None
    filter_backends = ()
    queryset = User.objects.none()

    @extend_schema(operation_id="me_retrieve", responses=MeSerializer(many=False))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self.get_serializer(request.user).data)


class UserViewSet(viewsets.ReadOnlyModelViewSet[User]):
    """People, their roles and teams."""

    permissions_by_action: ClassVar[dict[str, str]] = {
        "list": Permission.USER_READ,
        "retrieve": Permission.USER_READ,
    }
    serializer_class = UserSerializer
    queryset = User.objects.prefetch_related("role_assignments", "teams")
    filterset_fields = ("is_active", "scope", "teams", "username")


class TeamViewSet(viewsets.ReadOnlyModelViewSet[Team]):
    """Teams that machines belong to."""

    permissions_by_action: ClassVar[dict[str, str]] = {
        "list": Permission.USER_READ,
        "retrieve": Permission.USER_READ,
    }
    serializer_class = TeamSerializer
    queryset = Team.objects.all()
    filterset_fields = ("name",)


routes = [
    ("me", MeViewSet, "me"),
    ("users", UserViewSet, "user"),
    ("teams", TeamViewSet, "team"),
]
