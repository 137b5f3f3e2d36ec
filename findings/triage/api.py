"""What scripts do about findings: the same acts as on pages, with versions instead of looking."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import NotPossible
from accounts.models import User
from accounts.permissions import Permission
from findings.models import Comment, Finding, SavedView
from findings.triage import acts, saved_views
from findings.triage.acts import Act
from findings.triage.bulk import MOST, Choice
from findings.triage.decisions import relabelled
from findings.triage.deeds import Actor
from findings.triage.errors import Moved, NotAllowed, Outdated

_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "This cannot be done now."
    default_code = "conflict"


class Stale(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "Somebody changed this finding since you looked."
    default_code = "stale"


class VersionMissing(APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Say which version you looked at: `If-Match` or `version`."
    default_code = "version-missing"


class Strict(serializers.Serializer[Any]):
    """Refuses fields that it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise ValidationError({name: ["There is no such field."] for name in sorted(unknown)})
        return super().to_internal_value(data)


class DecisionSerializer(Strict):
    """What people decide about a finding. What is left out stays as it is."""

    status = serializers.ChoiceField(choices=Finding.Triage.choices, required=False)
    assignee = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=150,
        help_text="A username; null: nobody. Who does not sort findings takes what nobody has, "
        "by their own name, and gives back what they took.",
    )
    assigned_team = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    due_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="With `reason`; null: as the rules say."
    )
    labels = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, max_length=50
    )
    ticket = serializers.CharField(required=False, allow_blank=True, max_length=500)
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=acts.LONGEST_WHY, default=""
    )
    version = serializers.IntegerField(
        required=False, min_value=0, help_text="The version you looked at, instead of `If-Match`."
    )


class CommentSerializer(serializers.ModelSerializer[Comment]):
    by = serializers.CharField(source="by.username", read_only=True)
    text = serializers.SerializerMethodField()

    class Meta:
        model = Comment
        fields = ("id", "by", "at", "text", "mentions", "edited_at", "deleted_at")
        read_only_fields = fields

    def get_text(self, comment: Comment) -> str:
        return "" if comment.deleted_at else comment.text


class SaySerializer(Strict):
    text = serializers.CharField(max_length=acts.LONGEST_TEXT)


class BulkSerializer(Strict):
    """One act on the findings with these ids, or on all that a filter finds."""

    act = serializers.DictField(
        help_text="`act`: status, assign, take, give_back, team, due, label, unlabel, ticket or "
        "comment, with what it takes."
    )
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, max_length=MOST
    )
    filter = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=4_000,
        help_text="A query string of the list of findings, such as `severity=high&team=Web`.",
    )
    expected = serializers.IntegerField(
        required=False, min_value=0, help_text="How many you were shown; another number is a 409."
    )
    dry_run = serializers.BooleanField(required=False, default=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in data) == ("filter" in data):
            raise ValidationError("Say either `ids` or `filter`.")
        return data


class BulkResultSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(allow_null=True, help_text="What undoes it; null in a dry run.")
    matched = serializers.IntegerField()
    changed = serializers.IntegerField()
    skipped = serializers.DictField(child=serializers.IntegerField(), help_text="Reason → count.")


class UndoSerializer(Strict):
    id = serializers.IntegerField(min_value=1)


class UndoneSerializer(serializers.Serializer[Any]):
    restored = serializers.IntegerField()
    left = serializers.DictField(child=serializers.IntegerField(), help_text="Reason → count.")


class SavedViewSerializer(serializers.ModelSerializer[SavedView]):
    owner = serializers.CharField(source="owner.username", read_only=True)

    class Meta:
        model = SavedView
        fields = ("id", "owner", "name", "query", "shared", "team", "is_pinned")
        read_only_fields = fields


class NewViewSerializer(Strict):
    name = serializers.CharField(max_length=60)
    query = serializers.CharField(max_length=4_000, allow_blank=True)
    shared = serializers.ChoiceField(
        choices=SavedView.Shared.choices, default=SavedView.Shared.NOBODY
    )
    team = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    is_pinned = serializers.BooleanField(default=True)


def actor_of(request: Request, *, now: datetime | None = None) -> Actor:
    """Whoever asks: for a token, within what the token may."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    within: frozenset[str] | None = getattr(request.auth, "scope", None)
    return Actor(user=user, now=now or datetime.now(UTC), within=within)


def acts_of(wanted: dict[str, Any], finding: Finding, actor: Actor) -> list[Act]:
    """The acts that a PATCH asks for."""
    why = wanted.get("reason", "")
    made: list[Act] = []
    makers: dict[str, Callable[[Any], Act]] = {
        "assignee": lambda value: _assignment(value, why, actor),
        "assigned_team": lambda value: acts.AssignTeam(to=value, why=why),
        "due_at": lambda value: acts.SetDue(at=value, why=why),
        "ticket": lambda value: acts.LinkTicket(ticket=value),
        "status": lambda value: acts.SetStatus(to=value, why=why),
    }
    made += [make(wanted[name]) for name, make in makers.items() if name in wanted]
    if "labels" in wanted:
        made += relabelled(finding, wanted["labels"])
    return made


def _assignment(to: str | None, why: str, actor: Actor) -> Act:
    """What an assignee means from this person: who does not sort takes or gives back."""
    if not actor.may(Permission.FINDING_TRIAGE):
        if to is None:
            return acts.GiveBack(why=why)
        if to.lower() == actor.user.username.lower():
            return acts.Take()
    return acts.Assign(to=to, why=why)


def version_of(request: Request, wanted: dict[str, Any]) -> int:
    """The version that the caller looked at, or raise VersionMissing or Stale."""
    header = request.headers.get("If-Match")
    if header is None:
        if "version" not in wanted:
            raise VersionMissing
        return int(wanted["version"])
    found = _ETAG.fullmatch(header.strip())
    if found is None:
        raise Stale
    return int(found.group(1))


def refused(error: NotPossible, request: Request) -> APIException:
    """What is answered when a verb says no."""
    if isinstance(error, NotAllowed):
        return PermissionDenied(str(error))
    if isinstance(error, Outdated) and "If-Match" in request.headers:
        return Stale(str(error))
    if isinstance(error, Outdated | Moved):
        return Conflict(str(error))
    return ValidationError({"detail": str(error)})


def act_of(data: object) -> Act:
    try:
        return acts.from_data(data)
    except msgspec.ValidationError as error:
        raise ValidationError({"act": [str(error)]}) from None


def choice_of(data: dict[str, Any]) -> Choice:
    if "ids" in data:
        return Choice(ids=tuple(data["ids"]))
    return Choice(query=data["filter"])


class SavedViewViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[SavedView]):
    """Filters under a name: one's own, and what others share. Asked as whoever looks."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.FINDING_READ,
        "create": Permission.FINDING_READ,
    }
    serializer_class = SavedViewSerializer
    queryset = SavedView.objects.none()
    filter_backends = ()

    def get_queryset(self) -> QuerySet[SavedView]:
        views = saved_views.visible_to(self.request.user)  # type: ignore[arg-type]
        return views.select_related("owner")

    @extend_schema(request=NewViewSerializer, responses={201: SavedViewSerializer})
    def create(self, request: Request) -> Response:
        """Keep a filter under a name."""
        wanted = NewViewSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            view = saved_views.save(by=actor_of(request).user, **wanted.validated_data)
        except NotPossible as error:
            raise refused(error, request) from error
        return Response(SavedViewSerializer(view).data, status=status.HTTP_201_CREATED)


routes = [("finding-views", SavedViewViewSet, "finding-view")]
