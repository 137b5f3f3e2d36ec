"""Filters of the list under a name: kept, shared, renamed, removed, and one by default.

A view holds a query and no findings: whoever opens it asks it as themselves.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import QueryDict

from accounts.errors import NotPossible
from accounts.models import Team, User
from audit import trail
from findings.models import LastVisit, SavedView
from findings.triage.deeds import teams_known_to

ACTION = "findings:view"  # the beginning of what the audit log calls these acts
MOST = 100  # views of one person
_LONGEST_QUERY = 4_000
Shared = SavedView.Shared


def visible_to(user: User) -> QuerySet[SavedView]:
    """One's own views and those that are shared with the person."""
    mine = User.teams.through.objects.filter(user=user).values("team")
    return SavedView.objects.filter(
        Q(owner=user) | Q(shared=Shared.ALL) | Q(shared=Shared.TEAM, team__in=mine)
    )


@transaction.atomic
def save(
    *,
    by: User,
    name: str,
    query: str,
    shared: str = Shared.NOBODY,
    team: int | None = None,
    is_pinned: bool = True,
) -> SavedView:
    """Keep a query under a name; under a name one has already it takes the other's place."""
    name = " ".join(name.split())
    view = SavedView.objects.select_for_update().filter(owner=by, name__iexact=name).first()
    if view is None:
        if SavedView.objects.filter(owner=by).count() >= MOST:
            raise NotPossible(f"You have {MOST} views. Remove one first.")
        view = SavedView(owner=by)
    view.name, view.query = name, cleaned(query)
    view.is_pinned = is_pinned
    _share(view, shared, team, by=by)
    _keep(view)
    trail.record(by, f"{ACTION}:save", view, after=_said(view))
    return view


@transaction.atomic
def change(
    *,
    view_id: int,
    by: User,
    name: str,
    shared: str,
    team: int | None,
    is_pinned: bool,
) -> SavedView:
    """Rename a view of one's own, share it otherwise, pin it; or raise NotPossible."""
    view = SavedView.objects.select_for_update().get(pk=view_id, owner=by)
    before = _said(view)
    view.name, view.is_pinned = " ".join(name.split()), is_pinned
    _share(view, shared, team, by=by)
    _keep(view)
    trail.record(by, f"{ACTION}:change", view, before=before, after=_said(view))
    return view


@transaction.atomic
def remove(*, view_id: int, by: User) -> None:
    """Remove a view of one's own. It is nobody's default any more."""
    view = SavedView.objects.select_for_update().get(pk=view_id, owner=by)
    trail.record(by, f"{ACTION}:remove", view, before=_said(view))
    view.delete()


@transaction.atomic
def make_default(*, view_id: int | None, by: User, now: datetime) -> SavedView | None:
    """What the list shows this person by itself; None: what is to do."""
    view = None if view_id is None else visible_to(by).get(pk=view_id)
    visit, _ = LastVisit.objects.select_for_update().get_or_create(
        user=by, defaults={"seen_at": now}
    )
    visit.default_view = view
    visit.save(update_fields=["default_view"])
    trail.record(by, f"{ACTION}:default", view or by, after={"view": view and view.pk})
    return view


def cleaned(query: str) -> str:
    """The query without where somebody was in it; or raise NotPossible."""
    if len(query) > _LONGEST_QUERY or "\x00" in query:
        raise NotPossible("This filter is too long to be kept.")
    data = QueryDict(query.removeprefix("?"), mutable=True)
    data.pop("after", None)
    return data.urlencode()


def _share(view: SavedView, shared: str, team_id: int | None, *, by: User) -> None:
    team: Team | None = None
    if shared == Shared.TEAM:
        team = teams_known_to(by).filter(pk=team_id).first() if team_id else None
        if team is None:
            raise NotPossible("Say which team it is shared with.")
    view.shared, view.team = Shared(shared), team


def _keep(view: SavedView) -> None:
    try:
        view.full_clean()
    except ValidationError as error:
        raise NotPossible(" ".join(error.messages)) from error
    view.save()


def _said(view: SavedView) -> dict[str, object]:
    return {
        "name": view.name,
        "query": view.query,
        "shared": view.shared,
        "team": view.team_id,
        "pinned": view.is_pinned,
    }
