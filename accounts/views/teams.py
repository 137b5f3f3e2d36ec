"""Pages about teams."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import teams
from accounts.access import SignedInRequest, requires
from accounts.errors import NotPossible
from accounts.forms import TeamForm
from accounts.models import Team
from accounts.permissions import Permission


@requires(Permission.USER_READ)
def team_list(request: SignedInRequest) -> HttpResponse:
    """Every team with its members counted."""
    may_manage = request.user.may(Permission.TEAM_MANAGE)
    context = {
        "teams": Team.objects.annotate(people=Count("members")),
        "may_manage": may_manage,
        "action": "Add a team" if may_manage else "",
        "add_address": reverse("accounts:team-add"),
    }
    return render(request, "settings/team_list.html", context)


@requires(Permission.TEAM_MANAGE)
def team_add(request: SignedInRequest) -> HttpResponse:
    """Add a team."""
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            team = teams.create(name=form.cleaned_data["name"], by=request.user)
        except NotPossible as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, f"{team} is added.")
            return redirect("accounts:team-list")
    return render(request, "settings/team_form.html", {"form": form})


@requires(Permission.TEAM_MANAGE)
def team_edit(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Rename a team."""
    team = get_object_or_404(Team, pk=team_id)
    form = TeamForm(request.POST or None, initial={"name": team.name})
    if request.method == "POST" and form.is_valid():
        try:
            team = teams.rename(team_id=team.pk, name=form.cleaned_data["name"], by=request.user)
        except NotPossible as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, f"The team is called {team} now.")
            return redirect("accounts:team-list")
    members = team.members.all()
    return render(
        request, "settings/team_form.html", {"form": form, "team": team, "members": members}
    )


@requires(Permission.TEAM_MANAGE)
@require_POST
def team_remove(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Remove a team nobody belongs to."""
    team = get_object_or_404(Team, pk=team_id)
    try:
        teams.remove(team_id=team.pk, by=request.user)
    except NotPossible as error:
        messages.error(request, str(error))
        return redirect("accounts:team-edit", team_id=team.pk)
    messages.success(request, f"{team} is removed.")
    return redirect("accounts:team-list")
