"""What lists of findings can be narrowed by: the same words on the page, in exports and in the API.

Every filter that takes values takes several (any of them), and has a twin `<name>__not`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import QueryDict

from accounts.models import Team, User
from findings import catalogue
from findings.models import Finding, FindingEvent, PriorityChoices, Waiver, WaiverCover
from findings.querysets import covered, fix_of
from findings.remediation import narrowing
from findings.status import LABELS, Status
from findings.trends.past import PastFilters
from findings.triage import visits
from inventory import words
from inventory.models import KindChoices, Source
from policies.models import Area, SeverityChoices

# In a filter on a fact: the platform said "none", or did not say. As in `inventory.filters`.
SET_TO_NONE = "none"
UNKNOWN = "unknown"
SET = "set"
ANY = "any"
NOT = "__not"

DUE = (
    ("overdue", "Overdue"),
    ("week", "Within a week"),
    ("later", "Later than a week"),
    ("none", "No due date"),
)
STATES = (*Finding.State.choices, (ANY, "Any"))
TO_DO = "to_do"  # open, and not covered by an exception: what a list is about unless it says else
STATUSES = ((TO_DO, "To do"), *((status.value, LABELS[status]) for status in Status))
STANDING = ("state", "state__not", "status", "status__not")  # where findings stand now
ME = "me"
_LONGEST_VALUE = 200
_RARE = 1_000
LONGEST_ID = 18  # digits that surely fit a bigint

Condition = Callable[[Any, list[str]], Q]


class TextsField(forms.MultipleChoiceField):
    """Several values; with choices only those, without any text that can be in a column."""

    def valid_value(self, value: str) -> bool:
        if self.choices:
            return super().valid_value(value)
        return len(value) <= _LONGEST_VALUE and "\x00" not in value

    def to_python(self, value: Any) -> list[str]:
        return [each for each in super().to_python(value) if each.strip()]


class AnyOf(django_filters.MultipleChoiceFilter):  # type: ignore[misc]
    """Findings for which the condition holds with any of the values; its twin leaves them out."""

    field_class = TextsField

    def __init__(self, condition: Condition, **kwargs: Any) -> None:
        self.condition = condition
        kwargs.setdefault("choices", ())
        super().__init__(**kwargs)

    def filter(self, qs: QuerySet[Finding], value: list[str]) -> QuerySet[Finding]:
        if not value:
            return qs
        wanted = self.condition(self.parent, value)
        return qs.exclude(wanted) if self.exclude else qs.filter(wanted)


def _state(_: FindingFilter, values: list[str]) -> Q:
    return Q() if ANY in values else Q(state__in=values)


def _status(filters: FindingFilter, values: list[str]) -> Q:
    """As `findings.status.status_of` says it, in the database."""
    excepted, is_open = covered(filters.now), Q(state=Finding.State.OPEN)
    wanted = Q()
    if Status.RESOLVED in values:
        wanted |= Q(state=Finding.State.RESOLVED)
    if Status.EXCEPTED in values:
        wanted |= is_open & Q(excepted)
    if TO_DO in values:
        wanted |= is_open & ~Q(excepted)
    elif steps := [value for value in values if value in Finding.Triage.values]:
        wanted |= is_open & Q(triage__in=steps) & ~Q(excepted)
    return wanted


def _severity(_: FindingFilter, values: list[str]) -> Q:
    ranks = list(SeverityChoices.values)
    return Q(severity_rank__in=[ranks.index(value) for value in values])


def _area(_: FindingFilter, values: list[str]) -> Q:
    return Q(check_id__in=catalogue.names_in_areas(values))


def _statement(_: FindingFilter, values: list[str]) -> Q:
    return Q(check_id__in=catalogue.names_for_statements(values))


def _check(_: FindingFilter, values: list[str]) -> Q:
    names = set(values)
    for value in values:
        check = catalogue.check_or_none(value)
        names.update(catalogue.names_of(check) if check else ())
    return Q(check_id__in=sorted(names))


def _kind(_: FindingFilter, values: list[str]) -> Q:
    return Q(asset__kind__in=values)


def _finding(_: FindingFilter, values: list[str]) -> Q:
    return Q(pk__in=_numbers(values))


def _asset(_: FindingFilter, values: list[str]) -> Q:
    return Q(asset_id__in=_numbers(values))


def _source(_: FindingFilter, values: list[str]) -> Q:
    return Q(source__in=_ids(Source.objects.filter(name__in=values), values))


def _team(_: FindingFilter, values: list[str]) -> Q:
    wanted = Q(team__in=_ids(Team.objects.filter(name__in=values), values))
    return wanted | Q(team__isnull=True) if SET_TO_NONE in values else wanted


def _ids(named: QuerySet[Any], values: list[str]) -> list[int]:
    """Given as ids or as names; names are looked up first, since an index wants numbers."""
    return [*_numbers(values), *named.values_list("pk", flat=True)]


def _fact(field: str) -> Condition:
    def condition(_: FindingFilter, values: list[str]) -> Q:
        named = [*values, ""] if SET_TO_NONE in values else values
        # Said twice so that what is null is not lost from the opposite: Django takes a generated
        # column for one that is never null.
        wanted = Q(**{f"asset__{field}__in": named, f"asset__{field}__isnull": False})
        if UNKNOWN in values:
            wanted |= Q(**{f"asset__{field}__isnull": True})
        return wanted

    return condition


def _due(filters: FindingFilter, values: list[str]) -> Q:
    now, week = filters.clock, filters.clock + timedelta(days=7)
    ranges = {
        "overdue": Q(due_at__lt=now),
        "week": Q(due_at__gte=now, due_at__lt=week),
        "later": Q(due_at__gte=week),
        "none": Q(due_at__isnull=True),
    }
    wanted = Q()
    for value in values:
        wanted |= ranges[value]
    return wanted & filters.is_open


def _assignee(filters: FindingFilter, values: list[str]) -> Q:
    ids = _numbers(values)
    if ME in values:
        ids.append(filters.user.pk)
    wanted = Q(assignee__in=ids)
    return wanted | Q(assignee__isnull=True) if SET_TO_NONE in values else wanted


def _assigned_team(_: FindingFilter, values: list[str]) -> Q:
    wanted = Q(assigned_team__in=_numbers(values))
    return wanted | Q(assigned_team__isnull=True) if SET_TO_NONE in values else wanted


def _priority(_: FindingFilter, values: list[str]) -> Q:
    return Q(priority__in=[int(value) for value in values])


def _label(_: FindingFilter, values: list[str]) -> Q:
    labelled = Finding.labels.through.objects.filter(finding=OuterRef("pk"))
    named = Q()
    for value in values:
        named |= Q(label__name__iexact=value)
    wanted = Q(Exists(labelled.filter(named)))
    return wanted | ~Q(Exists(labelled)) if SET_TO_NONE in values else wanted


def _ticket(_: FindingFilter, values: list[str]) -> Q:
    wanted = Q()
    if SET in values:
        wanted |= ~Q(ticket="")
    if SET_TO_NONE in values:
        wanted |= Q(ticket="")
    return wanted


def _resolution(_: FindingFilter, values: list[str]) -> Q:
    return Q(resolution__in=values)


def _plan(_: FindingFilter, values: list[str]) -> Q:
    return narrowing.in_plans(_numbers(values))


def _task(_: FindingFilter, values: list[str]) -> Q:
    return narrowing.in_tasks(_numbers(values))


def _proof(filters: FindingFilter, values: list[str]) -> Q:
    return narrowing.so_far(values, now=filters.now)


def _exception(filters: FindingFilter, values: list[str]) -> Q:
    """Covered by one of these exceptions, whether that is in effect or not."""
    waivers = Waiver.objects.visible_to(filters.user).filter(pk__in=_numbers(values))
    return Q(Exists(WaiverCover.objects.filter(finding=OuterRef("pk"), waiver__in=waivers)))


def _numbers(values: list[str]) -> list[int]:
    return [int(v) for v in values if v.isascii() and v.isdigit() and len(v) <= LONGEST_ID]


# name → label, condition, choices (none: any text)
FIELDS: dict[str, tuple[str, Condition, Any]] = {
    "state": ("State", _state, STATES),
    "status": ("Status", _status, STATUSES),
    "priority": (
        "Priority",
        _priority,
        [(str(value), label) for value, label in PriorityChoices.choices],
    ),
    "severity": ("Severity", _severity, SeverityChoices.choices),
    "area": ("Area", _area, Area.choices),
    "statement": ("Statement", _statement, ()),
    "check": ("Check", _check, ()),
    "kind": ("Kind", _kind, KindChoices.choices),
    "finding": ("Finding", _finding, ()),
    "asset": ("Asset", _asset, ()),
    "source": ("Source", _source, ()),
    "team": ("Team", _team, ()),
    "classification": ("Classification", _fact("classification"), ()),
    "criticality": ("Criticality", _fact("criticality"), ()),
    "due": ("Due", _due, DUE),
    "assignee": ("Assignee", _assignee, ()),
    "assigned_team": ("Assigned team", _assigned_team, ()),
    "label": ("Label", _label, ()),
    "ticket": ("Ticket", _ticket, ((SET, "Linked"), (SET_TO_NONE, "None"))),
    "resolution": ("Resolution", _resolution, Finding.Resolution.choices),
    "exception": ("Exception", _exception, ()),
    "plan": ("Plan", _plan, ()),
    "task": ("Task", _task, ()),
    "proof": ("Proof", _proof, narrowing.PROOFS),
}


class _Base(PastFilters):
    q = django_filters.CharFilter(method="search", label="Text", max_length=_LONGEST_VALUE)
    opened_since = django_filters.IsoDateTimeFilter(
        field_name="opened_at", lookup_expr="gte", label="Opened since"
    )
    opened_before = django_filters.IsoDateTimeFilter(
        field_name="opened_at", lookup_expr="lt", label="Opened before"
    )
    resolved_since = django_filters.IsoDateTimeFilter(
        field_name="resolved_at", lookup_expr="gte", label="Resolved since"
    )
    resolved_before = django_filters.IsoDateTimeFilter(
        field_name="resolved_at", lookup_expr="lt", label="Resolved before"
    )
    refuted_at = django_filters.IsoDateTimeFilter(
        method="seen_after_fix", label="My fix did not hold at"
    )
    stale = django_filters.BooleanFilter(
        field_name="stale_since", lookup_expr="isnull", exclude=True, label="No longer verifiable"
    )
    breached = django_filters.BooleanFilter(
        field_name="breached_at", lookup_expr="isnull", exclude=True, label="Missed a due date"
    )
    mine = django_filters.BooleanFilter(method="of_person", label="Mine")
    new = django_filters.BooleanFilter(method="since_visit", label="New since my last visit")

    class Meta:
        model = Finding
        fields = ()

    def __init__(self, *args: Any, now: datetime, user: User, **kwargs: Any) -> None:
        self.now = now
        self.user = user
        super().__init__(*args, **kwargs)

    def of_person(self, queryset: QuerySet[Finding], name: str, value: object) -> QuerySet[Finding]:
        """Assigned to the person, or to a team of theirs and to nobody in it."""
        wanted = Q(assignee=self.user.pk) | Q(
            assignee__isnull=True, assigned_team__in=self.user.team_ids
        )
        return queryset.filter(wanted) if value else queryset.exclude(wanted)

    def seen_after_fix(
        self, queryset: QuerySet[Finding], name: str, value: datetime
    ) -> QuerySet[Finding]:
        """What a collection judged at that moment still saw though it was said to be fixed, where
        that concerns the person.
        """
        told = FindingEvent.objects.filter(
            finding=OuterRef("pk"), kind=FindingEvent.Kind.REFUTED, at=value
        )
        return queryset.filter(Exists(told), fix_of(self.user))

    def since_visit(
        self, queryset: QuerySet[Finding], name: str, value: object
    ) -> QuerySet[Finding]:
        """Opened since the person's visit before this one. Whoever never came: all."""
        since = visits.previous(self.user)
        if since is None:
            return queryset if value else queryset.none()
        return (
            queryset.filter(opened_at__gt=since) if value else queryset.exclude(opened_at__gt=since)
        )

    def search(self, queryset: QuerySet[Finding], name: str, value: str) -> QuerySet[Finding]:
        """In the sentence, in the asset's name, in the title or id of the check."""
        text = value.strip().replace("\x00", "")
        if not text:
            return queryset
        return queryset.filter(Q(check_id__in=catalogue.names_matching(text)) | saying(text))


def saying(text: str) -> Q:
    """Findings in which words begin like this. Rare ones by their ids, whose number the planner
    knows: from the words alone it expects many, and walks the whole list in its order to find few.
    """
    said = words.begin(F("words"), text)
    if said is None:
        return Q(pk__in=())
    ids = list(Finding.objects.filter(said).values_list("pk", flat=True)[: _RARE + 1])
    return Q(pk__in=ids) if len(ids) <= _RARE else Q(said)


def _twins() -> dict[str, AnyOf]:
    made: dict[str, AnyOf] = {}
    for name, (label, condition, choices) in FIELDS.items():
        made[name] = AnyOf(condition, label=label, choices=choices)
        made[name + NOT] = AnyOf(condition, label=f"{label} is not", choices=choices, exclude=True)
    return made


class FindingFilter(_Base):
    """Narrows a queryset that is already `visible_to` somebody."""

    locals().update(_twins())


def with_status(query: QueryDict) -> QueryDict:
    """Without a word about status or state a list is about what is to do. Empty says nothing."""
    data = QueryDict(mutable=True)
    for name, values in query.lists():
        if kept := [value for value in values if value.strip()]:
            data.setlist(name, kept)
    if not any(name in data for name in STANDING):
        data["status"] = TO_DO
    return data


def as_of(query: QueryDict, moment: datetime) -> QueryDict:
    """What the same query finds of what was open at a moment, wherever it stands now."""
    data = query.copy()
    for name in STANDING:
        data.pop(name, None)
    data["state"], data["open_at"] = ANY, moment.isoformat()
    return data
