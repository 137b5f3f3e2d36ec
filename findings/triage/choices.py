"""What the menus of the list offer: read together, as far as the person may know of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from django.db.models import Case, CharField, Exists, F, OuterRef, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce, NullIf

from accounts.models import User
from findings.models import Finding, Label
from findings.triage import people, saved_views
from findings.triage.deeds import teams_known_to
from inventory.models import Source
from inventory.records import Kind
from inventory.values import values_of

MOST = 100  # of one sort


class Person(msgspec.Struct, frozen=True):
    """Somebody in a menu."""

    pk: str
    username: str
    name: str

    def __str__(self) -> str:
        return self.name


class View(msgspec.Struct, frozen=True):
    """A saved view as a tab, or among those that are none."""

    name: str
    query: str
    is_pinned: bool


class Offered(msgspec.Struct, frozen=True):
    """Names by what they are names of."""

    named: dict[str, list[tuple[str, str]]]  # sort → (value, label)
    people: list[Person]
    views: list[View] = []

    def of(self, sort: str) -> list[tuple[str, str]]:
        return self.named.get(sort, [])


def offered(user: User) -> Offered:
    """Sources, teams, labels, classifications and people for one person's menus. Two queries."""
    found = _read(
        _part("source", Source.objects.visible_to(user), F("name")),
        _part("team", teams_known_to(user), F("name")),
        _part("label", labels_of(user), F("name")),
        _part("person", people.known_to(user), _full_name(), extra=F("username")),
        _part(
            Case(When(is_pinned=True, then=_text("tab")), default=_text("view")),
            saved_views.visible_to(user),
            F("name"),
            extra=F("query"),
        ),
    )
    found.named["classification"] = [(value, value) for value in _classifications(user)]
    return found


def of_finding(finding: Finding, user: User) -> Offered:
    """People, teams and labels for the panel of one finding. One query."""
    who = people.who_see(finding, known=people.known_to(user))
    return _read(
        _part("team", teams_known_to(user), F("name")),
        _part("label", labels_of(user), F("name")),
        _part("person", who, _full_name(), extra=F("username")),
    )


def _read(*parts: QuerySet[Any]) -> Offered:
    named: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    found, views = [], []
    for sort, key, name, extra in parts[0].union(*parts[1:], all=True):
        if sort == "person":
            found.append(Person(key, extra, name))
        elif sort in ("tab", "view"):
            views.append(View(name, extra, sort == "tab"))
        else:
            named[sort].append((key, name))
    for choices in named.values():
        choices.sort(key=lambda choice: choice[1].lower())
    found.sort(key=lambda person: person.name.lower())
    views.sort(key=lambda view: view.name.lower())
    return Offered(dict(named), found, views)


def _part(sort: Any, rows: QuerySet[Any], name: Any, *, extra: Any = None) -> QuerySet[Any]:
    described = rows.order_by().annotate(
        v_sort=_text(sort) if isinstance(sort, str) else sort,
        v_key=Cast("pk", CharField()),
        v_name=Cast(name, CharField()),
        v_extra=_text("") if extra is None else Cast(extra, CharField()),
    )
    columns = described.values_list("v_sort", "v_key", "v_name", "v_extra")
    named: QuerySet[Any] = columns.order_by("v_name")[:MOST]
    return named


def _classifications(user: User) -> list[str]:
    """The values there are, of machines and images."""
    kinds = [Kind.VM, Kind.IMAGE]
    return values_of(["classification"], kinds=kinds, user=user, most=MOST)["classification"]


def labels_of(user: User) -> QuerySet[Label]:
    """The labels of findings that the person may see."""
    if user.sees_everything:
        return Label.objects.all()
    seen = Finding.objects.visible_to(user).filter(labels=OuterRef("pk"))
    return Label.objects.filter(Exists(seen))


def _full_name() -> Any:
    return Coalesce(NullIf("full_name", Value("")), "username")


def _text(value: str) -> Any:
    return Value(value, output_field=CharField())
