"""How a list is narrowed and sorted, as a person sees it: the form, the chips, the column heads."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from accounts.access import SignedInRequest
from accounts.models import Team, User
from inventory.listings import Listing
from inventory.models import Asset, Source
from inventory.values import values_of
from ui import asof

NARROWING = (
    "q",
    "source",
    "team",
    "classification",
    "criticality",
    "owner",
    "power_state",
    "host",
    "cluster",
    "network",
    "datastore",
    "role",
    "presence",
    "verdict",
    "check",
)
_WORDS = {
    "q": "Matches",
    "power_state": "Power",
    "host": "On host",
    "cluster": "In cluster",
    "network": "On network",
    "datastore": "On datastore",
    "role": "With role",
}


SORTS = {
    "name": "sort_name",
    "changed": "changed_at",
    "first_seen": "first_seen_at",
    "owner": "owner",
    "classification": "classification",
    "criticality": "criticality",
    "power": "power_state",
}


# What a list of the past is sorted by where it is not called as it is now.
PAST_SORTS = {"changed": "valid_from", "first_seen": "asset__first_seen_at"}


def order_of(sort: str, *, past: bool = False) -> tuple[str, str]:
    """The fields a list is in the order of; by name for a word that is not one of ours."""
    way = "-" if sort.startswith("-") else ""
    field = (SORTS | PAST_SORTS if past else SORTS).get(sort.removeprefix("-"))
    return (f"{way}{field}", f"{way}id") if field else ("sort_name", "id")


def ways(then: datetime | None, *, show: str) -> dict[str, str]:
    """What addresses of this page carry on: which moment, and which list of its place."""
    kept = [("show", show)] if show else []
    moment = [(asof.PARAMETER, f"{then:%Y-%m-%dT%H:%M:%SZ}")] if then else []
    return {
        "here": urlencode(kept + moment),
        "then": urlencode(moment),
        "clear_address": f"?{urlencode(kept + moment)}",
    }


# Columns that say what is true now in a list of the past.
_OF_NOW = {"Verdict", "Findings", "Team"}


def heads(
    request: SignedInRequest, listing: Listing, sort: str, *, past: bool = False
) -> list[dict[str, str]]:
    """The columns with the address that sorts by each, the other way round when it already does."""
    found = []
    for said, key, css in listing.columns:
        label = f"{said} now" if past and said in _OF_NOW else said
        head = {"label": label, "css": css, "address": "", "sorted": ""}
        if key:
            query = request.GET.copy()
            query.pop("after", None)
            query["sort"] = f"-{key}" if sort == key else key
            head["address"] = f"{request.path}?{query.urlencode()}"
            if sort.removeprefix("-") == key:
                head["sorted"] = "descending" if sort.startswith("-") else "ascending"
        found.append(head)
    return found


def kept(request: SignedInRequest, listing: Listing) -> list[tuple[str, str]]:
    """What the form has no field for and must not forget."""
    asked = {"q", *listing.filters}
    return [
        (name, value)
        for name in (*NARROWING, "sort", asof.PARAMETER)
        if name not in asked
        for value in request.GET.getlist(name)
        if value
    ]


def chips(request: SignedInRequest) -> list[dict[str, str]]:
    """One for each thing the list is narrowed by, with the address without it."""
    found = []
    for key in NARROWING:
        for value in request.GET.getlist(key):
            if not value:
                continue
            query = request.GET.copy()
            query.pop("after", None)
            query.setlist(key, [each for each in query.getlist(key) if each != value])
            found.append(
                {
                    "label": _WORDS.get(key, key.replace("_", " ").capitalize()),
                    "word": "" if key == "q" else "is",
                    "value": _named(request, key, value),
                    "without": f"{request.path}?{query.urlencode()}",
                }
            )
    return found


def _named(request: SignedInRequest, key: str, value: str) -> str:
    """What an id in an address stands for, when the person may see it."""
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        return value.replace("_", " ") if key in ("verdict", "presence") else value
    number, user = int(value), request.user
    found: QuerySet[Any, str]
    if key in ("host", "cluster", "network", "datastore", "role"):
        found = Asset.objects.visible_to(user).filter(pk=number).values_list("name", flat=True)
    elif key == "source":
        found = Source.objects.visible_to(user).filter(pk=number).values_list("name", flat=True)
    elif key == "team":
        found = teams(user).filter(pk=number).values_list("name", flat=True)
    else:
        return value
    return found.first() or value


def teams(user: User) -> QuerySet[Team]:
    return Team.objects.all() if user.sees_everything else user.teams.all()


def fields(
    request: SignedInRequest, listing: Listing, sources: list[Source]
) -> list[dict[str, Any]]:
    """The filters of the form, each with its choices and what is chosen."""
    user = request.user
    said = values_of(listing.filters, kinds=[listing.kind], user=user, most=MOST_CHOICES)
    found: list[dict[str, Any]] = []
    for name in listing.filters:
        choices = _choices(name, user, sources, said)
        found.append(
            {
                "name": name,
                "label": _WORDS.get(name, name.replace("_", " ").capitalize()),
                "choices": choices,
                "chosen": request.GET.get(name, ""),
            }
        )
    return [field for field in found if field["choices"]]


_FIXED = {
    "power_state": [
        ("on", "On"),
        ("off", "Off"),
        ("suspended", "Suspended"),
        ("unknown", "Unknown"),
    ],
    "verdict": [
        ("fail", "Fail"),
        ("unknown", "Unknown"),
        ("error", "Error"),
        ("pass", "Pass"),
    ],
    "presence": [
        ("", "Known"),
        ("present", "Present"),
        ("missing", "Missing"),
        ("gone", "Gone"),
        ("all", "Known and gone"),
    ],
}
MOST_CHOICES = 50


def _choices(
    name: str, user: User, sources: list[Source], said: dict[str, list[str]]
) -> list[tuple[str, str]]:
    if name in _FIXED:
        fixed = _FIXED[name]
        return fixed if fixed[0][0] == "" else [("", "Any"), *fixed]
    if name == "source":
        named = sorted(sources, key=lambda source: source.name)
        found = [(str(source.pk), source.name) for source in named]
        return [("", "Any"), *found] if len(found) > 1 else []
    if name == "team":
        named_teams = [(str(pk), label) for pk, label in teams(user).values_list("pk", "name")]
        return [("", "Any"), *named_teams, ("none", "None")] if named_teams else []
    found = [(value, value) for value in said[name]]
    return [("", "Any"), *found, ("none", "Not set"), ("unknown", "Unknown")]
