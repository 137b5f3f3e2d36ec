"""The list of findings as somebody asked for it: filters, order, page, and how to ask otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import QueryDict
from django.utils.functional import cached_property

from accounts.models import Team, User
from findings import catalogue
from findings.filters import (
    ANY,
    FIELDS,
    ME,
    NOT,
    SET_TO_NONE,
    STANDING,
    TO_DO,
    UNKNOWN,
    FindingFilter,
    as_of,
    with_status,
)
from findings.models import Finding
from findings.status import Status
from findings.trends import asking, past
from findings.triage import grouping
from findings.triage.choices import Offered, offered
from findings.triage.grouping import GROUPS, Group
from inventory.models import Asset
from policies import registry
from policies.models import SeverityChoices
from ui import asof, fragments, pages
from ui.clock import exactly

# What a person may sort by.
SORTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "priority": ("First things first", ("priority", "due_at", "id")),
    "severity": ("Most severe first", ("severity_rank", "-opened_at", "id")),
    "-opened": ("Newest first", ("-opened_at", "id")),
    "opened": ("Oldest first", ("opened_at", "id")),
    "due": ("Next due first", ("due_at", "id")),
    "-updated": ("Latest change first", ("-updated_at", "id")),
}
MOMENTS = {
    "opened_since": "Opened since",
    "opened_before": "Opened before",
    "resolved_since": "Resolved since",
    "resolved_before": "Resolved before",
    "refuted_at": "My fix did not hold at",
    **past.LABELS,
}
# Filters that say yes or no: label, and the word when they say yes.
SWITCHES = {
    "stale": ("Evidence", "stale"),
    "breached": ("Due date", "missed once"),
    "mine": ("Assigned", "to me or my team"),
    "new": ("Opened", "since my last visit"),
}
_WORDS = {SET_TO_NONE: "Not set", UNKNOWN: "Unknown", ME: "Me", TO_DO: "To do"}
MOST_COUNTED = 10_000  # counting a million takes longer than anybody waits
GROUP, ROWS = "group", "rows"
# What a list of rows does not show.
_UNSHOWN = ("evidence", "seen", "expected", "stale_reason", "words")


_STEPS = frozenset(Finding.Triage.values)
TABS = {
    "To do": ("status", TO_DO),
    "Excepted": ("status", Status.EXCEPTED.value),
    "Waiting for proof": ("status", Status.AWAITING_PROOF.value),
    "Resolved": ("status", Status.RESOLVED.value),
    "All": ("state", ANY),
}
_OLD = {"Resolved": {"state": [Finding.State.RESOLVED.value]}}  # as addresses said it before


class Chip(msgspec.Struct, frozen=True, kw_only=True):
    """An active filter: what it says, the list without it, and the list that says the opposite."""

    label: str
    word: str
    value: str
    without: str
    turned: str = ""


class Listing:
    """One person's view of findings under one query string; `as_of` is None for now."""

    def __init__(self, query: QueryDict, *, user: User, now: datetime) -> None:
        self.user = user
        self.now = now
        self.query = with_status(query)
        self.as_of, _ = asking.moment_of(query, now=now)
        self.filters = FindingFilter(
            as_of(self.query, self.as_of) if self.as_of else self.query,
            Finding.objects.visible_to(user),
            now=now,
            user=user,
        )
        asked = query.get("sort", "")
        self.sort = asked if asked in SORTS else self.usual_sort
        self.group = query.get(GROUP, "") if query.get(GROUP) in GROUPS else ""

    @property
    def usual_sort(self) -> str:
        """What is to do goes by urgency, everything else as an index has it."""
        if self.as_of:
            return "-opened"
        if self.query.get("state") == Finding.State.OPEN or self._is_about({TO_DO, *_STEPS}):
            return "priority"
        return "-opened" if self.query.get("state") == ANY else "severity"

    def _is_about(self, statuses: set[str]) -> bool:
        return set(self.query.getlist("status")) <= statuses and "status" in self.query

    @property
    def is_understood(self) -> bool:
        return bool(self.filters.is_valid())

    @property
    def findings(self) -> QuerySet[Finding]:
        """What the filters leave; nothing when they cannot be understood."""
        return self.filters.qs if self.is_understood else Finding.objects.none()

    def in_order(self) -> QuerySet[Finding]:
        return self.findings.order_by(*SORTS[self.sort][1])

    def counts(self) -> dict[str, int]:
        """How many, how many of each severity, and how many of the open ones are overdue. No more
        than `MOST_COUNTED` are looked at; where there are more, `more` is 1 and the rest 0.
        """
        some = self.findings.order_by().only("pk", "severity_rank", "state", "due_at")
        counts = some[: MOST_COUNTED + 1].aggregate(
            total=Count("*"),
            overdue=Count("pk", filter=self._late),
            **{
                severity: Count("pk", filter=Q(severity_rank=rank))
                for rank, severity in enumerate(SeverityChoices.values)
            },
        )
        if counts["total"] > MOST_COUNTED:
            return {**dict.fromkeys(counts, 0), "total": MOST_COUNTED, "more": 1}
        return {**counts, "more": 0}

    @property
    def _late(self) -> Q:
        """Of what was open at the moment that the list is about: what was overdue then."""
        if self.as_of:
            return Q(due_at__lt=self.as_of)
        return Q(state=Finding.State.OPEN, due_at__lt=self.now)

    def page(self, counts: dict[str, int]) -> pages.Page[Finding]:
        """The rows of one page. What they belong to is read for these alone, after the cut."""
        assets = Asset.objects.select_related("source", "team").defer("record")
        findings: Any = self.findings
        return pages.page(
            findings.with_exception(now=self.now)
            .with_labels()
            .select_related("assignee", "assigned_team")
            .prefetch_related(Prefetch("asset", queryset=assets))
            .defer(*_UNSHOWN),
            order=SORTS[self.sort][1],
            query=self.query,
            total=None if counts["more"] else counts["total"],
            one="finding",
            many="findings",
        )

    def groups(self) -> tuple[list[Group], bool]:
        """The groups that were asked for, each with its list, and whether there are more."""
        found, more = grouping.groups(self.findings, self.group, late=self._late)
        query = self.query.copy()
        for name in (GROUP, "after"):
            query.pop(name, None)
        for group in found:
            name, value = group.filter
            narrowed = query.copy()
            narrowed.setlist(name, [value])
            group.address = f"?{narrowed.urlencode()}"
        return found, more

    def opened_since_visit(self, since: datetime | None) -> int:
        """How much of what is to do opened since the last visit; counted as far as `counts`."""
        if since is None:
            return 0
        new = Finding.objects.visible_to(self.user).to_do(now=self.now).filter(opened_at__gt=since)
        return new[: MOST_COUNTED + 1].count()

    @cached_property
    def offered(self) -> Offered:
        return offered(self.user)

    @property
    def offered_teams(self) -> list[tuple[str, str]]:
        return self.offered.of("team")

    @property
    def offered_labels(self) -> list[tuple[str, str]]:
        return self.offered.of("label")

    # --- how to ask otherwise -----------------------------------------------------------------

    def chips(self) -> list[Chip]:
        return [*self._value_chips(), *self._picked_chips(), *self._text_chips()]

    def _value_chips(self) -> Iterator[Chip]:
        for name, (label, _, choices) in FIELDS.items():
            if name == "finding" or (self.as_of and name in STANDING):
                continue
            labels = self._labels(name, dict(choices))
            for negative in (False, True):
                parameter, twin = (name + NOT, name) if negative else (name, name + NOT)
                values = [value for value in self.query.getlist(parameter) if value.strip()]
                for value in values:
                    rest = [other for other in values if other != value]
                    yield Chip(
                        label=label,
                        word="is not" if negative else "is",
                        value=labels.get(value, _WORDS.get(value, value)),
                        without=self._without(parameter, rest),
                        turned=self._turned(parameter, rest, twin, value),
                    )

    def _picked_chips(self) -> Iterator[Chip]:
        """Findings that were picked are too many to be named one by one."""
        for parameter, word in (("finding", "is"), ("finding" + NOT, "is not")):
            if picked := self.query.getlist(parameter):
                yield Chip(
                    label=FIELDS["finding"][0],
                    word=word,
                    value=f"{len(picked):,} picked",
                    without=self._without(parameter, []),
                )

    def _text_chips(self) -> Iterator[Chip]:
        form = self.filters.form
        for name, label in MOMENTS.items():
            if value := self.query.get(name):
                moment = form.cleaned_data.get(name) if form.is_valid() else None
                shown = exactly(moment) if moment else value
                yield Chip(label=label, word="", value=shown, without=self._without(name, []))
        if text := self.query.get("q", "").strip():
            yield Chip(label="Text", word="has", value=text, without=self._without("q", []))
        for name, (label, word) in SWITCHES.items():
            if said := self.query.get(name):
                yield Chip(
                    label=label,
                    word="is" if said.lower() in ("true", "1") else "is not",
                    value=word,
                    without=self._without(name, []),
                )

    def _labels(self, name: str, choices: dict[str, str]) -> dict[str, str]:
        """What the values of one filter are called. Only what the query names is looked up."""
        values = [*self.query.getlist(name), *self.query.getlist(name + NOT)]
        if not values:
            return {}
        if name in ("source", "team", "assigned_team"):
            return dict(self.offered.of("source" if name == "source" else "team"))
        if name == "assignee":
            return {person.pk: person.name for person in self.offered.people}
        if name == "asset":
            numbers = [int(v) for v in values if v.isascii() and v.isdigit() and len(v) < 19]
            assets = Asset.objects.visible_to(self.user).filter(pk__in=numbers)
            return {str(pk): text for pk, text in assets.values_list("pk", "name")}
        if name == "check":
            return {value: catalogue.title_of(value) for value in values}
        return choices

    def _without(self, name: str, values: list[str]) -> str:
        if name in ("status", "state") and not values:
            other = "state" if name == "status" else "status"
            if other not in self.query:  # an address without either means what is to do
                query = self.query.copy()
                query.pop(name, None)
                return fragments.with_values(query, "state", [ANY])
        return fragments.with_values(self.query, name, values)

    def _turned(self, parameter: str, rest: list[str], twin: str, value: str) -> str:
        if value == ANY:
            return ""
        query = self.query.copy()
        query.setlist(parameter, rest)
        query.setlist(twin, [*query.getlist(twin), value])
        query.pop("after", None)
        return f"?{query.urlencode()}"

    def menus(self) -> list[dict[str, Any]]:
        """What can be added: each a parameter and the values that are not chosen yet."""
        people = [(person.pk, person.name) for person in self.offered.people]
        unset = (SET_TO_NONE, "Not set")
        offered: dict[str, list[tuple[str, str]]] = {
            "priority": list(FIELDS["priority"][2]),
            "severity": list(SeverityChoices.choices),
            "check": [(check.id, check.title) for check in registry.all_checks()],
            "assignee": [(ME, "Me"), (SET_TO_NONE, "Nobody"), *people],
            "team": [*self.offered.of("team"), (SET_TO_NONE, "No team")],
            "due": list(FIELDS["due"][2]),
            "status": list(FIELDS["status"][2]),
            "area": [(area.value, area.label) for area in catalogue.AREAS],
            "kind": list(FIELDS["kind"][2]),
            "source": self.offered.of("source"),
            "classification": [*self.offered.of("classification"), unset, (UNKNOWN, "Unknown")],
            "assigned_team": [*self.offered.of("team"), (SET_TO_NONE, "No team")],
            "label": [(name, name) for _, name in self.offered.of("label")] + [unset],
            "ticket": list(FIELDS["ticket"][2]),
        }
        return [
            {"name": name, "label": FIELDS[name][0], "choices": self._left(name, choices)}
            for name, choices in offered.items()
            if not (self.as_of and name in STANDING)
        ]

    def _left(self, name: str, choices: list[tuple[str, str]]) -> list[tuple[str, str]]:
        chosen = {*self.query.getlist(name), *self.query.getlist(name + NOT)}
        return [choice for choice in choices if choice[0] not in chosen]

    def kept(self) -> list[tuple[str, str]]:
        """The query as hidden fields, so that a form adds to it."""
        return [
            (name, value)
            for name, values in self.query.lists()
            for value in values
            if name not in ("q", "after", "sort", GROUP, ROWS)
        ]

    def sorts(self) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _) in SORTS.items()]

    def group_choices(self) -> list[tuple[str, str]]:
        return list(GROUPS.items())

    def tabs(self) -> list[dict[str, Any]]:
        """Where findings stand: the filter everybody wants first. In the past all were open."""
        if self.as_of:
            return [{"label": "Open then", "address": f"?{self.address}", "is_here": True}]
        named = {name: values for name, values in self.query.lists() if name in STANDING}
        found = []
        for label, (name, value) in TABS.items():
            query = self.query.copy()
            for other in (*STANDING, "after", "sort"):
                query.pop(other, None)
            query[name] = value
            found.append(
                {
                    "label": label,
                    "address": f"?{query.urlencode()}",
                    "is_here": named in ({name: [value]}, _OLD.get(label)),
                }
            )
        return found

    def problems(self) -> list[str]:
        """What in the query was not understood, in words."""
        return [
            f"{self.filters.form[name].label}: {error}"
            for name, errors in self.filters.form.errors.items()
            for error in errors
        ]

    @property
    def cleared(self) -> str:
        """The address of the list without any filter, of the same moment."""
        if self.as_of:
            return f"/findings/?{asof.PARAMETER}={self.as_of:%Y-%m-%dT%H:%MZ}"
        return f"/findings/?state={ANY}"

    @cached_property
    def address(self) -> str:
        """The query string of what is shown, from its first page."""
        query = self.query.copy()
        for name in ("after", ROWS):
            query.pop(name, None)
        return query.urlencode()


def teams_of(user: User) -> QuerySet[Team]:
    """The teams whose machines this person may see."""
    return Team.objects.all() if user.sees_everything else Team.objects.filter(members=user)
