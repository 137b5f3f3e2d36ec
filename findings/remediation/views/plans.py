"""Pages of plans: the list, one plan, making, changing and ending one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, requires
from accounts.errors import NotPossible
from accounts.permissions import Permission
from findings.models import Plan
from findings.remediation import choosing, plans
from findings.remediation.errors import Outdated
from findings.remediation.forms import NewPlanForm, PlanForm, WhyForm
from findings.remediation.listing import PlanListing
from findings.remediation.reading import reading_of
from ui import toasts

LONGEST_ID = 18


@require_safe
@requires(Permission.PLAN_READ)
def plan_list(request: SignedInRequest) -> HttpResponse:
    """Plans and campaigns with how far they are."""
    listing = PlanListing(request.GET, user=request.user, now=timezone.now())
    counts = listing.counts()
    page = listing.page()
    context = {
        "listing": listing,
        "counts": counts,
        "page": page,
        "lines": listing.lines(page),
        "tabs": listing.tabs(counts),
        "may_manage": request.user.may(Permission.PLAN_MANAGE),
        "may_export": request.user.may(Permission.FINDING_EXPORT),
    }
    return render(request, "findings/plans/plan_list.html", context)


@require_safe
@requires(Permission.PLAN_READ)
def plan(request: SignedInRequest, plan_id: int) -> HttpResponse:
    """One plan: how far it is, its tasks, how they are done, what happened."""
    found = get_object_or_404(
        Plan.objects.visible_to(request.user).select_related(
            "owner", "team", "created_by", "closed_by"
        ),
        pk=plan_id,
    )
    reading = reading_of(found, request.user, now=timezone.now(), task_id=_id(request.GET, "task"))
    return render(request, "findings/plans/plan.html", {"plan": found, "reading": reading})


@requires(Permission.PLAN_MANAGE)
def new_plan(request: SignedInRequest) -> HttpResponse:
    """Make a plan of chosen findings, or of what a filter finds."""
    asked = request.POST if request.method == "POST" else request.GET
    ids = [int(v) for v in asked.getlist("finding") + asked.getlist("chosen") if _is_id(v)]
    query = asked.get("query", "") or asked.get("all", "")
    is_sent = request.method == "POST" and "title" in request.POST  # else: what a list chose
    form = NewPlanForm(
        request.POST if is_sent else None,
        user=request.user,
        initial={"query": query, "grouping": asked.get("grouping") or "check"},
    )
    if is_sent and form.is_valid():
        said = form.cleaned_data
        try:
            made = plans.make(
                wish=form.wish(),
                finding_ids=ids or None,
                query=said["query"],
                grouping=said["grouping"],
                follow=said["follow"],
                by=request.user,
                now=timezone.now(),
            )
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            toasts.done(request, f"{made.title} is made.")
            return redirect("findings:plan", plan_id=made.pk)
    return render(request, "findings/plans/plan_new.html", _choice(request, form, ids, query))


def _choice(
    request: SignedInRequest, form: NewPlanForm, ids: list[int], query: str
) -> dict[str, Any]:
    """What the form is about: how many findings, of how many checks, assets and teams."""
    problem, asked = "", request.POST if request.method == "POST" else request.GET
    try:
        if ids or not {"query", "all"} & set(asked):  # without a word it is about nothing
            found = choosing.picked(ids, user=request.user)
        else:
            found = choosing.found_by(query, user=request.user, now=timezone.now())
        counts = choosing.counted(found)
        can_follow = not ids and bool(choosing.normal(query))
    except NotPossible as error:
        problem, counts, can_follow = str(error), choosing.NOTHING, False
    return {
        "form": form,
        "ids": ids,
        "query": query,
        "counts": counts,
        "problem": problem,
        "can_follow": can_follow,
        "people": plans.people_for(request.user),
    }


@requires(Permission.PLAN_MANAGE)
def edit_plan(request: SignedInRequest, plan_id: int) -> HttpResponse:
    """Say something else about a plan."""
    found = _managed(request, plan_id)
    form = PlanForm(
        request.POST or None, user=request.user, keeps=found.owner, initial=_initial(found)
    )
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            plans.change(
                plan_id=found.pk,
                version=_version(form.cleaned_data),
                wish=form.wish(),
                by=request.user,
                now=timezone.now(),
            )
        except NotPossible as problem:
            form.add_error(None, str(problem))
            status = _status_of(problem)
        else:
            toasts.done(request, "The plan is changed.")
            return redirect("findings:plan", plan_id=found.pk)
    context = {"form": form, "plan": found, "people": plans.people_for(request.user)}
    return render(request, "findings/plans/plan_edit.html", context, status=status)


@requires(Permission.PLAN_MANAGE)
def close_plan(request: SignedInRequest, plan_id: int) -> HttpResponse:
    """End a plan, for a reason."""
    found = _managed(request, plan_id)
    form = WhyForm(request.POST or None, initial={"version": found.version})
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            plans.close(
                plan_id=found.pk,
                version=_version(form.cleaned_data),
                why=form.cleaned_data["why"],
                by=request.user,
                now=timezone.now(),
            )
        except NotPossible as problem:
            form.add_error(None, str(problem))
            status = _status_of(problem)
        else:
            undo = reverse("findings:reopen-plan", args=[found.pk])
            toasts.done(request, "The plan is closed.", undo=undo)
            return redirect("findings:plan", plan_id=found.pk)
    context = {"form": form, "plan": found}
    return render(request, "findings/plans/plan_close.html", context, status=status)


@requires(Permission.PLAN_MANAGE)
@require_POST
def reopen_plan(request: SignedInRequest, plan_id: int) -> HttpResponse:
    """Go on with a closed plan."""
    _managed(request, plan_id)
    try:
        plans.open_again(plan_id=plan_id, by=request.user, now=timezone.now())
    except NotPossible as problem:
        toasts.failed(request, str(problem))
    else:
        toasts.done(request, "The plan is open again.")
    return redirect("findings:plan", plan_id=plan_id)


@requires(Permission.PLAN_MANAGE)
@require_POST
def add_to_plan(request: SignedInRequest) -> HttpResponse:
    """Put findings into a plan that there is: `plan`, and each `finding`."""
    chosen = request.POST.getlist("finding") + request.POST.getlist("chosen")
    ids = [int(value) for value in chosen if _is_id(value)]
    plan_id = _id(request.POST, "plan")
    if plan_id is None:
        query = urlencode([("finding", pk) for pk in ids[:200]])
        return redirect(f"{reverse('findings:new-plan')}?{query}")
    found = _managed(request, plan_id)
    try:
        added = plans.add(plan_id=found.pk, finding_ids=ids, by=request.user, now=timezone.now())
    except NotPossible as problem:
        toasts.failed(request, str(problem))
    else:
        toasts.done(request, f"{added:,} {'finding' if added == 1 else 'findings'} added.")
    return redirect("findings:plan", plan_id=found.pk)


@requires(Permission.PLAN_MANAGE)
def take_out(request: SignedInRequest, plan_id: int) -> HttpResponse:
    """Take findings out of a plan, for a reason."""
    found = _managed(request, plan_id)
    asked = request.POST if request.method == "POST" else request.GET
    ids = [int(value) for value in asked.getlist("finding") if _is_id(value)]
    form = WhyForm(request.POST if "why" in request.POST else None)
    if request.method == "POST" and form.is_valid():
        try:
            plans.take_out(
                plan_id=found.pk,
                finding_ids=ids,
                why=form.cleaned_data["why"],
                by=request.user,
                now=timezone.now(),
            )
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            toasts.done(request, "Taken out of the plan.")
            return redirect("findings:plan", plan_id=found.pk)
    inside = choosing.inside(found, ids, user=request.user)
    back = reverse("findings:plan", args=[found.pk])
    context = {"form": form, "plan": found, "inside": inside, "back": back}
    return render(request, "findings/plans/take_out.html", context)


def _managed(request: SignedInRequest, plan_id: int) -> Plan:
    """A plan that this person may change; to others it does not exist."""
    managed = Plan.objects.managed_by(request.user).select_related("owner", "team")
    return get_object_or_404(managed, pk=plan_id)


def _initial(found: Plan) -> dict[str, Any]:
    return {
        "title": found.title,
        "goal": found.goal,
        "owner": found.owner.username if found.owner else "",
        "team": found.team_id,
        "due_on": found.due_at.date() if found.due_at else None,
        "version": found.version,
    }


def _version(said: dict[str, Any]) -> int:
    """The version that was looked at; none was looked at by whoever does not say."""
    return -1 if said["version"] is None else int(said["version"])


def _status_of(problem: NotPossible) -> int:
    return 409 if isinstance(problem, Outdated) else 400


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= LONGEST_ID


def _id(asked: Any, name: str) -> int | None:
    value = asked.get(name, "")
    if not value:
        return None
    if not _is_id(value):
        raise Http404
    return int(value)
