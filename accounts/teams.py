"""What is done to teams. An asset's team decides who sees it, so each verb is recorded."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.errors import NotPossible
from accounts.models import Team, User
from audit import trail


@transaction.atomic
def create(*, name: str, by: User | None) -> Team:
    """Add a team, or raise NotPossible."""
    team = _clean(Team(name=name.strip()))
    team.save()
    trail.record(by, "accounts:team:create", team, after={"name": team.name})
    return team


@transaction.atomic
def rename(*, team_id: int, name: str, by: User | None) -> Team:
    """Give a team another name, or raise NotPossible."""
    team = Team.objects.select_for_update().get(pk=team_id)
    before, team.name = team.name, name.strip()
    if before == team.name:
        return team
    _clean(team).save(update_fields=["name"])
    trail.record(
        by, "accounts:team:rename", team, before={"name": before}, after={"name": team.name}
    )
    return team


@transaction.atomic
def remove(*, team_id: int, by: User | None) -> None:
    """Remove a team without members, or raise NotPossible. Its machines have no team then."""
    team = Team.objects.select_for_update().get(pk=team_id)
    members = team.members.count()
    if members:
        raise NotPossible(
            f"{team} still has {members} {'member' if members == 1 else 'members'}. "
            "Take them out of the team first."
        )
    trail.record(by, "accounts:team:remove", team, before={"name": team.name})
    team.delete()


def _clean(team: Team) -> Team:
    try:
        team.full_clean()
    except ValidationError as error:
        raise NotPossible(" ".join(error.messages)) from error
    return team
