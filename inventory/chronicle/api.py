"""What the REST interface says about the past: events, and who was together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from inventory.api_moments import sees_everything
from inventory.chronicle import lineage_api, observed, passing, questions, windows
from inventory.chronicle.administrators import Careers, Shared
from inventory.chronicle.administrators_api import (
    AdministratorsSerializer,
    BlindIntervalSerializer,
    administrator,
    careers_in,
)
from inventory.chronicle.filters import EventFilter
from inventory.chronicle.intervals_api import MacHoldingViewSet, StaySerializer, StayViewSet
from inventory.chronicle.models import PlatformEvent
from inventory.models import Asset
from inventory.records import Kind

MONTH = timedelta(days=30)
FROM = OpenApiParameter("from", OpenApiTypes.DATETIME, description="Thirty days ago if left out.")
TO = OpenApiParameter("to", OpenApiTypes.DATETIME, description="Now if left out.")
START = OpenApiParameter(
    "start",
    OpenApiTypes.INT,
    description="Leave out so many; a page holds a hundred, of administrators twenty.",
)
WAYS = (*questions.PLACES, "administrator")
BY = OpenApiParameter("by", OpenApiTypes.STR, enum=list(WAYS), default="host")
PLACES = OpenApiParameter("by", OpenApiTypes.STR, enum=list(questions.PLACES), default="host")
WITH = OpenApiParameter(
    "with", OpenApiTypes.INT, required=True, description="Id of the other machine."
)
WHO = OpenApiParameter(
    "who",
    OpenApiTypes.STR,
    description="With `by=administrator`: the `uid` of one of the administrators of the machine.",
)


class EventSerializer(serializers.ModelSerializer[PlatformEvent]):
    """The platform's own words and the host may name what is another team's: empty for who sees
    only a part of the estate.
    """

    class Meta:
        model = PlatformEvent
        fields = (
            "id",
            "source",
            "key",
            "type",
            "created_at",
            "happened_at",
            "user_name",
            "vm",
            "vm_name",
            "host_ref",
            "host_name",
            "message",
            "detail",
        )
        read_only_fields = fields

    def to_representation(self, event: PlatformEvent) -> dict[str, Any]:
        told = super().to_representation(event)
        if not sees_everything(self):
            told |= {"host_ref": "", "host_name": "", "message": "", "detail": {}}
        return told


class NeighbourSerializer(serializers.Serializer[Any]):
    """Minutes surely and possibly together; on a host only while both ran."""

    vm = serializers.IntegerField(source="vm.pk")
    vm_name = serializers.CharField(source="vm.name")
    place = serializers.IntegerField(source="place.pk", default=None)
    place_name = serializers.CharField(source="place.name", default=None)
    minutes = serializers.IntegerField()
    possible_minutes = serializers.IntegerField(source="possible")
    first = serializers.DateTimeField()
    last = serializers.DateTimeField()
    by_events = serializers.BooleanField()


class PassingSerializer(serializers.Serializer[Any]):
    """A machine that no collection found and the log tells of; `until` null: no event ended it."""

    name = serializers.CharField()
    ref = serializers.CharField()
    place = serializers.IntegerField(source="place.pk", default=None, allow_null=True)
    place_ref = serializers.CharField()
    is_running = serializers.BooleanField(allow_null=True)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)


class MeetingSerializer(serializers.Serializer[Any]):
    """A time that two machines were together, by the stays of both: the proof."""

    place = serializers.IntegerField(source="mine.place_id", allow_null=True)
    place_name = serializers.CharField(source="mine.place.name", default="")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    minutes = serializers.IntegerField(help_text="Surely together.")
    possible_minutes = serializers.IntegerField(source="possible")
    mine = StaySerializer()
    other = StaySerializer()

    def to_representation(self, meeting: questions.Meeting) -> dict[str, Any]:
        told = super().to_representation(meeting)
        if not sees_everything(self):
            told |= {"place": None, "place_name": ""}
        return told


class MeetingsSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    meetings = MeetingSerializer(many=True)
    blind = BlindIntervalSerializer(many=True)


class NeighboursSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    total = serializers.IntegerField()
    neighbours = NeighbourSerializer(many=True)
    log_alone = PassingSerializer(
        many=True, help_text="With `by=host`, for who sees the whole estate."
    )
    blind = BlindIntervalSerializer(many=True)


def window_in(request: Request, *, now: datetime) -> windows.Window:
    asked = windows.asked(request.query_params, now=now, usual=MONTH)
    if asked.problem:
        raise ValidationError({"from": [asked.problem]})
    return asked.window


def start_in(request: Request) -> int:
    """How many are left out, or raise ValidationError."""
    start = request.query_params.get("start", "0")
    if not (start.isascii() and start.isdigit() and len(start) < 10):
        raise ValidationError({"start": ["This is not a number."]})
    return int(start)


class EventViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """The platforms' own events, latest first, kept longer than they keep them."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {"list": Permission.ASSET_READ}
    serializer_class = EventSerializer
    queryset = PlatformEvent.objects.none()
    filterset_class = EventFilter
    cursor_ordering = ("-happened_at", "-id")

    def get_queryset(self) -> QuerySet[PlatformEvent]:
        return PlatformEvent.objects.visible_to(self.request.user)  # type: ignore[arg-type]


class TogetherViewSet(viewsets.GenericViewSet[Any]):
    """Who was with a machine: the question of an incident."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "neighbours": Permission.ASSET_READ,
        "meetings": Permission.ASSET_READ,
        "administrators": Permission.ASSET_READ,
    }
    serializer_class = NeighboursSerializer
    queryset = Asset.objects.none()

    def get_queryset(self) -> QuerySet[Asset]:
        visible = Asset.objects.visible_to(self.request.user)  # type: ignore[arg-type]
        return visible.filter(kind=Kind.VM).select_related("source__watch").defer("record")

    @extend_schema(
        parameters=[FROM, TO, BY, WHO, START], responses=NeighboursSerializer, filters=False
    )
    @action(detail=True)
    def neighbours(self, request: Request, pk: str) -> Response:
        """Machines that shared a host, datastore, network or one administrator with this one, with
        minutes: longest together first, those of an administrator by name.
        """
        vm: Asset = self.get_object()
        now = datetime.now(UTC)
        by = request.query_params.get("by", "host")
        if by not in WAYS:
            raise ValidationError({"by": [f"One of {', '.join(WAYS)}."]})
        window, start = window_in(request, now=now), start_in(request)
        rows: Sequence[Any]
        if by == "administrator":
            careers = careers_in(request, vm, window, now=now)
            total, rows = _of_administrator(request, careers, start)
        else:
            found = questions.neighbours(
                vm,
                request.user,  # type: ignore[arg-type]
                window=window,
                place=by,
                now=now,
                start=start,
            )
            total, rows = found.total, found.rows
        told = {
            "since": window.since,
            "until": window.until,
            "total": total,
            "neighbours": rows,
            "log_alone": passing.near(vm, request.user, window=window) if by == "host" else [],  # type: ignore[arg-type]
            "blind": observed.blind([vm.source_id], window),
        }
        return Response(NeighboursSerializer(told).data)

    @extend_schema(parameters=[FROM, TO, PLACES, WITH], responses=MeetingsSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def meetings(self, request: Request, pk: str) -> Response:
        """When exactly this machine and another one were together, and by what that is known."""
        vm: Asset = self.get_object()
        by = request.query_params.get("by", "host")
        if by not in questions.PLACES:
            raise ValidationError({"by": [f"One of {', '.join(questions.PLACES)}."]})
        now = datetime.now(UTC)
        window = window_in(request, now=now)
        other = self._other(request)
        found = questions.meetings(vm, other, window=window, place=by, now=now)
        stays = [stay for one in found for stay in (one.mine, one.other)]
        told = {
            "since": window.since,
            "until": window.until,
            "meetings": found,
            "blind": observed.blind([vm.source_id], window),
        }
        context = {**self.get_serializer_context(), "blind": observed.blind_during(stays)}
        return Response(MeetingsSerializer(told, context=context).data)

    def _other(self, request: Request) -> Asset:
        """The machine that `with` names, of those that the person may see."""
        text = request.query_params.get("with", "")
        is_id = text.isascii() and text.isdigit() and len(text) < 19
        other = self.get_queryset().filter(pk=int(text)).first() if is_id else None
        if other is None:
            raise ValidationError({"with": ["This is not the id of a machine."]})
        return other

    @extend_schema(parameters=[FROM, TO, START], responses=AdministratorsSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def administrators(self, request: Request, pk: str) -> Response:
        """Who could enter, run or copy this machine or grant access to it, since when and by which
        way; and how many other machines each had meanwhile. For who sees the whole estate.
        """
        vm: Asset = self.get_object()
        now = datetime.now(UTC)
        window = window_in(request, now=now)
        careers = careers_in(request, vm, window, now=now)
        told = {
            "since": window.since,
            "until": window.until,
            "total": careers.total,
            "groups_unknown": careers.groups_unknown,
            "administrators": [
                administrator(one, careers) for one in careers.page(start_in(request))
            ],
            "blind": observed.blind([vm.source_id], window),
        }
        return Response(AdministratorsSerializer(told).data)


def _of_administrator(
    request: Request, careers: Careers, start: int
) -> tuple[int, Sequence[Shared]]:
    uid = request.query_params.get("who", "")
    found = careers.shared(uid, start=start)
    if found is None:
        raise ValidationError({"who": ["This is not the uid of one of its administrators."]})
    one, rows = found
    return one.machines or 0, rows


routes = [
    ("events", EventViewSet, "event"),
    ("stays", StayViewSet, "stay"),
    ("mac-holdings", MacHoldingViewSet, "mac-holding"),
    ("assets", TogetherViewSet, "asset-together"),
    *lineage_api.routes,
]
