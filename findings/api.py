"""What the REST interface says about findings. Evaluation alone opens and resolves them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import NotPossible
from accounts.permissions import Permission
from findings import catalogue
from findings.filters import FindingFilter
from findings.models import BulkAct, Finding, FindingEvent
from findings.remediation import api as remediation
from findings.status import Status, status_of
from findings.trends import api as trends
from findings.triage import acts, bulk
from findings.triage import api as triage
from findings.triage.api import (
    BulkResultSerializer,
    BulkSerializer,
    CommentSerializer,
    DecisionSerializer,
    SaySerializer,
    UndoneSerializer,
    UndoSerializer,
)
from findings.triage.decisions import decide
from findings.waivers import api as waivers
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
    status = serializers.SerializerMethodField()
    assignee = serializers.CharField(source="assignee.username", read_only=True, default=None)
    assigned_team = serializers.CharField(source="assigned_team.name", read_only=True, default=None)
    labels = serializers.SerializerMethodField()
    excepted_until = serializers.DateTimeField(read_only=True, allow_null=True)

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
            "status",
            "priority",
            "assignee",
            "assigned_team",
            "labels",
            "ticket",
            "excepted_until",
            "due_at",
            "due_by_hand",
            "breached_at",
            "claimed_at",
            "version",
            "stale_since",
            "stale_reason",
            "updated_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=[s.value for s in Status]))
    def get_status(self, finding: Finding) -> str:
        """Where it stands: evaluation, people and exceptions together."""
        return status_of(finding).value

    def get_labels(self, finding: Finding) -> list[str]:
        return [label.name for label in finding.labels.all()]

    def get_title(self, finding: Finding) -> str:
        return catalogue.title_of(finding.check_id)

    def get_evidence(self, finding: Finding) -> dict[str, Any]:
        """The facts behind it, those about assets out of the person's sight left out."""
        return finding.evidence_for(self.context["request"].user)

    def get_statements(self, finding: Finding) -> list[str]:
        check = catalogue.check_or_none(finding.check_id)
        return list(check.statements) if check else []


class FindingEventSerializer(serializers.ModelSerializer[FindingEvent]):
    by = serializers.CharField(source="by.username", read_only=True, default=None)

    class Meta:
        model = FindingEvent
        fields = ("id", "kind", "at", "run", "by", "message", "detail")
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
    """Deviations from the policy, each for ever the same one. Evaluation opens and resolves them;
    people decide what is done about them.
    """

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.FINDING_READ,
        "retrieve": Permission.FINDING_READ,
        "events": Permission.FINDING_READ,
        # Taking it, saying that it is fixed; what sorts findings asks for more inside the verb.
        "partial_update": Permission.FINDING_WORK,
        "comments": Permission.FINDING_READ,
        "comment": Permission.FINDING_WORK,
        "bulk": Permission.FINDING_WORK,
        "undo": Permission.FINDING_WORK,
    }
    serializer_class = FindingSerializer
    queryset = Finding.objects.none()
    filterset_class = ApiFindingFilter
    filter_backends = (FindingFilterBackend,)
    # Oldest change first: whoever keeps the last cursor is told each later change once.
    cursor_ordering: tuple[str, ...] = ("updated_at", "id")

    def get_queryset(self) -> QuerySet[Finding]:
        visible = Finding.objects.visible_to(self.request.user)  # type: ignore[arg-type]
        return (
            visible.with_exception(now=datetime.now(UTC))
            .select_related("asset__source", "asset__team", "assignee", "assigned_team")
            .prefetch_related("labels")
            .defer("asset__record")
        )

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One finding; its version is the entity tag."""
        return self._told(self.get_object())

    def _told(self, finding: Finding) -> Response:
        response = Response(self.get_serializer(finding).data)
        response["ETag"] = f'"{finding.version}"'
        return response

    @extend_schema(request=DecisionSerializer, responses=FindingSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Decide what is done about it. Say the version you looked at (`If-Match` or `version`):
        when somebody was quicker nothing changes and the answer is 412 or 409.
        """
        finding = self.get_object()
        wanted = DecisionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        actor, data = triage.actor_of(request), dict(wanted.validated_data)
        try:
            decide(
                finding_id=finding.pk,
                acts=triage.acts_of(data, finding, actor),
                version=triage.version_of(request, data),
                by=actor.user,
                now=actor.now,
                within=actor.within,
            )
        except Finding.DoesNotExist:
            raise NotFound from None
        except NotPossible as error:
            raise triage.refused(error, request) from error
        return self._told(self.get_object())

    @extend_schema(responses=CommentSerializer(many=True), filters=False)
    @action(detail=True, serializer_class=CommentSerializer, filter_backends=())
    def comments(self, request: Request, pk: str) -> Response:
        """What people wrote about it, oldest first."""
        self.cursor_ordering = ("id",)
        thread = self.get_object().comments.select_related("by")
        page = self.paginate_queryset(thread) or []
        return self.get_paginated_response(CommentSerializer(page, many=True).data)

    @extend_schema(request=SaySerializer, responses={201: CommentSerializer}, filters=False)
    @comments.mapping.post
    def comment(self, request: Request, pk: str) -> Response:
        """Write a comment. `@username` tells that person, if they may see the finding."""
        finding = self.get_object()
        said = SaySerializer(data=request.data)
        said.is_valid(raise_exception=True)
        actor = triage.actor_of(request)
        try:
            decide(
                finding_id=finding.pk,
                acts=[acts.Say(text=said.validated_data["text"])],
                by=actor.user,
                now=actor.now,
                within=actor.within,
            )
        except NotPossible as error:
            raise triage.refused(error, request) from error
        written = finding.comments.filter(by=actor.user).select_related("by").latest("id")
        return Response(CommentSerializer(written).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=BulkSerializer, responses=BulkResultSerializer, filters=False)
    @action(detail=False, methods=["post"], filter_backends=(), pagination_class=None)
    def bulk(self, request: Request) -> Response:
        """One act on many findings, all or nothing; with `dry_run` only what it would do."""
        wanted = BulkSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data, actor = wanted.validated_data, triage.actor_of(request)
        act, choice = triage.act_of(data["act"]), triage.choice_of(data)
        try:
            if data["dry_run"]:
                seen = bulk.preview(act=act, choice=choice, actor=actor)
                told = {
                    "id": None,
                    "matched": seen.matched,
                    "changed": seen.changes,
                    "skipped": seen.skipped,
                }
            else:
                done = bulk.do(act=act, choice=choice, actor=actor, shown=data.get("expected"))
                told = {
                    "id": done.act.pk,
                    "matched": done.act.changed + done.act.skipped,
                    "changed": done.act.changed,
                    "skipped": done.skipped,
                }
        except NotPossible as error:
            raise triage.refused(error, request) from error
        return Response(told)

    @extend_schema(request=UndoSerializer, responses=UndoneSerializer, filters=False)
    @action(
        detail=False,
        methods=["post"],
        url_path="bulk/undo",
        filter_backends=(),
        pagination_class=None,
    )
    def undo(self, request: Request) -> Response:
        """Take back a bulk act of one's own, within a day, where nobody did anything since."""
        wanted = UndoSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            undone = bulk.undo(bulk_id=wanted.validated_data["id"], actor=triage.actor_of(request))
        except BulkAct.DoesNotExist:
            raise NotFound from None
        except NotPossible as error:
            raise triage.refused(error, request) from error
        return Response({"restored": undone.restored, "left": undone.left})

    @extend_schema(responses=FindingEventSerializer(many=True), filters=False)
    @action(detail=True, serializer_class=FindingEventSerializer, filter_backends=())
    def events(self, request: Request, pk: str) -> Response:
        """What happened to the finding, newest first."""
        self.cursor_ordering = ("-id",)
        page = self.paginate_queryset(self.get_object().events.all()) or []
        return self.get_paginated_response(FindingEventSerializer(page, many=True).data)


routes = [
    ("findings", FindingViewSet, "finding"),
    *triage.routes,
    *trends.routes,
    *waivers.routes,
    *remediation.routes,
]
