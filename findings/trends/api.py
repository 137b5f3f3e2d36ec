"""Posture for scripts: how it stands, or stood, and how it changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import Permission
from findings.models import PostureDay
from findings.trends import asking, counting, reading, series, views
from findings.trends.dimensions import LABELS
from findings.trends.reading import Cell
from findings.trends.series import Point

_READ: dict[str, Permission] = {"list": Permission.FINDING_READ}
_BY = OpenApiParameter("by", enum=list(LABELS), description="What posture is divided by.")


class CountsSerializer(serializers.Serializer[Any]):
    """What was counted. Open findings by severity; what happened is of the stretch of days."""

    def get_fields(self) -> dict[str, Any]:
        return {name: serializers.IntegerField() for name in counting.COUNTS}


class PartSerializer(serializers.Serializer[Any]):
    value = serializers.CharField(help_text="Empty for everything.")
    name = serializers.CharField()
    counts = CountsSerializer()


class PostureSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField(allow_null=True)
    counted_at = serializers.DateTimeField(
        allow_null=True, help_text="The oldest evaluation among the sources; null: there is none."
    )
    next = serializers.CharField(allow_null=True)
    results = PartSerializer(many=True)


class PointSerializer(serializers.Serializer[Any]):
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    seen = serializers.BooleanField(
        help_text="False: a source was not collected, and older numbers are carried forward."
    )
    counted = serializers.BooleanField(help_text="False: nothing had been counted by then.")
    counts = CountsSerializer()


class TrendsSerializer(serializers.Serializer[Any]):
    period = serializers.CharField()
    by = serializers.CharField()
    value = serializers.CharField()
    next = serializers.CharField(allow_null=True)
    results = PointSerializer(many=True)


class PostureViewSet(viewsets.ViewSet):
    """How the estate stands, as its last evaluations counted it, now or as of a moment."""

    permissions_by_action: ClassVar[dict[str, Permission]] = _READ
    pagination_class = None

    @extend_schema(
        operation_id="posture_list",
        responses=PostureSerializer,
        parameters=[
            _BY,
            OpenApiParameter("as_of", description="A day (its end) or a moment; now if absent."),
        ],
    )
    def list(self, request: Request) -> Response:
        now = datetime.now(UTC)
        then, problem = asking.moment_of(request.query_params, now=now)
        if problem:
            raise ValidationError({"as_of": [problem]})
        user = _person(request)
        wanted = views.asked({"by": request.query_params.get("by", "")}, user, now=now)
        days = list(reading.newest(wanted.sources, at=then).values())
        told = {
            "as_of": then,
            "counted_at": min((day.counted_at for day in days), default=None),
            "next": None,
            "results": _parts(wanted, user, days),
        }
        return Response(PostureSerializer(told).data)


def _parts(wanted: views.Asked, user: User, days: list[PostureDay]) -> list[dict[str, Any]]:
    if wanted.dimension is None:
        whole = Cell()
        if days:
            for cell in reading.kept(
                reading.grain_for(user).filter(reading.rows_of(days))
            ).values():
                whole.add(cell)
        return [{"value": "", "name": "Everything", "counts": whole}]
    rows = wanted.dimension.rows(user)
    return [
        {"value": part.value, "name": part.label, "counts": cell}
        for part, cell in series.parts_at(wanted.dimension, days, rows=rows)
    ]


class TrendsViewSet(viewsets.ViewSet):
    """How posture changed, of everything or of one part, oldest first."""

    permissions_by_action: ClassVar[dict[str, Permission]] = _READ
    pagination_class = None

    @extend_schema(
        operation_id="trends_list",
        responses=TrendsSerializer,
        parameters=[
            _BY,
            OpenApiParameter("value", description="One part of that; everything if absent."),
            OpenApiParameter("period", enum=list(series.PERIODS), default=series.DEFAULT),
        ],
    )
    def list(self, request: Request) -> Response:
        user = _person(request)
        wanted = views.asked(request.query_params, user, now=datetime.now(UTC))
        told = {
            "period": wanted.period,
            "by": wanted.dimension.name if wanted.dimension else "",
            "value": wanted.part.value if wanted.part else "",
            "next": None,
            "results": [_point(point) for point in wanted.points(user)],
        }
        return Response(TrendsSerializer(told).data)


def _point(point: Point) -> dict[str, Any]:
    return {
        "first_day": point.stretch.first,
        "last_day": point.stretch.last,
        "seen": point.is_seen,
        "counted": point.is_counted,
        "counts": point.cell,
    }


def _person(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # DeclaredPermission let nobody else in
    return request.user


routes = [("posture", PostureViewSet, "posture"), ("trends", TrendsViewSet, "trend")]
