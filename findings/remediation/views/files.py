"""Plans as files: scripts to read and run elsewhere, and the plan of action as a table."""

from __future__ import annotations

from datetime import UTC

from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from audit import trail
from findings.models import Plan, Task
from findings.remediation import poam, steps
from findings.remediation.listing import PlanListing
from ui import exports

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ENDINGS = ("ps1", "txt")


@require_safe
@requires(Permission.PLAN_READ)
def script(request: SignedInRequest, plan_id: int, ending: str) -> HttpResponse:
    """The script of a plan, or of one `task` of it. We never run it."""
    plan = _plan(request, plan_id)
    if ending not in ENDINGS:
        raise Http404
    tasks = Task.objects.visible_to(request.user).filter(plan=plan)
    task_id = request.GET.get("task", "")
    if task_id:
        if not (task_id.isascii() and task_id.isdigit() and len(task_id) < 19):
            raise Http404
        tasks = tasks.filter(pk=int(task_id))
    text = steps.script_of(plan, tasks, request.user, now=timezone.now())
    if not text:
        raise Http404
    with transaction.atomic():
        trail.record(request.user, Permission.PLAN_READ, plan, after={"script": task_id or "all"})
    # With the mark, the older PowerShell reads it as what it is.
    response = HttpResponse("\ufeff" + text, content_type="text/plain; charset=utf-8")
    part = f"-task-{int(task_id)}" if task_id else ""
    response["Content-Disposition"] = f'attachment; filename="vmgov-plan-{plan.pk}{part}.{ending}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
@requires(Permission.FINDING_EXPORT)
def plan_poam(request: SignedInRequest, plan_id: int, ending: str) -> HttpResponseBase:
    """One plan of action with its milestones, as CSV or XLSX."""
    plan = _plan(request, plan_id)
    return _table(request, [plan.pk], ending, name=f"vmgov-poam-plan-{plan.pk}", target=plan)


@require_safe
@requires(Permission.FINDING_EXPORT)
def poam_of_all(request: SignedInRequest, ending: str) -> HttpResponseBase:
    """Every plan of the list as it is narrowed, as CSV or XLSX."""
    listing = PlanListing(request.GET, user=request.user, now=timezone.now())
    ids = list(listing.plans.values_list("pk", flat=True))
    return _table(request, ids, ending, name="vmgov-poam", target=None)


def _table(
    request: SignedInRequest, plan_ids: list[int], ending: str, *, name: str, target: Plan | None
) -> HttpResponseBase:
    now = timezone.now()
    if ending not in ("csv", "xlsx"):
        raise Http404
    with transaction.atomic():
        trail.record(
            request.user, Permission.FINDING_EXPORT, target, after={"poam": plan_ids}, at=now
        )
    origin = request.build_absolute_uri("/findings/")
    rows = poam.rows(plan_ids, request.user, now=now, origin=origin)
    if ending == "csv":
        return exports.as_csv(name, poam.HEADER, rows, now=now)
    response = HttpResponse(poam.as_xlsx(rows), content_type=XLSX)
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%MZ")
    response["Content-Disposition"] = f'attachment; filename="{name}-{stamp}.xlsx"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _plan(request: SignedInRequest, plan_id: int) -> Plan:
    return get_object_or_404(Plan.objects.visible_to(request.user), pk=plan_id)
