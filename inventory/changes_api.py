"""What the REST interface tells of the difference between two moments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from inventory import changes, spans
from inventory.changes import What
from inventory.models import AssetVersion
from inventory.past import PastFilter
from inventory.spans import Span


class FactChangeSerializer(serializers.Serializer[Any]):
    """One fact; `at` is when it became what it is, null where that was not looked up; `by` who made
    it so, in the platform's words, empty where its log is not sure.
    """

    fact = serializers.CharField(source="label")
    before = serializers.CharField()
    after = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    by = serializers.CharField()


class ChangeSerializer(serializers.Serializer[Any]):
    """One asset that differs; `at` is when it last did, `by` who made or removed it if the
    platform's log says so.
    """

    asset = serializers.IntegerField(source="asset.pk")
    name = serializers.CharField(source="asset.name")
    kind = serializers.CharField(source="asset.kind")
    uid = serializers.CharField(source="asset.uid")
    source_id = serializers.IntegerField(source="asset.source_id")
    source_name = serializers.CharField(source="asset.source.name")
    team = serializers.CharField(source="asset.team.name", default=None, allow_null=True)
    what = serializers.ChoiceField(choices=[(what.value, what.value) for what in What])
    at = serializers.DateTimeField()
    by = serializers.CharField()
    changes = FactChangeSerializer(many=True)


MOMENTS = [
    OpenApiParameter(
        "from",
        OpenApiTypes.DATETIME,
        description="The first moment; a day before `to` unless given.",
    ),
    OpenApiParameter(
        "to", OpenApiTypes.DATETIME, description="The second moment; now unless given."
    ),
    OpenApiParameter(
        "what",
        enum=[what.value for what in What],
        description="What to tell: `changed` unless given.",
    ),
]


class ChangeViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """What appeared, disappeared or changed between two moments."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {"list": Permission.ASSET_READ}
    serializer_class = ChangeSerializer
    queryset = AssetVersion.objects.none()
    filterset_class = PastFilter

    @extend_schema(parameters=MOMENTS)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Assets that differ, newest first; of what changed, each fact from what to what."""
        span, what = self._asked()
        self.cursor_ordering = changes.order_of(what, span)
        user: Any = request.user
        found = changes.narrowed(request.query_params, span, what, user=user)
        told = changes.of(self.paginate_queryset(found) or [], span, user=user)
        return self.get_paginated_response(self.get_serializer(told, many=True).data)

    def _asked(self) -> tuple[Span, What]:
        query = self.request.query_params
        try:
            return spans.read(query, now=datetime.now(UTC)), What(query.get("what") or "changed")
        except ValueError as problem:
            raise ValidationError({"detail": [str(problem)]}) from None
