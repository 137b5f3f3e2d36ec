"""The list of findings as somebody asked for it: filters, order, page, and how to ask otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict

from accounts.models import Team, User
from findings import catalogue
from findings.filters import (
    ANY,
    FIELDS,
    NOT,
    SET_TO_NONE,
    UNKNOWN,
    FindingFilter,
    with_status,
)
from findings.models import Finding
from findings.remediation import narrowing
from findings.trends import past
from inventory.models import Asset, Source
from policies import registry
from policies.models import SeverityChoices
from ui import fragments, pages
from ui.clock import exactly

# What a person may sort by; the first is what a list does by itself.
SORTS: dict[str, tuple[str, tuple[str, ...]]] = {
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
    **past.LABELS,
}
_WORDS = {SET_TO_NONE: "Not set", UNKNOWN: "Unknown"}
_OFFERED = 100  # most values of a filter that a menu offers


class Chip(msgspec.Struct, frozen=True, kw_only=True):
    """An active filter: what it says, the list without it, and the list that says the opposite."""

    label: str
    word: str
    value: str
    without: str
    turned: str = ""


class Listing:
    """One person's view of findings under one query string."""

    def __init__(self, query: QueryDict, *, user: User, now: datetime) -> None:
        self.user = user
        self.now = now
        self.query = with_status(query)
        self.filters = FindingFilter(
            self.query, Finding.objects.visible_to(user), now=now, user=user
        )
        self.sort = query.get("sort", "") if query.get("sort") in SORTS else "severity"

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
        """How many, how many of each severity, and how many of the open ones are overdue."""
        overdue = Q(state=Finding.State.OPEN, due_at__lt=self.now)
        rows = (
            self.findings.order_by()
            .values("severity_rank")
            .annotate(n=Count("pk"), late=Count("pk", filter=overdue))
        )
        counts = dict.fromkeys(("total", "overdue", *SeverityChoices.values), 0)
        for row in rows:
            counts[SeverityChoices.values[row["severity_rank"]]] = row["n"]
            counts["total"] += row["n"]
            counts["overdue"] += row["late"]
        return counts

    def page(self, total: int) -> pages.Page[Finding]:
        return pages.page(
            self.findings.select_related("asset__source", "asset__team").defer("asset__record"),
            order=SORTS[self.sort][1],
            query=self.query,
            total=total,
            one="finding",
            many="findings",
        )

    # --- how to ask otherwise -----------------------------------------------------------------

    def chips(self) -> list[Chip]:
        return [*self._value_chips(), *self._text_chips()]

    def _value_chips(self) -> Iterator[Chip]:
        for name, (label, _, choices) in FIELDS.items():
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

    def _text_chips(self) -> Iterator[Chip]:
        form = self.filters.form
        for name, label in MOMENTS.items():
            if value := self.query.get(name):
                moment = form.cleaned_data.get(name) if form.is_valid() else None
                shown = exactly(moment) if moment else value
                yield Chip(label=label, word="", value=shown, without=self._without(name, []))
        if text := self.query.get("q", "").strip():
            yield Chip(label="Text", word="has", value=text, without=self._without("q", []))
        if stale := self.query.get("stale"):
            word = "is" if stale.lower() in ("true", "1") else "is not"
            yield Chip(
                label="Evidence", word=word, value="stale", without=self._without("stale", [])
            )

    def _labels(self, name: str, choices: dict[str, str]) -> dict[str, str]:
        """What the values of one filter are called. Only what the query names is looked up."""
        values = [*self.query.getlist(name), *self.query.getlist(name + NOT)]
        if not values:
            return {}
        numbers = [int(v) for v in values if v.isascii() and v.isdigit() and len(v) < 19]
        if name == "source":
            rows = Source.objects.visible_to(self.user).filter(pk__in=numbers)
            return {str(row.pk): row.name for row in rows}
        if name == "team":
            return {str(row.pk): row.name for row in teams_of(self.user).filter(pk__in=numbers)}
        if name == "asset":
            assets = Asset.objects.visible_to(self.user).filter(pk__in=numbers)
            return {str(pk): text for pk, text in assets.values_list("pk", "name")}
        if name in narrowing.NAMED:
            return narrowing.labels(name, numbers, self.user)
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
        offered: dict[str, list[tuple[str, str]]] = {
            "severity": list(SeverityChoices.choices),
            "area": [(area.value, area.label) for area in catalogue.AREAS],
            "check": [(check.id, check.title) for check in registry.all_checks()],
            "kind": list(FIELDS["kind"][2]),
            "source": [
                (str(row.pk), row.name) for row in Source.objects.visible_to(self.user)[:_OFFERED]
            ],
            "team": [(str(row.pk), row.name) for row in teams_of(self.user)[:_OFFERED]],
            "classification": self._classifications(),
            "due": list(FIELDS["due"][2]),
        }
        return [
            {"name": name, "label": FIELDS[name][0], "choices": self._left(name, choices)}
            for name, choices in offered.items()
        ]

    def _left(self, name: str, choices: list[tuple[str, str]]) -> list[tuple[str, str]]:
        chosen = {*self.query.getlist(name), *self.query.getlist(name + NOT)}
        return [choice for choice in choices if choice[0] not in chosen]

    def _classifications(self) -> list[tuple[str, str]]:
        """The values there are: of machines and images, which are few beside findings."""
        values = (
            Asset.objects.visible_to(self.user)
            .present()
            .filter(kind__in=["vm", "image"])
            .order_by("classification")
            .values_list("classification", flat=True)
            .distinct()[:_OFFERED]
        )
        named = [(value, value) for value in values if value]
        return [*named, (SET_TO_NONE, "Not set"), (UNKNOWN, "Unknown")]

    def kept(self) -> list[tuple[str, str]]:
        """The query as hidden fields, so that a form adds to it."""
        return [
            (name, value)
            for name, values in self.query.lists()
            for value in values
            if name not in ("q", "after", "sort")
        ]

    def sorts(self) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _) in SORTS.items()]

    def tabs(self) -> list[dict[str, Any]]:
        """Open, resolved, any: the filter everybody wants first."""
        states = self.query.getlist("state")
        return [
            {
                "label": label,
                "address": fragments.with_values(self.query, "state", [value]),
                "is_here": states == [value] and not self.query.getlist("state" + NOT),
            }
            for value, label in (("open", "Open"), ("resolved", "Resolved"), (ANY, "All"))
        ]

    def problems(self) -> list[str]:
        """What in the query was not understood, in words."""
        return [
            f"{self.filters.form[name].label}: {error}"
            for name, errors in self.filters.form.errors.items()
            for error in errors
        ]

    @property
    def address(self) -> str:
        """The query string of what is shown, from its first page."""
        query = self.query.copy()
        query.pop("after", None)
        return query.urlencode()


def teams_of(user: User) -> QuerySet[Team]:
    """The teams whose machines this person may see."""
    return Team.objects.all() if user.sees_everything else Team.objects.filter(members=user)
