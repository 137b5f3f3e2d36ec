"""Runs: what a collection did, why it ended as it did, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, requires
from accounts.models import User
from accounts.permissions import Permission
from inventory import ledger
from inventory.errors import NotPossible
from inventory.models import KindChoices, Source, SyncRun
from ui.clock import span

KINDS = dict(KindChoices.choices)


@requires(Permission.SOURCE_READ)
def run(request: SignedInRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(_visible(request.user), pk=pk)
    return render(request, "inventory/run.html", _context(found, request.user))


@requires(Permission.SOURCE_READ)
def progress(request: SignedInRequest, pk: int) -> HttpResponse:
    """The part of a run's page that changes while it is under way; it asks again by itself."""
    found = get_object_or_404(_visible(request.user), pk=pk)
    return render(request, "inventory/_run.html", _context(found, request.user))


@requires(Permission.RUN_START)
@require_POST
def start(request: SignedInRequest, pk: int) -> HttpResponse:
    """Collect a source now."""
    source = get_object_or_404(Source.objects.visible_to(request.user), pk=pk)
    try:
        made = ledger.request_run(source=source, by=request.user, now=timezone.now())
    except NotPossible as problem:
        messages.error(request, str(problem))
        return redirect("inventory:source", pk=source.pk)
    if not request.user.sees_everything:
        messages.success(request, f"A collection of {source.name} has been queued.")
        return redirect("inventory:source", pk=source.pk)
    return redirect("inventory:run", pk=made.pk)


@requires(Permission.RUN_START)
@require_POST
def cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, ledger.cancel, "The run stops as soon as it can.")


@requires(Permission.RUN_RELEASE)
@require_POST
def release(request: SignedInRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, ledger.release, "The run was released and is being published.")


@requires(Permission.RUN_RELEASE)
@require_POST
def discard(request: SignedInRequest, pk: int) -> HttpResponse:
    return _decide(request, pk, ledger.discard, "The run was discarded. Nothing was changed.")


def _decide(
    request: SignedInRequest, pk: int, verb: Callable[..., SyncRun], done: str
) -> HttpResponse:
    found = get_object_or_404(_visible(request.user), pk=pk)
    try:
        verb(run_id=found.pk, by=request.user, now=timezone.now())
    except NotPossible as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, done)
    return redirect("inventory:run", pk=found.pk)


def _visible(user: User) -> QuerySet[SyncRun]:
    """Runs count and name everything in a source: they are for who sees everything."""
    runs = SyncRun.objects.select_related("source")
    return runs if user.sees_everything else runs.none()


def _context(found: SyncRun, user: User) -> dict[str, Any]:
    now = timezone.now()
    lasted = _lasted(found, now)
    return {
        "run": found,
        "source": found.source,
        "is_live": found.state in (SyncRun.State.QUEUED, SyncRun.State.RUNNING),
        "collected": sum(found.progress.values()) if found.progress else 0,
        "expected": _expected(found),
        "kinds": _kinds(found),
        "lasted": lasted,
        "lasted_words": span(lasted) if lasted is not None else "",
        "is_silent": _is_silent(found, now),
        "quarantine": list(found.quarantine.order_by("kind", "name")[:200]),
        "quarantined": found.quarantine.count(),
        "spots": list(found.blind_spots.all()),
        "outcomes": _outcomes(found),
        "may_cancel": user.may(Permission.RUN_START)
        and not found.is_over
        and found.published_at is None,
        "may_release": user.may(Permission.RUN_RELEASE) and found.state == SyncRun.State.HELD,
        "may_start": user.may(Permission.RUN_START),
        "max_attempts": SyncRun.MAX_ATTEMPTS,
    }


def _kinds(found: SyncRun) -> list[dict[str, Any]]:
    """One line a kind: what was expected, what arrived, what became of it."""
    keys = [key for key in KINDS if key in found.completeness or key in found.counts]
    keys = keys or [key for key in KINDS if key in found.progress]
    return [
        {
            "label": KINDS[key],
            "progress": found.progress.get(key),
            "completeness": found.completeness.get(key),
            "counts": found.counts.get(key),
        }
        for key in keys
    ]


def _expected(found: SyncRun) -> int:
    """How many objects the last run of the source saw: what progress is measured against."""
    before = (
        SyncRun.objects.collections()
        .filter(source_id=found.source_id, published_at__isnull=False)
        .exclude(pk=found.pk)
        .order_by("-published_at")
        .first()
    )
    if before is None:
        return 0
    return sum(int(each.get("collected") or 0) for each in before.completeness.values())


def _lasted(found: SyncRun, now: datetime) -> timedelta | None:
    if found.started_at is None:
        return None
    return (found.finished_at or now) - found.started_at


def _is_silent(found: SyncRun, now: datetime) -> bool:
    """Whether the worker has stopped saying that it is alive."""
    expired = found.lease_expires_at
    return found.state == SyncRun.State.RUNNING and expired is not None and expired < now


_OUTCOME_WORDS = ("opened", "reopened", "resolved", "refreshed", "stale")


def _outcomes(found: SyncRun) -> list[tuple[str, int]]:
    return [(word, found.outcomes[word]) for word in _OUTCOME_WORDS if word in found.outcomes]
