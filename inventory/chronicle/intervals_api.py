"""What the REST interface says about where machines were and which addresses they had."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from inventory.api_moments import asked, sees_everything
from inventory.chronicle import observed, questions, windows
from inventory.chronicle.administrators_api import BlindIntervalSerializer
from inventory.chronicle.filters import MacHoldingFilter, StayFilter
from inventory.chronicle.models import BlindInterval, MacHolding, Stay
from inventory.models import Asset

AT = OpenApiParameter("at", OpenApiTypes.DATETIME, description="What was so at this moment.")
FROM = OpenApiParameter(
    "from",
    OpenApiTypes.DATETIME,
    description="What was so, or may have been, after this moment; a year before `to` if only that"
    " is given.",
)
TO = OpenApiParameter(
    "to",
    OpenApiTypes.DATETIME,
    description="What was so, or may have been, before this moment; now if only `from` is given.",
)
PLACE = OpenApiParameter("place", OpenApiTypes.INT, description="Id of an asset.")
_MOMENTS = ("began_after", "valid_from", "sure_until", "valid_to", "basis", "blind")


class IntervalSerializer(serializers.ModelSerializer[Any]):
    vm_name = serializers.CharField(source="vm.name", read_only=True)
    blind = serializers.SerializerMethodField(
        help_text="When its source was not observed while it held or may have: then it may have"
        " begun or ended at any moment, and something else been so in between. The latest"
        f" {observed.MOST} at most."
    )

    @extend_schema_field(BlindIntervalSerializer(many=True))
    def get_blind(self, row: Any) -> Any:
        blind: dict[int, list[BlindInterval]] = self.context.get("blind", {})
        return BlindIntervalSerializer(blind.get(row.pk, []), many=True).data


class StaySerializer(IntervalSerializer):
    """`place` is null where it was not collected or is not for the caller; see `Interval`."""

    class Meta:
        model = Stay
        fields = ("vm", "vm_name", "place_kind", "place", "place_ref", "is_running", *_MOMENTS)
        read_only_fields = fields

    def to_representation(self, stay: Stay) -> dict[str, Any]:
        told = super().to_representation(stay)
        if not sees_everything(self):
            told |= {"place": None, "place_ref": ""}
        return told


class HostOfHolderSerializer(serializers.ModelSerializer[Stay]):
    """A host that the machine was on while its card had the address."""

    place_name = serializers.CharField(source="place.name", default="")

    class Meta:
        model = Stay
        fields = ("place", "place_name", "place_ref", "valid_from", "valid_to", "basis")
        read_only_fields = fields


class MacHoldingSerializer(IntervalSerializer):
    hosts = serializers.SerializerMethodField(
        help_text="The hosts that the machine was on meanwhile (with `at`: then), latest first."
        " For who sees the whole estate."
    )

    @extend_schema_field(HostOfHolderSerializer(many=True))
    def get_hosts(self, holding: MacHolding) -> Any:
        hosts: dict[int, list[Stay]] = self.context.get("hosts", {})
        return HostOfHolderSerializer(hosts.get(holding.pk, []), many=True).data

    class Meta:
        model = MacHolding
        fields = (
            "mac",
            "vm",
            "vm_name",
            "nic_key",
            "nic_label",
            "mac_type",
            "network",
            "network_name",
            "hosts",
            *_MOMENTS,
        )
        read_only_fields = fields

    def to_representation(self, holding: MacHolding) -> dict[str, Any]:
        told = super().to_representation(holding)
        return told if sees_everything(self) else {**told, "network": None}


class IntervalViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """Pages of intervals, each with what was not observed of it."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {"list": Permission.ASSET_READ}
    cursor_ordering = ("-valid_from", "-id")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._blind: dict[int, list[BlindInterval]] = {}

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        self._blind = observed.blind_during(page or [])
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "blind": self._blind}


class StayViewSet(IntervalViewSet):
    """Machines on hosts, datastores and networks: of one machine (`vm`) or one place (`place`)."""

    serializer_class = StaySerializer
    queryset = Stay.objects.none()
    filterset_class = StayFilter

    def get_queryset(self) -> QuerySet[Stay]:
        return Stay.objects.visible_to(self.request.user).select_related("vm")  # type: ignore[arg-type]

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: Any = super().filter_queryset(queryset)
        text = self.request.query_params.get("place", "")
        if text:
            found = found.filter(place__in=_visible_place(text, self.request.user))
        at = asked(self.request, "at")
        if window := _window(self.request):
            found = found.between(window.since, window.until)
        then: QuerySet[Any] = found if at is None else found.at(at)
        return then

    @extend_schema(parameters=[AT, FROM, TO, PLACE])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stays, latest first."""
        return super().list(request, *args, **kwargs)


def _window(request: Request) -> windows.Window | None:
    """The time from `from` to `to`, or None without both: a year at most, and now if left out."""
    if not {"from", "to"} & set(request.query_params):
        return None
    found = windows.asked(request.query_params, now=datetime.now(UTC), usual=windows.LONGEST)
    if found.problem:
        raise ValidationError({"from": [found.problem]})
    return found.window


def _visible_place(text: str, user: Any) -> QuerySet[Asset]:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValidationError({"place": ["This is not the id of an asset."]})
    return Asset.objects.visible_to(user).filter(pk=int(text)).values("pk")  # type: ignore[return-value]


class MacHoldingViewSet(IntervalViewSet):
    """Which card of which machine had which MAC address: all of an address, or as of a moment."""

    serializer_class = MacHoldingSerializer
    queryset = MacHolding.objects.none()
    filterset_class = MacHoldingFilter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._hosts: dict[int, list[Stay]] = {}

    def get_queryset(self) -> QuerySet[MacHolding]:
        return MacHolding.objects.visible_to(self.request.user).select_related("vm")  # type: ignore[arg-type]

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: Any = super().filter_queryset(queryset)
        if typed := self.request.query_params.get("mac"):
            mac = questions.as_mac(typed)
            if not mac:
                raise ValidationError({"mac": ["A MAC address has twelve hexadecimal digits."]})
            found = found.of(mac)
        at = asked(self.request, "at")
        then: QuerySet[Any] = found if at is None else found.at(at)
        return then

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        if page and self.request.user.sees_everything:  # type: ignore[union-attr]
            self._hosts = questions.hosts_of(page, at=asked(self.request, "at"))
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "hosts": self._hosts}

    @extend_schema(
        parameters=[AT, OpenApiParameter("mac", OpenApiTypes.STR, description="In any notation.")]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Holdings, latest first."""
        return super().list(request, *args, **kwargs)
