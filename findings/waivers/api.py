"""What scripts do about exceptions: ask, decide, end. Verbs and limits are those of the pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import second_factor
from accounts.errors import NotPossible
from accounts.models import User
from accounts.permissions import Permission
from findings.models import Waiver
from findings.triage.api import Conflict, Stale, Strict, version_of
from findings.waivers import asking, deciding, listing, requesting, states
from findings.waivers.errors import Overtaken
from findings.waivers.filters import WaiverFilter
from findings.waivers.forms import LONGEST_TEXT
from findings.waivers.scopes import LONGEST_QUERY, MOST_PICKED

VERSION = "The version you looked at, instead of `If-Match`."
SHORTEN = "Earlier than asked for, or left out."
COUNT = "How many findings you were told it would cover; more by now is a 409."


class WaiverSerializer(serializers.ModelSerializer[Waiver]):
    """Counts are of what the caller may see; what concerns the whole estate is null for others."""

    state = serializers.SerializerMethodField()
    covers = serializers.SerializerMethodField()
    requested_by = serializers.CharField(source="requested_by.username", read_only=True)
    reviewer = serializers.CharField(source="reviewer.username", read_only=True, default=None)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True, default=None)
    ended_by = serializers.CharField(source="ended_by.username", read_only=True, default=None)

    class Meta:
        model = Waiver
        fields = (
            "id",
            "scope",
            "finding",
            "asset",
            "check_id",
            "query",
            "ground",
            "reason",
            "controls",
            "control_check_id",
            "evidence",
            "due_after",
            "status",
            "state",
            "covers",
            "asked_count",
            "approved_count",
            "at_most",
            "requested_by",
            "requested_at",
            "reviewer",
            "reviewed_at",
            "decided_by",
            "decided_at",
            "decision",
            "ended_by",
            "ended_at",
            "end_reason",
            "starts_at",
            "expires_at",
            "extends",
            "outgrown_since",
            "lapsed_since",
            "version",
        )
        read_only_fields = fields

    def get_state(self, waiver: Waiver) -> str:
        """Where it stands by the clock: scheduled, effective, lapsed or expired once approved."""
        return states.state_of(waiver, now=self.context["now"]).value

    def get_covers(self, waiver: Waiver) -> int:
        """How many open findings it covers, of those the caller sees."""
        covered: dict[int, int] = self.context["covered"]
        return covered.get(waiver.pk, 0)

    def to_representation(self, waiver: Waiver) -> dict[str, Any]:
        told = super().to_representation(waiver)
        if not self.context["user"].sees_everything:
            told |= {"asked_count": None, "approved_count": None, "at_most": None}
        return told


class AskSerializer(Strict):
    """About one of: a finding; several; an asset, perhaps with a check; a check; a filter."""

    finding = serializers.IntegerField(required=False, min_value=1)
    findings = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        required=False,
        min_length=1,
        max_length=MOST_PICKED,
        help_text="These and no others. Each has to be open, and yours to see.",
    )
    asset = serializers.IntegerField(required=False, min_value=1)
    check = serializers.CharField(required=False, max_length=80)
    query = serializers.CharField(
        required=False,
        max_length=LONGEST_QUERY,
        help_text="A query string of the list of findings, such as `severity=medium&team=Web`.",
    )
    ground = serializers.ChoiceField(choices=Waiver.Ground.choices)
    reason = serializers.CharField(max_length=LONGEST_TEXT)
    controls = serializers.CharField(
        max_length=LONGEST_TEXT, required=False, allow_blank=True, default=""
    )
    control_check_id = serializers.CharField(
        max_length=80, required=False, allow_blank=True, default=""
    )
    evidence = serializers.CharField(
        max_length=LONGEST_TEXT, required=False, allow_blank=True, default=""
    )
    starts_at = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField()

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        named = {name for name in (*asking.NAMES, "findings") if name in data}
        if len(named) != 1 and named != {"asset", "check"}:
            raise ValidationError("Say one of `finding`, `findings`, `asset`, `check` and `query`.")
        return data


class ReviewSerializer(Strict):
    version = serializers.IntegerField(required=False, min_value=0, help_text=VERSION)


class ReasonSerializer(ReviewSerializer):
    reason = serializers.CharField(max_length=LONGEST_TEXT)


class WithdrawSerializer(ReviewSerializer):
    reason = serializers.CharField(
        max_length=LONGEST_TEXT, required=False, allow_blank=True, default=""
    )


class ApproveSerializer(ReasonSerializer):
    expires_at = serializers.DateTimeField(required=False, help_text=SHORTEN)
    count = serializers.IntegerField(required=False, min_value=0, help_text=COUNT)


class ExtendSerializer(ReasonSerializer):
    expires_at = serializers.DateTimeField()


class WaiverFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """Gives the filters the clock and the person, as the page does."""

    def get_filterset_kwargs(
        self, request: Request, queryset: QuerySet[Waiver], view: Any
    ) -> dict[str, Any]:
        given: dict[str, Any] = super().get_filterset_kwargs(request, queryset, view)
        return {**given, "now": datetime.now(UTC), "user": request.user}


class WaiverViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Any]):
    """Exceptions: risks accepted for a while. Asked for by one person, decided by another."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.WAIVER_READ,
        "retrieve": Permission.WAIVER_READ,
        "create": Permission.WAIVER_REQUEST,
        "extend": Permission.WAIVER_REQUEST,
        "withdraw": Permission.WAIVER_REQUEST,
        "review": Permission.WAIVER_APPROVE,
        "approve": Permission.WAIVER_APPROVE,
        "reject": Permission.WAIVER_APPROVE,
        "revoke": Permission.WAIVER_APPROVE,
    }
    serializer_class = WaiverSerializer
    queryset = Waiver.objects.none()
    filterset_class = WaiverFilter
    filter_backends = (WaiverFilterBackend,)
    cursor_ordering: tuple[str, ...] = ("id",)

    def get_queryset(self) -> QuerySet[Waiver]:
        visible = Waiver.objects.visible_to(self.request.user)  # type: ignore[arg-type]
        return visible.select_related("requested_by", "reviewer", "decided_by", "ended_by")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Exceptions, the oldest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self._told(page))

    @extend_schema(filters=False)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One exception; its version is the `ETag`."""
        return self._answer(self.get_object())

    @extend_schema(request=AskSerializer, responses={201: WaiverSerializer}, filters=False)
    def create(self, request: Request) -> Response:
        """Ask for an exception. It covers nothing until somebody else approves it."""
        said, now, by = _read(AskSerializer, request), datetime.now(UTC), _person(request)
        about = {name: str(said.pop(name)) for name in asking.NAMES if name in said}
        if "findings" in said:
            about = asking.named_by(said.pop("findings"))
        try:
            scope = asking.scope_of(about, user=by, now=now)
            made = requesting.ask(
                by=by, scope=scope, now=now, controls_said=said.pop("controls"), **said
            )
        except NotPossible as error:
            raise ValidationError({"detail": str(error)}) from error
        return self._answer(made, code=status.HTTP_201_CREATED)

    @extend_schema(request=ReviewSerializer, responses=WaiverSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, pk: str) -> Response:
        """Say that one is looking at a request."""
        return self._act(pk, deciding.review, _read(ReviewSerializer, request))

    @extend_schema(request=ApproveSerializer, responses=WaiverSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Accept the risk until the exception ends. Never one's own request."""
        _refuse_stale_session(request)
        return self._act(pk, deciding.approve, _read(ApproveSerializer, request))

    @extend_schema(request=ReasonSerializer, responses=WaiverSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Refuse a request. Never one's own."""
        return self._act(pk, deciding.reject, _read(ReasonSerializer, request))

    @extend_schema(request=ReasonSerializer, responses=WaiverSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:
        """End an approved exception before its time."""
        _refuse_stale_session(request)
        return self._act(pk, deciding.revoke, _read(ReasonSerializer, request))

    @extend_schema(request=WithdrawSerializer, responses=WaiverSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take one's own request back."""
        return self._act(pk, requesting.withdraw, _read(WithdrawSerializer, request))

    @extend_schema(request=ExtendSerializer, responses={201: WaiverSerializer}, filters=False)
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, pk: str) -> Response:
        """Ask for an exception that follows on this one; answers with the new request."""
        said = _read(ExtendSerializer, request)
        return self._act(pk, requesting.extend, said, code=status.HTTP_201_CREATED)

    def _act(
        self,
        pk: str,
        verb: Callable[..., Waiver],
        said: dict[str, Any],
        *,
        code: int = status.HTTP_200_OK,
    ) -> Response:
        """Do it to the version that the caller looked at: 409, or 412 after `If-Match`."""
        waiver, version = self.get_object(), version_of(self.request, said)
        said.pop("version", None)
        given = {**said, "waiver_id": waiver.pk, "version": version}
        try:
            done = verb(by=_person(self.request), now=datetime.now(UTC), **given)
        except Overtaken as error:
            kind = Stale if "If-Match" in self.request.headers else Conflict
            raise kind(str(error)) from error
        except NotPossible as error:
            raise Conflict(str(error)) from error
        except Waiver.DoesNotExist:  # out of sight since the request began
            raise NotFound from None
        return self._answer(done, code=code)

    def get_object(self) -> Waiver:
        """By id alone: what narrows lists does not narrow one."""
        pk = str(self.kwargs["pk"])
        number = int(pk) if pk.isascii() and pk.isdigit() and len(pk) < 19 else 0
        waiver: Waiver | None = self.get_queryset().filter(pk=number).first()
        if waiver is None:
            raise NotFound
        return waiver

    def _answer(self, waiver: Waiver, *, code: int = status.HTTP_200_OK) -> Response:
        told = self._told([waiver])[0]
        return Response(told, status=code, headers={"ETag": f'"{waiver.version}"'})

    def _told(self, waivers: Sequence[Waiver]) -> Any:
        person = _person(self.request)
        context = {
            "now": datetime.now(UTC),
            "user": person,
            "covered": listing.covered_counts(waivers, user=person),
        }
        return WaiverSerializer(waivers, many=True, context=context).data


def _read(serializer: type[Strict], request: Request) -> dict[str, Any]:
    said = serializer(data=request.data)
    said.is_valid(raise_exception=True)
    return dict(said.validated_data)


def _person(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # DeclaredPermission let nobody else in
    return request.user


def _refuse_stale_session(request: Request) -> None:
    """A browser's session proves who it is again here as on pages; a token is proof by itself."""
    if request.auth is None and not second_factor.is_fresh(request._request):
        raise PermissionDenied("Sign in again to decide: your session is too old for this.")


routes = [("waivers", WaiverViewSet, "waiver")]
