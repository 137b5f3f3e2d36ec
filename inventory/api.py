"""What the REST interface says about sources, runs and assets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import Permission
from inventory import ledger, past
from inventory.access_api import AssetAccessSerializer, PrincipalViewSet, access_to
from inventory.api_moments import AS_OF, asked, sees_everything
from inventory.api_uploads import TakesFiles
from inventory.changes_api import ChangeViewSet
from inventory.chronicle import api as chronicle
from inventory.errors import NotPossible
from inventory.filters import AssetFilter
from inventory.models import Asset, AssetVersion, BlindSpot, Quarantine, Source, SyncRun
from inventory.past import PastFilter
from inventory.search_api import SearchViewSet


class BlindSpotSerializer(serializers.ModelSerializer[BlindSpot]):
    class Meta:
        model = BlindSpot
        fields = ("kind", "property", "count", "example", "explanation", "first_seen_at")
        read_only_fields = fields


class QuarantineSerializer(serializers.ModelSerializer[Quarantine]):
    class Meta:
        model = Quarantine
        fields = ("kind", "ref", "name", "reason", "first_seen_at")
        read_only_fields = fields


class SourceSerializer(serializers.ModelSerializer[Source]):
    """Where a source is and what it warns of is empty for who sees only a part of the estate."""

    live_at = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="Up to when changes are published while it is watched; null when it is not live.",
    )

    def to_representation(self, source: Source) -> dict[str, Any]:
        told = super().to_representation(source)
        if not sees_everything(self):
            told |= {"url": "", "instance_uuid": "", "product": "", "warnings": []}
        return told

    class Meta:
        model = Source
        fields: tuple[str, ...] = (
            "id",
            "name",
            "connector",
            "platform",
            "url",
            "trust",
            "product",
            "instance_uuid",
            "interval_minutes",
            "is_enabled",
            "is_watched",
            "live_at",
            "takes_files",
            "warnings",
            "complete_at",
            "published_at",
            "evaluated_at",
        )
        read_only_fields: tuple[str, ...] = fields


class SourceDetailSerializer(SourceSerializer):
    blind_spots = BlindSpotSerializer(many=True, read_only=True)
    quarantine = QuarantineSerializer(many=True, read_only=True)

    class Meta(SourceSerializer.Meta):
        fields = (*SourceSerializer.Meta.fields, "blind_spots", "quarantine")
        read_only_fields = fields


class SyncRunSerializer(serializers.ModelSerializer[SyncRun]):
    """What a run counts and names is empty for who sees only a part of the estate."""

    def to_representation(self, run: SyncRun) -> dict[str, Any]:
        told = super().to_representation(run)
        if not sees_everything(self):
            told |= {"progress": {}, "completeness": {}, "counts": {}, "outcomes": {}, "causes": []}
            told |= {"upload": {}}
        return told

    class Meta:
        model = SyncRun
        fields = (
            "id",
            "source",
            "state",
            "phase",
            "requested_by",
            "requested_at",
            "started_at",
            "collected_at",
            "published_at",
            "finished_at",
            "attempt",
            "progress",
            "completeness",
            "counts",
            "outcomes",
            "causes",
            "upload",
        )
        read_only_fields = fields


class AssetSerializer(serializers.ModelSerializer[Asset]):
    """`record` is the typed record; a field that is absent is one the platform did not say."""

    record = serializers.SerializerMethodField()
    source_name = serializers.CharField(source="source.name", read_only=True)
    team = serializers.CharField(source="team.name", read_only=True, default=None)
    last_seen_at = serializers.DateTimeField(source="seen_at", read_only=True)

    class Meta:
        model = Asset
        fields = (
            "id",
            "source",
            "source_name",
            "kind",
            "uid",
            "ref",
            "name",
            "team",
            "classification",
            "criticality",
            "owner",
            "power_state",
            "first_seen_at",
            "last_seen_at",
            "changed_at",
            "missing_since",
            "gone_at",
            "evaluated_at",
            "record",
        )
        read_only_fields = fields

    def get_record(self, asset: Asset) -> dict[str, Any]:
        record: dict[str, Any] = asset.record
        return record


class AssetVersionSerializer(serializers.ModelSerializer[AssetVersion]):
    class Meta:
        model = AssetVersion
        fields = ("id", "run", "valid_from", "valid_to", "record")
        read_only_fields = fields


class SourceViewSet(TakesFiles, viewsets.ReadOnlyModelViewSet[Source]):
    """Where facts come from, how old they are, and what cannot be seen."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.SOURCE_READ,
        "retrieve": Permission.SOURCE_READ,
        "sync": Permission.RUN_START,
        "bundle": Permission.RUN_START,
    }
    queryset = Source.objects.none()
    filterset_fields = ("name", "connector", "is_enabled")

    def get_queryset(self) -> QuerySet[Source]:
        seen = Source.objects.visible_to(self.request.user)  # type: ignore[arg-type]
        return seen.select_related("watch")

    def get_serializer_class(self) -> type[SourceSerializer]:
        """What could not be read is named, so only who sees the whole estate is told."""
        user = getattr(self.request, "user", None)  # none while the description is generated
        whole = not isinstance(user, User) or user.sees_everything
        return SourceDetailSerializer if whole and self.action != "list" else SourceSerializer

    @extend_schema(request=None, responses={202: SyncRunSerializer})
    @action(detail=True, methods=["post"])
    def sync(self, request: Request, pk: str) -> Response:
        """Ask for a collection; answers with the run that will do it."""
        try:
            run = ledger.request_run(
                source=self.get_object(),
                by=request.user,  # type: ignore[arg-type]
                now=datetime.now(UTC),
            )
        except NotPossible as error:
            return Response({"detail": str(error)}, status=status.HTTP_409_CONFLICT)
        told = SyncRunSerializer(run, context=self.get_serializer_context()).data
        return Response(told, status=status.HTTP_202_ACCEPTED)


class SyncRunViewSet(viewsets.ReadOnlyModelViewSet[SyncRun]):
    """Collections: what they saw, what they changed, and why one is not complete."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.SOURCE_READ,
        "retrieve": Permission.SOURCE_READ,
    }
    serializer_class = SyncRunSerializer
    queryset = SyncRun.objects.none()
    filterset_fields = ("source", "state")
    cursor_ordering = ("-id",)

    def get_queryset(self) -> QuerySet[SyncRun]:
        """Runs count and name what is in the whole estate, so nobody else is told of them."""
        user = self.request.user
        if not (isinstance(user, User) and user.sees_everything):
            return SyncRun.objects.none()
        return SyncRun.objects.collections()


class AssetViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Any]):
    """Everything the platforms have: machines, hosts, networks, grants and the rest."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.ASSET_READ,
        "retrieve": Permission.ASSET_READ,
        "history": Permission.ASSET_READ,
        "access": Permission.ASSET_READ,
    }
    serializer_class = AssetSerializer
    queryset = Asset.objects.none()
    filterset_class = AssetFilter
    cursor_ordering: tuple[str, ...] = ("pk",)

    def get_queryset(self) -> QuerySet[Asset]:
        visible = Asset.objects.visible_to(self.request.user)  # type: ignore[arg-type]
        return visible.select_related("source", "team")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Lists are narrowed; one asset that is named is there even when it is gone by now."""
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    @extend_schema(parameters=[AS_OF])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Assets; without `presence`, those that are not gone."""
        at = self._moment()
        if at is None:
            return super().list(request, *args, **kwargs)
        found = PastFilter(
            request.query_params, queryset=self._versions(at), request=request, moment=at
        )
        self.cursor_ordering = ("asset_id",)
        page = self.paginate_queryset(found.qs) or []
        told = self.get_serializer([_as_then(version, at) for version in page], many=True)
        return self.get_paginated_response(told.data)

    @extend_schema(parameters=[AS_OF])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One asset."""
        at = self._moment()
        if at is None:
            return super().retrieve(request, *args, **kwargs)
        asset = self.get_object()
        version = get_object_or_404(self._versions(at), asset=asset)
        return Response(self.get_serializer(_as_then(version, at)).data)

    def _moment(self) -> datetime | None:
        return asked(self.request)

    def _versions(self, at: datetime) -> QuerySet[AssetVersion]:
        versions = past.at(at, user=self.request.user)  # type: ignore[arg-type]
        return versions.select_related("asset__source", "asset__team")

    @extend_schema(responses=AssetVersionSerializer(many=True), filters=False)
    @action(detail=True, serializer_class=AssetVersionSerializer)
    def history(self, request: Request, pk: str) -> Response:
        """Every version the asset had, newest first."""
        asset = self.get_object()
        self.cursor_ordering = ("-valid_from", "-id")
        page = self.paginate_queryset(asset.versions.all()) or []
        return self.get_paginated_response(AssetVersionSerializer(page, many=True).data)

    @extend_schema(responses=AssetAccessSerializer, parameters=[AS_OF], filters=False)
    @action(detail=True, serializer_class=AssetAccessSerializer)
    def access(self, request: Request, pk: str) -> Response:
        """Who may do what with the asset and by which way; for who sees the whole estate."""
        return access_to(self.get_object(), request, self._moment())


def _as_then(version: AssetVersion, moment: datetime) -> Asset:
    """As of a moment, every value that comes from the record is that moment's."""
    asset = past.as_then(version, moment)
    asset.evaluated_at = None
    return asset


routes = [
    ("sources", SourceViewSet, "source"),
    ("sync-runs", SyncRunViewSet, "sync-run"),
    ("assets", AssetViewSet, "asset"),
    ("principals", PrincipalViewSet, "principal"),
    *chronicle.routes,
    ("search", SearchViewSet, "search"),
    ("changes", ChangeViewSet, "change"),
]
