"""What scripts do about plans: the same acts as on pages, with versions instead of looking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import NotPossible
from accounts.models import Team, User
from accounts.permissions import Permission
from findings.models import Plan, Task
from findings.remediation import choosing, plans, progress, tasks
from findings.remediation.errors import Outdated
from findings.remediation.narrowing import title_of
from findings.remediation.progress import Progress
from findings.triage.api import Conflict, Stale, Strict, version_of

VERSION = "The version you looked at, instead of `If-Match`."
QUERY = "A query string of the list of findings, such as `check=host-log-host&team=Web`."


class ProgressSerializer(serializers.Serializer[Progress]):
    """How far it is, of the findings that the caller sees."""

    total = serializers.IntegerField()
    proven = serializers.IntegerField(help_text="Resolved by evaluation, never by a tick.")
    waiting = serializers.IntegerField(help_text="Said to be fixed, not proven yet.")
    excepted = serializers.IntegerField()
    unverifiable = serializers.IntegerField()
    open = serializers.IntegerField()
    refuted = serializers.IntegerField(help_text="Said to be fixed, and seen again since.")
    fixed = serializers.IntegerField(help_text="Of the proven.")
    gone = serializers.IntegerField(help_text="Of the proven: the asset is gone.")
    inapplicable = serializers.IntegerField(help_text="Of the proven: it no longer applies.")


class TaskSerializer(serializers.ModelSerializer[Task]):
    title = serializers.SerializerMethodField()
    owner = serializers.CharField(source="owner.username", read_only=True, default=None)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Task
        fields = (
            "id",
            "plan",
            "title",
            "check_id",
            "position",
            "owner",
            "team",
            "due_at",
            "note",
            "version",
            "progress",
        )
        read_only_fields = fields

    def get_title(self, task: Task) -> str:
        return title_of(task, self.context["user"])

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, task: Task) -> dict[str, Any]:
        return dict(ProgressSerializer(self.context["progress"][task.pk]).data)


class PlanSerializer(serializers.ModelSerializer[Plan]):
    """Counts and status are of what the caller may see."""

    owner = serializers.CharField(source="owner.username", read_only=True, default=None)
    created_by = serializers.CharField(source="created_by.username", read_only=True)
    closed_by = serializers.CharField(source="closed_by.username", read_only=True, default=None)
    status = serializers.SerializerMethodField()
    query = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Plan
        fields = (
            "id",
            "kind",
            "title",
            "goal",
            "grouping",
            "query",
            "owner",
            "team",
            "due_at",
            "status",
            "created_by",
            "created_at",
            "closed_by",
            "closed_at",
            "close_reason",
            "version",
            "progress",
        )
        read_only_fields = fields

    def get_status(self, plan: Plan) -> str:
        """open, done once everything is proven, or closed."""
        return progress.standing_of(plan, self.context["progress"][plan.pk])

    def get_query(self, plan: Plan) -> str | None:
        """What a campaign follows, for its maker and whoever sees the whole estate."""
        user: User = self.context["user"]
        shows = user.sees_everything or plan.created_by_id == user.pk
        return plan.query if shows else None

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, plan: Plan) -> dict[str, Any]:
        return dict(ProgressSerializer(self.context["progress"][plan.pk]).data)


class _Answering(Strict):
    owner = serializers.CharField(
        required=False, allow_null=True, max_length=150, help_text="A username; null: nobody."
    )
    team = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    due_at = serializers.DateTimeField(required=False, allow_null=True)


class VersionSerializer(Strict):
    version = serializers.IntegerField(required=False, min_value=0, help_text=VERSION)


class NewPlanSerializer(_Answering):
    """Of `findings`, or of what `query` finds; with `follow` a campaign that goes on finding."""

    title = serializers.CharField(max_length=plans.LONGEST_TITLE)
    goal = serializers.CharField(
        max_length=plans.LONGEST_TEXT, required=False, allow_blank=True, default=""
    )
    grouping = serializers.ChoiceField(
        choices=Plan.Grouping.choices, default=Plan.Grouping.CHECK.value
    )
    findings = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        max_length=choosing.MOST,
    )
    query = serializers.CharField(
        required=False, max_length=choosing.LONGEST_QUERY, help_text=QUERY
    )
    follow = serializers.BooleanField(default=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if ("findings" in data) == ("query" in data):
            raise ValidationError("Say one of `findings` and `query`.")
        if data["follow"] and "query" not in data:
            raise ValidationError("A campaign follows a `query`.")
        return data


class PlanChangeSerializer(_Answering, VersionSerializer):
    """What is left out stays as it is."""

    title = serializers.CharField(max_length=plans.LONGEST_TITLE, required=False)
    goal = serializers.CharField(max_length=plans.LONGEST_TEXT, required=False, allow_blank=True)


class TaskChangeSerializer(_Answering, VersionSerializer):
    """What is left out stays as it is."""

    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    note = serializers.CharField(max_length=plans.LONGEST_TEXT, required=False, allow_blank=True)


class CloseSerializer(VersionSerializer):
    reason = serializers.CharField(max_length=2_000)


class ClaimSerializer(Strict):
    """Of all findings of the task that one sees, or of some of them."""

    findings = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        max_length=choosing.MOST,
    )
    reason = serializers.CharField(max_length=1_000, required=False, allow_blank=True, default="")


class ClaimedSerializer(serializers.Serializer[Any]):
    claimed = serializers.IntegerField(help_text="Findings that wait for proof now.")


class PlanFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Which plans."""

    status = django_filters.ChoiceFilter(choices=Plan.Status.choices, method="that_stand")
    kind = django_filters.ChoiceFilter(choices=Plan.Kind.choices)

    class Meta:
        model = Plan
        fields = ()

    def that_stand(self, queryset: QuerySet[Plan], name: str, value: str) -> QuerySet[Plan]:
        return progress.with_standing(queryset, self.request.user).filter(Q(standing=value))


class _Room(viewsets.GenericViewSet[Any]):
    """What both interfaces of this room share."""

    cursor_ordering: tuple[str, ...] = ("id",)

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)  # noqa: S101  # nobody else is let in
        return self.request.user

    def get_object(self) -> Any:
        """By id alone: what narrows lists does not narrow one."""
        pk = str(self.kwargs["pk"])
        number = int(pk) if pk.isascii() and pk.isdigit() and len(pk) < 19 else 0
        found = self.get_queryset().filter(pk=number).first()
        if found is None:
            raise NotFound
        return found

    def told(self, rows: Sequence[Any]) -> Any:
        raise NotImplementedError

    def answer(self, row: Any, *, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.told([row])[0], status=code, headers={"ETag": f'"{row.version}"'})

    def done(self, verb: Callable[..., Any], **given: Any) -> Any:
        """Do it: 409 when it cannot be done or somebody was faster, then 412 after `If-Match`."""
        try:
            return verb(by=self.person, now=datetime.now(UTC), **given)
        except Outdated as error:
            kind = Stale if "If-Match" in self.request.headers else Conflict
            raise kind(str(error)) from error
        except NotPossible as error:
            raise Conflict(str(error)) from error
        except (Plan.DoesNotExist, Task.DoesNotExist):
            raise PermissionDenied("Only its owner, its maker and their team change it.") from None

    def answering(self, said: dict[str, Any], now_is: Plan | Task | None) -> dict[str, Any]:
        """Owner, team and due date as said, else as they are; or raise ValidationError."""
        answer: dict[str, Any] = {
            name: getattr(now_is, name, None) for name in ("owner", "team", "due_at")
        }
        if "due_at" in said:
            answer["due_at"] = said["due_at"]
        if "owner" in said:
            answer["owner"] = self._owner(said["owner"])
        if "team" in said:
            answer["team"] = self._team(said["team"])
        return answer

    def _owner(self, username: str | None) -> User | None:
        if username is None:
            return None
        found = plans.people_for(self.person).filter(username__iexact=username).first()
        if "\x00" in username or found is None:
            raise ValidationError({"owner": ["Nobody of that name can be given the work."]})
        return found

    def _team(self, pk: int | None) -> Team | None:
        if pk is None:
            return None
        found = plans.teams_for(self.person).filter(pk=min(pk, 2**63 - 1)).first()
        if found is None:
            raise ValidationError({"team": ["There is no such team."]})
        return found


class PlanViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _Room):
    """Findings to be mended together. Evaluation alone makes a plan done."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.PLAN_READ,
        "retrieve": Permission.PLAN_READ,
        "tasks": Permission.PLAN_READ,
        "create": Permission.PLAN_MANAGE,
        "partial_update": Permission.PLAN_MANAGE,
        "close": Permission.PLAN_MANAGE,
        "reopen": Permission.PLAN_MANAGE,
    }
    serializer_class = PlanSerializer
    queryset = Plan.objects.none()
    filterset_class = PlanFilter
    filter_backends = (DjangoFilterBackend,)

    def get_queryset(self) -> QuerySet[Plan]:
        return Plan.objects.visible_to(self.person).select_related(
            "owner", "team", "created_by", "closed_by"
        )

    def told(self, rows: Sequence[Plan]) -> Any:
        now = datetime.now(UTC)
        counted = progress.of_plans(rows, user=self.person, now=now)
        context = {"user": self.person, "progress": counted}
        return PlanSerializer(rows, many=True, context=context).data

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Plans, the oldest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self.told(page))

    @extend_schema(filters=False)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One plan with its progress; its version is the `ETag`."""
        return self.answer(self.get_object())

    @extend_schema(request=NewPlanSerializer, responses={201: PlanSerializer}, filters=False)
    def create(self, request: Request) -> Response:
        """Make a plan of findings, or a campaign that follows a filter."""
        said = _read(NewPlanSerializer, request)
        wish = plans.Wish(title=said["title"], goal=said["goal"], **self.answering(said, None))
        try:
            made = plans.make(
                wish=wish,
                finding_ids=said.get("findings"),
                query=said.get("query", ""),
                grouping=said["grouping"],
                follow=said["follow"],
                by=self.person,
                now=datetime.now(UTC),
            )
        except NotPossible as error:
            raise ValidationError({"detail": str(error)}) from error
        return self.answer(made, code=status.HTTP_201_CREATED)

    @extend_schema(request=PlanChangeSerializer, responses=PlanSerializer, filters=False)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Say something else about a plan."""
        plan, said = self.get_object(), _read(PlanChangeSerializer, request)
        wish = plans.Wish(
            title=said.get("title", plan.title),
            goal=said.get("goal", plan.goal),
            **self.answering(said, plan),
        )
        version = version_of(request, said)
        return self.answer(self.done(plans.change, plan_id=plan.pk, version=version, wish=wish))

    @extend_schema(request=CloseSerializer, responses=PlanSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """End a plan, for a reason. Its findings stay as they are."""
        plan, said = self.get_object(), _read(CloseSerializer, request)
        version = version_of(request, said)
        return self.answer(
            self.done(plans.close, plan_id=plan.pk, version=version, why=said["reason"])
        )

    @extend_schema(request=VersionSerializer, responses=PlanSerializer, filters=False)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Go on with a closed plan."""
        plan, said = self.get_object(), _read(VersionSerializer, request)
        version = version_of(request, said)
        return self.answer(self.done(plans.open_again, plan_id=plan.pk, version=version))

    @extend_schema(responses=TaskSerializer(many=True), filters=False)
    @action(detail=True, serializer_class=TaskSerializer, filter_backends=(), url_name="parts")
    def tasks(self, request: Request, pk: str) -> Response:
        """The tasks of a plan, each with its progress."""
        visible = self.get_object().tasks.visible_to(self.person)
        page = self.paginate_queryset(visible.select_related("owner", "asset")) or []
        return self.get_paginated_response(_tasks_told(page, self.person))


class TaskViewSet(mixins.RetrieveModelMixin, _Room):
    """The parts of plans. To claim one proves nothing: the next collection does."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "retrieve": Permission.PLAN_READ,
        "partial_update": Permission.PLAN_MANAGE,
        "claim": Permission.FINDING_WORK,
        "take_back": Permission.FINDING_WORK,
    }
    serializer_class = TaskSerializer
    queryset = Task.objects.none()
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Task]:
        visible = Task.objects.visible_to(self.person)
        return visible.select_related("plan", "owner", "team", "asset")

    def told(self, rows: Sequence[Task]) -> Any:
        return _tasks_told(rows, self.person)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One task with its progress; its version is the `ETag`."""
        return self.answer(self.get_object())

    @extend_schema(request=TaskChangeSerializer, responses=TaskSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Say whose a task is, by when, and what is worth knowing."""
        task, said = self.get_object(), _read(TaskChangeSerializer, request)
        wish = tasks.Wish(
            title=said.get("title", task.title),
            note=said.get("note", task.note),
            **self.answering(said, task),
        )
        version = version_of(request, said)
        self.done(tasks.change, task_id=task.pk, version=version, wish=wish)
        return self.answer(self.get_object())

    @extend_schema(request=ClaimSerializer, responses=ClaimedSerializer)
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: str) -> Response:
        """Say that a task is done: its findings wait for the next collection to prove it."""
        task, said = self.get_object(), _read(ClaimSerializer, request)
        claimed = self.done(
            tasks.claim, task_id=task.pk, why=said["reason"], finding_ids=said.get("findings")
        )
        return Response({"claimed": claimed})

    @extend_schema(request=None, responses=TaskSerializer)
    @action(detail=True, methods=["post"], url_path="take-back", url_name="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        """Take back that a task is done."""
        task = self.get_object()
        self.done(tasks.take_back, task_id=task.pk)
        return self.answer(self.get_object())


def _tasks_told(rows: Sequence[Task], person: User) -> Any:
    counted = progress.of_tasks([task.pk for task in rows], user=person, now=datetime.now(UTC))
    context = {"user": person, "progress": counted}
    return TaskSerializer(rows, many=True, context=context).data


def _read(serializer: type[Strict], request: Request) -> dict[str, Any]:
    said = serializer(data=request.data)
    said.is_valid(raise_exception=True)
    return dict(said.validated_data)


routes = [("plans", PlanViewSet, "plan"), ("plan-tasks", TaskViewSet, "plan-task")]
