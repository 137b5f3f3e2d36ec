"""What the REST interface says about where machines come from, and what was made from the same."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from inventory.chronicle import lineage
from inventory.chronicle.items import Items
from inventory.models import Asset
from inventory.records import Kind

KNOWN_BY = serializers.ChoiceField(
    [(each.value, words) for each, words in lineage.HOW.items()],
    help_text="How that is known.",
)


class OriginSerializer(serializers.Serializer[Any]):
    """A machine, a template or an item of a content library. `asset` is null where it was not
    collected, is not known or is not for the caller.
    """

    asset = serializers.IntegerField(source="asset.pk", default=None, allow_null=True)
    name = serializers.CharField()
    library = serializers.CharField(help_text="Empty where it is no item of a library.")
    at = serializers.DateTimeField(allow_null=True, help_text="By the event that says so.")
    known_by = KNOWN_BY


class MadeSerializer(serializers.Serializer[Any]):
    vm = serializers.IntegerField(source="vm.pk", default=None, allow_null=True)
    vm_name = serializers.CharField(source="name")
    at = serializers.DateTimeField(allow_null=True)
    known_by = KNOWN_BY


class LineageSerializer(serializers.Serializer[Any]):
    origins = OriginSerializer(many=True, help_text="What it was made from; of a template none.")
    siblings = MadeSerializer(many=True, help_text="What else was made from these.")
    made = MadeSerializer(many=True, help_text="What was made from it, latest first.")


class LineageViewSet(viewsets.GenericViewSet[Any]):
    """From what a machine was made, and what was made from a machine or an image."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {"lineage": Permission.ASSET_READ}
    serializer_class = LineageSerializer
    queryset = Asset.objects.none()

    def get_queryset(self) -> QuerySet[Asset]:
        visible = Asset.objects.visible_to(self.request.user)  # type: ignore[arg-type]
        return visible.filter(kind__in=(Kind.VM, Kind.IMAGE))

    @extend_schema(responses=LineageSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def lineage(self, request: Request, pk: str) -> Response:
        """Of a machine or an image, by the events of making and by what belongs to a library: at
        most five hundred machines of each sort.
        """
        asset: Asset = self.get_object()
        user: Any = request.user
        items = Items(asset.source_id, user)
        descent = lineage.descent_of(asset, user, items)
        told = lineage.NOWHERE
        if asset.kind == Kind.VM:
            told = lineage.Trace(asset, user, items).lineage()
        others = lineage.relatives(asset, told, user, items)
        answer = {
            "origins": told.origins or descent.put_in,
            "siblings": [one for one in others if not one.is_origin],
            "made": descent.made,
        }
        return Response(LineageSerializer(answer).data)


routes = [("assets", LineageViewSet, "asset-origin")]
