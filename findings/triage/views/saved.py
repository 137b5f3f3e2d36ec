"""Saved views: kept from the list, and looked after on a page of their own."""

from __future__ import annotations

from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, requires
from accounts.errors import NotPossible
from accounts.permissions import Permission
from findings.models import LastVisit, SavedView
from findings.triage import saved_views
from findings.triage.deeds import teams_known_to
from findings.triage.forms import ViewActForm, ViewForm
from ui import toasts


@require_safe
@requires(Permission.FINDING_READ)
def saved(request: SignedInRequest) -> HttpResponse:
    """One's own views and those that others share."""
    views = saved_views.visible_to(request.user).select_related("owner", "team")
    default = LastVisit.objects.filter(user=request.user).values_list("default_view", flat=True)
    context = {
        "own": views.filter(owner=request.user),
        "shared": views.filter(~Q(owner=request.user)),
        "default": default.first(),
        "teams": teams_known_to(request.user),
        "shares": SavedView.Shared.choices,
    }
    return render(request, "findings/saved_views.html", context)


@requires(Permission.FINDING_READ)
@require_POST
def save(request: SignedInRequest) -> HttpResponse:
    """Keep the filter of the list under a name."""
    form = ViewForm(request.POST)
    query = request.POST.get("query", "")
    if not form.is_valid():
        toasts.failed(request, "Give the view a name of at most 60 letters.")
        return HttpResponseRedirect("/findings/")
    data = form.cleaned_data
    try:
        view = saved_views.save(
            by=request.user,
            name=data["name"],
            query=query,
            shared=data["shared"],
            team=data["team"],
            is_pinned=True,
        )
    except NotPossible as error:
        toasts.failed(request, str(error))
        return HttpResponseRedirect("/findings/")
    toasts.done(request, f"“{view}” is kept as a tab over the list.")
    return HttpResponseRedirect(f"/findings/?{view.query}")


@requires(Permission.FINDING_READ)
@require_POST
def change(request: SignedInRequest) -> HttpResponse:
    """Rename, share, pin or remove a view of one's own; begin with one of those one sees."""
    form = ViewActForm(request.POST)
    if not form.is_valid():
        toasts.failed(request, "Say what to do with which view.")
        return HttpResponseRedirect("/findings/views/")
    try:
        said = _do(request, form.cleaned_data["act"], form.cleaned_data["view"])
    except SavedView.DoesNotExist:
        raise Http404 from None
    except NotPossible as error:
        toasts.failed(request, str(error))
    else:
        toasts.done(request, said)
    return HttpResponseRedirect("/findings/views/")


def _do(request: SignedInRequest, act: str, view_id: int | None) -> str:
    if act == "no-default":
        saved_views.make_default(view_id=None, by=request.user, now=timezone.now())
        return "The list begins with what is to do."
    if view_id is None:
        raise SavedView.DoesNotExist
    if act == "default":
        view = saved_views.make_default(view_id=view_id, by=request.user, now=timezone.now())
        return f"The list begins with “{view}”."
    if act == "remove":
        saved_views.remove(view_id=view_id, by=request.user)
        return "The view is removed."
    form = ViewForm(request.POST)
    if not form.is_valid():
        raise NotPossible("Give the view a name of at most 60 letters.")
    data = form.cleaned_data
    view = saved_views.change(
        view_id=view_id,
        by=request.user,
        name=data["name"],
        shared=data["shared"],
        team=data["team"],
        is_pinned=data["is_pinned"],
    )
    return f"“{view}” is changed."
