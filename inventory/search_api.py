"""What the REST interface finds: assets by whatever they are known by."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from inventory import history, matching, search
from inventory.models import Asset


class MatchSerializer(serializers.Serializer[Any]):
    where = serializers.CharField()
    text = serializers.CharField()


class SearchResultSerializer(serializers.ModelSerializer[Asset]):
    """An asset that was meant; `matched` says by what, and is empty when it is its name."""

    source_name = serializers.CharField(source="source.name", read_only=True)
    team = serializers.CharField(source="team.name", read_only=True, default=None)
    matched = serializers.SerializerMethodField()

    class Meta:
        model = Asset
        fields = ("id", "source", "source_name", "kind", "uid", "name", "team", "matched")
        read_only_fields = fields

    @extend_schema_field(MatchSerializer(many=True))
    def get_matched(self, asset: Asset) -> list[dict[str, str]]:
        wanted = self.context["wanted"]
        found = matching.matches(history.typed(asset.record), wanted)
        return [{"where": match.label, "text": match.text} for match in found]


class SearchViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """Assets by whatever they are known by."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {"list": Permission.ASSET_READ}
    serializer_class = SearchResultSerializer
    queryset = Asset.objects.none()

    def get_queryset(self) -> QuerySet[Asset]:
        seen = Asset.objects.visible_to(self.request.user).present()  # type: ignore[arg-type]
        return search.narrow(seen, self._text()).select_related("source", "team")

    def get_serializer_context(self) -> dict[str, Any]:
        text = self.request.query_params.get("q", "") if self.request else ""
        return {**super().get_serializer_context(), "wanted": search.read(text)}

    def _text(self) -> str:
        text = self.request.query_params.get("q", "")
        if not text.strip():
            raise ValidationError({"q": ["Say what to look for."]})
        return text

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "q",
                required=True,
                description="Beginnings of words of names, notes and principals; an IP address, its"
                " beginning or a network; a MAC address or UUID in any notation.",
            )
        ],
        filters=False,
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Assets that are not gone and that a text means, with what of each it means."""
        return super().list(request, *args, **kwargs)
