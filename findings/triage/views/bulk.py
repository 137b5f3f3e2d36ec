"""One act on many findings: a page that says what it will do, then the act, then its undoing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import SignedInRequest, requires
from accounts.errors import NotPossible
from accounts.permissions import Permission
from findings.models import BulkAct
from findings.triage import bulk, choices
from findings.triage.bulk import Choice, Result
from findings.triage.deeds import Actor
from findings.triage.errors import Moved
from findings.triage.forms import ACTS, ActForm, ChoiceForm
from ui import toasts

# What is asked for on pages of other rooms.
ELSEWHERE = {"except": "/exceptions/ask/", "plan": "/remediation/new/"}


@requires(Permission.FINDING_WORK)
@require_http_methods(["GET", "HEAD", "POST"])
def many(request: SignedInRequest) -> HttpResponse:
    """What an act will change, and for how many (GET); the act itself (POST)."""
    data = request.POST if request.method == "POST" else request.GET
    chosen, act = ChoiceForm(data), ActForm(data)
    choice = _choice(data, chosen)
    back = chosen.cleaned_data.get("back", "") if chosen.is_valid() else ""
    if data.get("act") in ELSEWHERE and choice is not None:
        return HttpResponseRedirect(_elsewhere(str(data["act"]), choice))
    if choice is None or not act.chosen:
        toasts.failed(request, "Select findings first, then say what to do with them.")
        return HttpResponseRedirect(_list(back))
    actor, problem = Actor(user=request.user, now=timezone.now()), ""
    if request.method == "POST" and act.is_valid():
        try:
            shown = chosen.cleaned_data["shown"]
            done = bulk.do(act=act.meant(), choice=choice, actor=actor, shown=shown)
        except NotPossible as error:
            problem, status = str(error), 409 if isinstance(error, Moved) else 422
            return _page(request, act, choice, actor, back=back, problem=problem, status=status)
        _say(request, done)
        return HttpResponseRedirect(_list(back))
    return _page(request, act, choice, actor, back=back)


def _page(
    request: SignedInRequest,
    act: ActForm,
    choice: Choice,
    actor: Actor,
    *,
    back: str,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    offered = choices.offered(request.user)
    context: dict[str, Any] = {
        "act": act,
        "title": ACTS[act.chosen],
        "choice": choice,
        "back": back,
        "list_address": _list(back),
        "problem": problem,
        "offered": offered,
        "offered_teams": offered.of("team"),
    }
    if act.is_valid():
        try:
            context["preview"] = bulk.preview(act=act.meant(), choice=choice, actor=actor)
        except NotPossible as error:
            context["problem"] = problem or str(error)
    return render(request, "findings/bulk.html", context, status=status)


def _say(request: SignedInRequest, done: Result) -> None:
    changed, skipped = done.act.changed, done.act.skipped
    text = f"{changed:,} {'finding' if changed == 1 else 'findings'}: {done.words}."
    if skipped:
        text += f" {skipped:,} left alone."
    toasts.done(request, text, undo=f"/findings/bulk/{done.act.pk}/undo/" if changed else "")


@requires(Permission.FINDING_WORK)
@require_POST
def undo(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take back what one did to many, where nobody did anything since."""
    try:
        undone = bulk.undo(bulk_id=pk, actor=Actor(user=request.user, now=timezone.now()))
    except BulkAct.DoesNotExist:
        raise Http404 from None
    except NotPossible as error:
        toasts.failed(request, str(error))
    else:
        said = (
            f"Undone for {undone.restored:,} {'finding' if undone.restored == 1 else 'findings'}."
        )
        for reason, count in undone.left.items():
            said += f" {count:,} left as they are: {reason[0].lower()}{reason[1:]}"
        toasts.done(request, said)
    return HttpResponseRedirect(_safe(request, request.POST.get("next", "")))


def _choice(data: QueryDict, chosen: ChoiceForm) -> Choice | None:
    """What was selected; None when nothing was."""
    if not chosen.is_valid():
        return None
    if "all" in data:
        return Choice(query=chosen.cleaned_data["all"])
    ids = [text for text in data.getlist("finding") if text.isascii() and text.isdigit()]
    some = tuple(int(text) for text in ids[: bulk.MOST] if len(text) < 19)
    return Choice(ids=some) if some else None


def _elsewhere(act: str, choice: Choice) -> str:
    said = [("query", choice.query)] if choice.query is not None else []
    return f"{ELSEWHERE[act]}?{urlencode([*said, *(('finding', pk) for pk in choice.ids)])}"


def _list(back: str) -> str:
    return f"/findings/?{QueryDict(back).urlencode()}" if back else "/findings/"


def _safe(request: SignedInRequest, address: str) -> str:
    fine = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()})
    return address if fine and address.startswith("/") else "/findings/"
