"""What the REST interface says about findings. Evaluation alone opens and resolves them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from findings import catalogue
from findings.filters import FindingFilter
from findings.models import Finding, FindingEvent
from inventory.models import Asset


class FindingAssetSerializer(serializers.ModelSerializer[Asset]):
    source_name = serializers.CharField(source="source.name", read_only=True)
    team = serializers.CharField(source="team.name", read_only=True, default=None)

    class Meta:
        model = Asset
        fields = (
            "id",
            "kind",
            "uid",
            "name",
            "source",
            "source_name",
            "team",
            "classification",
            "criticality",
            "owner",
        )
        read_only_fields = fields


class FindingSerializer(serializers.ModelSerializer[Finding]):
    asset = FindingAssetSerializer(read_only=True)
    title = serializers.SerializerMethodField()
    statements = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    confirmed_at = serializers.DateTimeField(source="last_confirmed_at", read_only=True)

    class Meta:
        model = Finding
        fields = (
            "id",
            "check_id",
            "title",
            "statements",
            "asset",
            "key",
            "state",
            "severity",
            "message",
            "seen",
            "expected",
            "evidence",
            "first_opened_at",
            "opened_at",
            "confirmed_at",
            "resolved_at",
            "resolution",
            "reopened_count",
            "due_at",
            "stale_since",
            "stale_reason",
            "updated_at",
        )
        read_only_fields = fields

    def get_title(self, finding: Finding) -> str:
        return catalogue.title_of(finding.check_id)

    def get_evidence(self, finding: Finding) -> dict[str, Any]:
        """The facts behind it, those about assets out of the person's sight left out."""
        return finding.evidence_for(self.context["request"].user)

    def get_statements(self, finding: Finding) -> list[str]:
        check = catalogue.check_or_none(finding.check_id)
        return list(check.statements) if check else []


class FindingEventSerializer(serializers.ModelSerializer[FindingEvent]):
    class Meta:
        model = FindingEvent
        fields = ("id", "kind", "at", "run", "message", "detail")
        read_only_fields = fields


class ApiFindingFilter(FindingFilter):
    """The page's filters, and what a script needs to follow changes."""

    updated_since = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")


class FindingFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """Gives the filters the clock and the person, as the page does."""

    def get_filterset_kwargs(
        self, request: Request, queryset: QuerySet[Finding], view: Any
    ) -> dict[str, Any]:
        given: dict[str, Any] = super().get_filterset_kwargs(request, queryset, view)
        return {**given, "now": datetime.now(UTC), "user": request.user}


class FindingViewSet(viewsets.ReadOnlyModelViewSet[Any]):
    """Deviations from the policy, each for ever the same one."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.FINDING_READ,
        "retrieve": Permission.FINDING_READ,
        "events": Permission.FINDING_READ,
    }
    serializer_class = FindingSerializer
    queryset = Finding.objects.none()
    filterset_class = ApiFindingFilter
    filter_backends = (FindingFilterBackend,)
    # Oldest change first: whoever keeps the last cursor is told each later change once.
    cursor_ordering: tuple[str, ...] = ("updated_at", "id")

    def get_queryset(self) -> QuerySet[Finding]:
        visible = Finding.objects.visible_to(self.request.user)  # type: ignore[arg-type]
        return visible.select_related("asset__source", "asset__team").defer("asset__record")

    @extend_schema(responses=FindingEventSerializer(many=True), filters=False)
    @action(detail=True, serializer_class=FindingEventSerializer, filter_backends=())
    def events(self, request: Request, pk: str) -> Response:
        """What happened to the finding, newest first."""
        self.cursor_ordering = ("-id",)
        page = self.paginate_queryset(self.get_object().events.all()) or []
        return self.get_paginated_response(FindingEventSerializer(page, many=True).data)


routes = [("findings", FindingViewSet, "finding")]
