"""Pages of tasks: hand one over, say that it is done, take that back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, requires
from accounts.errors import NotPossible
from accounts.permissions import Permission
from findings.models import Task
from findings.remediation import plans, tasks
from findings.remediation.errors import Outdated
from findings.remediation.forms import TaskForm
from findings.remediation.narrowing import title_of
from ui import toasts


@requires(Permission.PLAN_MANAGE)
def edit_task(request: SignedInRequest, task_id: int) -> HttpResponse:
    """Say whose a task is, by when, and what is worth knowing."""
    managed = Task.objects.visible_to(request.user).managed_by(request.user)
    task = get_object_or_404(managed.select_related("plan", "owner", "team", "asset"), pk=task_id)
    form = TaskForm(
        request.POST or None, user=request.user, keeps=task.owner, initial=_initial(task)
    )
    status = 200
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        wish = tasks.Wish(
            title=said["title"],
            owner=said["owner"],
            team=said["team"],
            due_at=said["due_on"],
            note=said["note"],
        )
        version = -1 if said["version"] is None else said["version"]
        try:
            tasks.change(
                task_id=task.pk, version=version, wish=wish, by=request.user, now=timezone.now()
            )
        except NotPossible as problem:
            form.add_error(None, str(problem))
            status = 409 if isinstance(problem, Outdated) else 400
        else:
            toasts.done(request, "The task is changed.")
            return redirect(_address(task))
    context = {
        "form": form,
        "task": task,
        "plan": task.plan,
        "title": title_of(task, request.user),
        "people": plans.people_for(request.user),
        "back": _address(task),
    }
    return render(request, "findings/plans/task_edit.html", context, status=status)


@requires(Permission.FINDING_WORK)
@require_POST
def claim_task(request: SignedInRequest, task_id: int) -> HttpResponse:
    """Say that a task is done: its findings wait for the next collection to prove it."""
    task = get_object_or_404(Task.objects.visible_to(request.user), pk=task_id)
    now = timezone.now()
    try:
        count = tasks.claim(task_id=task.pk, by=request.user, now=now, why=_why(request))
    except NotPossible as problem:
        toasts.failed(request, str(problem))
    else:
        query = urlencode({"at": now.isoformat()})
        undo = f"{reverse('findings:take-back-task', args=[task.pk])}?{query}"
        words = "1 finding waits" if count == 1 else f"{count:,} findings wait"
        toasts.done(request, f"{words} for the next collection to prove it.", undo=undo)
    return redirect(_address(task))


@requires(Permission.FINDING_WORK)
@require_POST
def take_back_task(request: SignedInRequest, task_id: int) -> HttpResponse:
    """Take back that a task is done: all of it, or what was said `at` a moment."""
    task = get_object_or_404(Task.objects.visible_to(request.user), pk=task_id)
    try:
        count = tasks.take_back(
            task_id=task.pk,
            by=request.user,
            now=timezone.now(),
            claimed_at=_moment(request.GET.get("at", "")),
            why=_why(request),
        )
    except NotPossible as problem:
        toasts.failed(request, str(problem))
    else:
        words = "1 finding is" if count == 1 else f"{count:,} findings are"
        toasts.done(request, f"{words} in progress again.")
    return redirect(_address(task))


def _initial(task: Task) -> dict[str, Any]:
    return {
        "title": task.title,
        "owner": task.owner.username if task.owner else "",
        "team": task.team_id,
        "due_on": task.due_at.date() if task.due_at else None,
        "note": task.note,
        "version": task.version,
    }


def _address(task: Task) -> str:
    return f"{reverse('findings:plan', args=[task.plan_id])}?task={task.pk}"


def _why(request: SignedInRequest) -> str:
    return request.POST.get("why", "").replace("\x00", "")[:2_000]


def _moment(text: str) -> datetime | None:
    """The moment; none when there is none or it is not one of ours."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
