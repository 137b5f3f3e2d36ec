"""Pages of exceptions: the list, one of them, asking, deciding, ending."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts import second_factor
from accounts.access import SignedInRequest, recently_authenticated, requires
from accounts.errors import NotPossible
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings.models import Waiver
from findings.waivers import asking, deciding, listing, requesting, states
from findings.waivers.errors import Overtaken
from findings.waivers.forms import ActForm, ApproveForm, AskForm, ExtendForm, moment_of
from findings.waivers.listing import Listing
from findings.waivers.requesting import PENDING
from ui import exports, fragments, toasts

HEADER = (
    "Number",
    "State",
    "Scope",
    "About",
    "Covers now",
    "Approved for",
    "At most",
    "Gravest severity",
    "Ground",
    "Reason",
    "Compensating controls",
    "Control check",
    "Evidence",
    "Asked for by",
    "Asked for at",
    "Decided by",
    "Decided at",
    "Decision",
    "Begins at",
    "Ends at",
    "Ended by",
    "Ended early at",
    "Why it ended",
    "Extends",
    "Address",
)


@require_safe
@requires(Permission.WAIVER_READ)
@vary_on_headers("HX-Request")
def waivers(request: SignedInRequest) -> HttpResponse:
    """Exceptions as filtered; under htmx only the part that changes."""
    shown = Listing(request.GET, user=request.user, now=timezone.now())
    counts, page = shown.counts(), shown.page()
    context = {
        "listing": shown,
        "counts": counts,
        "page": page,
        "rows": shown.rows(page.rows),
        "tabs": shown.tabs(counts),
        "chips": shown.chips(),
        "chosen_states": request.GET.getlist("state"),
        "form_fields": [shown.filters.form[name] for name in ("check", "scope", "ends_within")],
        "ending": shown.ending_soon(),
        "to_decide": _to_decide(request.user),
        "may_ask": request.user.may(Permission.WAIVER_REQUEST),
        "may_export": request.user.may(Permission.FINDING_EXPORT),
    }
    is_part = fragments.is_wanted(request)
    part = "findings/waivers/_waivers.html" if is_part else "findings/waivers/waiver_list.html"
    return render(request, part, context)


def _to_decide(user: User) -> int:
    """How many requests this person may decide about."""
    if not user.may(Permission.WAIVER_APPROVE):
        return 0
    pending = Waiver.objects.visible_to(user).filter(status__in=PENDING)
    return pending.exclude(requested_by=user).count()


@require_safe
@requires(Permission.FINDING_EXPORT)
def export(request: SignedInRequest) -> HttpResponseBase:
    """What the list shows, all of it, as CSV. That it was taken is in the audit log."""
    now = timezone.now()
    shown = Listing(request.GET, user=request.user, now=now)
    with transaction.atomic():
        trail.record(
            request.user, "findings:waiver:export", after={"filters": shown.address}, at=now
        )
    rows = list(listing.with_subjects(shown.waivers).order_by(*listing.ORDER))
    origin = request.build_absolute_uri("/exceptions/")
    return exports.as_csv("vmgov-exceptions", HEADER, _lines(shown, rows, origin), now=now)


def _lines(shown: Listing, rows: list[Waiver], origin: str) -> Iterator[tuple[object, ...]]:
    for row in shown.rows(rows):
        waiver, is_whole = row.waiver, shown.user.sees_everything
        yield (
            waiver.pk,
            states.LABELS[row.state],
            waiver.scope_label,
            row.subject,
            row.covers,
            waiver.approved_count if is_whole else "",
            waiver.at_most if is_whole else "",
            row.severity,
            waiver.get_ground_display(),
            waiver.reason,
            waiver.controls,
            waiver.control_check_id,
            waiver.evidence,
            str(waiver.requested_by),
            waiver.requested_at,
            str(waiver.decided_by or ""),
            waiver.decided_at,
            waiver.decision,
            waiver.starts_at,
            waiver.expires_at,
            str(waiver.ended_by or ""),
            waiver.ended_at,
            waiver.end_reason,
            waiver.extends_id,
            f"{origin}{waiver.pk}/",
        )


@require_safe
@requires(Permission.WAIVER_READ)
def waiver(request: SignedInRequest, pk: int) -> HttpResponse:
    """One exception: what it covers now, on which grounds, and what can be done about it."""
    return _page(request, _of(request, pk))


def _of(request: SignedInRequest, pk: int) -> Waiver:
    return get_object_or_404(
        listing.with_subjects(Waiver.objects.visible_to(request.user)).select_related("extends"),
        pk=pk,
    )


def _page(request: SignedInRequest, shown: Waiver, *, problem: str = "") -> HttpResponse:
    """The page of an exception; with a problem, what was not done and why (409)."""
    context = _context(request, shown) | {"problem": problem}
    status = 409 if problem else 200
    return render(request, "findings/waivers/waiver.html", context, status=status)


def _context(request: SignedInRequest, shown: Waiver) -> dict[str, Any]:
    now, user = timezone.now(), request.user
    told = listing.detail(shown, user=user, now=now)
    is_pending = shown.status in PENDING
    is_alive = shown.status == Waiver.Status.APPROVED and shown.expires_at > now
    decides = user.may(Permission.WAIVER_APPROVE) and is_pending
    not_theirs = deciding.not_theirs(shown, user) if decides else ""
    extensions = Waiver.objects.visible_to(user).filter(extends=shown).order_by("-id")
    goes_on = any(e.status in (*PENDING, Waiver.Status.APPROVED) for e in extensions)
    return {
        "waiver": shown,
        "told": told,
        "subject": listing.subject_of(shown, user=user),
        "events": shown.events.select_related("by"),
        "extensions": extensions,
        "is_pending": is_pending,
        "is_alive": is_alive,
        "may_decide": decides and not not_theirs,
        "not_theirs": not_theirs,
        "is_fresh": second_factor.is_fresh(request),
        "may_review": decides and not not_theirs and shown.status == Waiver.Status.REQUESTED,
        "may_withdraw": is_pending and shown.requested_by_id == user.pk,
        "may_revoke": is_alive and user.may(Permission.WAIVER_APPROVE),
        "may_extend": is_alive and not goes_on and user.may(Permission.WAIVER_REQUEST),
        "act": ActForm(initial={"version": shown.version}, auto_id="act_%s"),
        "approve": _approve_form(shown, told),
        "now": now,
    }


def _approve_form(shown: Waiver, told: listing.Detail) -> ApproveForm:
    """What is shown is what is approved: the version and the count go with it."""
    form = ApproveForm(
        initial={
            "version": shown.version,
            "count": told.matches,
            "ends_on": shown.expires_at.date(),
        }
    )
    form.fields["ends_on"].widget.attrs["max"] = shown.expires_at.date().isoformat()
    form.fields["reason"].required = True
    return form


# --- asking ------------------------------------------------------------------------------------


@requires(Permission.WAIVER_REQUEST)
def ask(request: SignedInRequest) -> HttpResponse:
    """What it would cover now, and the form that asks for it."""
    now = timezone.now()
    said = request.POST if request.method == "POST" else request.GET
    try:
        asked = asking.named_in(said)
        preview = asking.preview(asked, user=request.user, now=now)
    except NotPossible as problem:
        told = {"problem": str(problem) if set(asking.NAMES) & set(said) else ""}
        return render(request, "findings/waivers/nothing_to_ask.html", told)
    form = AskForm(
        request.POST or None,
        checks=preview.checks,
        latest=preview.latest_end.date(),
        initial={"ends_on": _usual_end(preview.latest_end, now=now)},
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = asking.ask(preview.scope, form.cleaned_data, by=request.user, now=now)
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            toasts.done(request, "Your request waits for somebody else's decision.")
            return redirect("findings:waiver", pk=made.pk)
    context: dict[str, Any] = {
        "form": form,
        "preview": preview,
        "address": listing.matching_address(preview.scope),
        "asked": asked.items(),
    }
    return render(request, "findings/waivers/ask.html", context)


def _usual_end(latest: datetime, *, now: datetime) -> Any:
    return min(now + timedelta(days=30), latest).date()


@requires(Permission.WAIVER_REQUEST)
def extend(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask for an exception that follows on this one."""
    now, old = timezone.now(), _of(request, pk)
    preview = asking.preview_of_extension(old, user=request.user, now=now)
    form = ExtendForm(
        request.POST or None,
        checks=preview.checks,
        latest=preview.latest_end.date(),
        initial={
            "version": old.version,
            "ground": old.ground,
            "controls_said": old.controls,
            "control_check_id": old.control_check_id,
            "evidence": old.evidence,
            "ends_on": _usual_end(preview.latest_end, now=old.expires_at),
        },
    )
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        ends_on = said.pop("ends_on")
        try:
            made = requesting.extend(
                waiver_id=old.pk, by=request.user, now=now, expires_at=moment_of(ends_on), **said
            )
        except Overtaken as problem:
            return _overtaken(request, problem)
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            toasts.done(request, "Your request for more time waits for somebody else's decision.")
            return redirect("findings:waiver", pk=made.pk)
    address = listing.matching_address(old)
    context: dict[str, Any] = {"form": form, "preview": preview, "waiver": old, "address": address}
    return render(request, "findings/waivers/extend.html", context)


# --- acts --------------------------------------------------------------------------------------


@require_POST
@requires(Permission.WAIVER_APPROVE)
def review(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say that one is looking at it."""
    return _act(request, pk, deciding.review, "You are looking at this request.")


@requires(Permission.WAIVER_APPROVE)
@recently_authenticated
def approve(request: SignedInRequest, pk: int) -> HttpResponse:
    """Accept the risk. Shows the form to who was asked for their password first."""
    if request.method != "POST":
        return _page(request, _of(request, pk))
    form = ApproveForm(request.POST)
    if not form.is_valid():
        return _page(request, _of(request, pk), problem=_errors(form))
    said = form.cleaned_data
    ends_on = said["ends_on"]
    is_shortened = ends_on and ends_on != _of(request, pk).expires_at.date()
    return _act(
        request,
        pk,
        deciding.approve,
        "The exception is approved.",
        reason=said["reason"],
        count=said["count"],
        expires_at=moment_of(ends_on) if is_shortened else None,
    )


@require_POST
@requires(Permission.WAIVER_APPROVE)
def reject(request: SignedInRequest, pk: int) -> HttpResponse:
    """Refuse a request."""
    return _act(request, pk, deciding.reject, "The request is rejected.", **_reason(request))


@requires(Permission.WAIVER_APPROVE)
@recently_authenticated
def revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    """End an exception before its time. Shows the form to who was asked for their password."""
    if request.method != "POST":
        return _page(request, _of(request, pk))
    said = "The exception is revoked; its findings are back."
    return _act(request, pk, deciding.revoke, said, **_reason(request))


@require_POST
@requires(Permission.WAIVER_REQUEST)
def withdraw(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take one's own request back."""
    return _act(request, pk, requesting.withdraw, "Your request is taken back.", **_reason(request))


def _reason(request: SignedInRequest) -> dict[str, str]:
    return {"reason": request.POST.get("reason", "").replace("\x00", "")[:4_000]}


def _act(
    request: SignedInRequest, pk: int, verb: Callable[..., Waiver], done: str, **said: Any
) -> HttpResponse:
    """Do it to the version that the person saw; or say who did what meanwhile, or why not."""
    shown = _of(request, pk)
    form = ActForm(request.POST)
    if not form.is_valid():
        return _page(request, shown, problem=_errors(form))
    version = form.cleaned_data["version"]
    try:
        verb(waiver_id=pk, version=version, by=request.user, now=timezone.now(), **said)
    except Overtaken as problem:
        return _overtaken(request, problem)
    except NotPossible as problem:
        return _page(request, _of(request, pk), problem=str(problem))
    toasts.done(request, done)
    return redirect("findings:waiver", pk=pk)


def _overtaken(request: SignedInRequest, problem: Overtaken) -> HttpResponse:
    """Who did what meanwhile, and the exception as it is now (409)."""
    events = problem.waiver.events.select_related("by")
    since = [event for event in events if event.detail.get("version", 0) > problem.seen]
    context = {"waiver": problem.waiver, "since": since}
    return render(request, "findings/waivers/overtaken.html", context, status=409)


def _errors(form: ActForm) -> str:
    if "version" in form.errors:
        return "Nothing was done: the form did not say which version of the exception it is about."
    return " ".join(str(error) for errors in form.errors.values() for error in errors)
