"""What the REST interface says about the policy: documents, statements and checks."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import Permission
from policies import coverage
from policies.coverage import CheckLine, StatementLine
from policies.models import PolicyDocument, Statement

READ: dict[str, Permission] = {
    "list": Permission.POLICY_READ,
    "retrieve": Permission.POLICY_READ,
}


class TallySerializer(serializers.Serializer[coverage.Tally]):
    """How many of each answer, over what the person may see."""

    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    not_applicable = serializers.IntegerField()
    error = serializers.IntegerField()


class CheckSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="check.id")
    title = serializers.CharField(source="check.title")
    kind = serializers.CharField(source="check.kind")
    severity = serializers.CharField(source="configured.severity")
    enabled = serializers.BooleanField(source="configured.enabled")
    statements = serializers.ListField(source="check.statements", child=serializers.CharField())
    controls = serializers.ListField(source="check.controls", child=serializers.CharField())
    why = serializers.CharField(source="check.why")
    fix = serializers.SerializerMethodField()
    params = serializers.SerializerMethodField()
    tally = TallySerializer()
    open_findings = serializers.IntegerField()

    def get_fix(self, line: CheckLine) -> dict[str, str]:
        """How to mend a deviation, Markdown by platform."""
        return {platform.value: text for platform, text in line.check.fix.items()}

    def get_params(self, line: CheckLine) -> dict[str, Any]:
        """The parameters in force."""
        params: dict[str, Any] = msgspec.to_builtins(line.configured.params)
        return params


class PolicySerializer(serializers.ModelSerializer[PolicyDocument]):
    class Meta:
        model = PolicyDocument
        fields = ("id", "slug", "title", "version", "summary")
        read_only_fields = fields


class StatementSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="statement.code")
    policy = serializers.IntegerField(source="statement.document_id")
    area = serializers.CharField(source="statement.area")
    title = serializers.CharField(source="statement.title")
    text = serializers.CharField(source="statement.text")
    why = serializers.CharField(source="statement.why")
    basis = serializers.CharField(source="statement.basis")
    severity = serializers.CharField(source="statement.severity")
    checks = serializers.SerializerMethodField()
    result = serializers.CharField(
        help_text="pass, fail, unknown, error, not_applicable, uncovered"
    )
    tally = TallySerializer()
    open_findings = serializers.IntegerField()

    def get_checks(self, line: StatementLine) -> list[str]:
        return [check.check.id for check in line.checks]


class PolicyViewSet(viewsets.ReadOnlyModelViewSet[PolicyDocument]):
    """The documents that say what should be true."""

    permissions_by_action: ClassVar[dict[str, Permission]] = READ
    serializer_class = PolicySerializer
    queryset = PolicyDocument.objects.all()
    filterset_fields = ("slug",)


class StatementViewSet(viewsets.GenericViewSet[Any]):
    """What the policy asks for, and what the checks say about it."""

    permissions_by_action: ClassVar[dict[str, Permission]] = READ
    serializer_class = StatementSerializer
    queryset = Statement.objects.select_related("document")
    filterset_fields = ("area", "document")
    lookup_field = "code"
    lookup_value_regex = "[A-Za-z0-9-]+"
    cursor_ordering = ("document_id", "position", "id")

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        lines = coverage.statement_lines(_person(request), page)
        return self.get_paginated_response(StatementSerializer(lines, many=True).data)

    def retrieve(self, request: Request, code: str) -> Response:
        [line] = coverage.statement_lines(_person(request), [self.get_object()])
        return Response(StatementSerializer(line).data)


class CheckViewSet(viewsets.GenericViewSet[Any]):
    """The checks: what each asks, how it is set, what it answers. They come with the software."""

    permissions_by_action: ClassVar[dict[str, Permission]] = READ
    serializer_class = CheckSerializer
    queryset: QuerySet[Any] = Statement.objects.none()
    filter_backends = ()
    pagination_class = None
    lookup_value_regex = "[a-z0-9-]+"

    @extend_schema(operation_id="checks_list", responses=CheckSerializer(many=True))
    def list(self, request: Request) -> Response:
        lines = coverage.check_lines(_person(request))
        told = CheckSerializer([lines[check_id] for check_id in sorted(lines)], many=True).data
        return Response({"next": None, "results": told})

    @extend_schema(operation_id="checks_retrieve", responses=CheckSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        line = coverage.check_lines(_person(request)).get(pk)
        if line is None:
            raise Http404
        return Response(CheckSerializer(line).data)


def _person(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # DeclaredPermission let nobody else in
    return request.user


routes = [
    ("policies", PolicyViewSet, "policy"),
    ("statements", StatementViewSet, "statement"),
    ("checks", CheckViewSet, "check"),
]
