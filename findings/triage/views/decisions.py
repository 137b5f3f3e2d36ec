"""What is done about one finding from its page, as plain forms and under htmx."""

from __future__ import annotations

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, requires
from accounts.errors import NotPossible
from accounts.permissions import Permission
from findings.models import Comment, Finding
from findings.triage import comments, showing
from findings.triage.decisions import decide
from findings.triage.errors import Outdated
from findings.triage.forms import ActForm, CommentForm, DecisionForm
from ui import fragments, toasts

NOTHING_SAID = "Say what to do about it."


@requires(Permission.FINDING_WORK)
@require_POST
def decision(request: SignedInRequest, finding_id: int) -> HttpResponse:
    """Do one act; when somebody was quicker, show what they did and change nothing."""
    act, looked = ActForm(request.POST), DecisionForm(request.POST)
    if not Finding.objects.visible_to(request.user).filter(pk=finding_id).exists():
        raise Http404
    if not act.is_valid() or not looked.is_valid():
        errors = [str(each) for form in (act, looked) for e in form.errors.values() for each in e]
        return _answer(request, finding_id, problem=" ".join(errors) or NOTHING_SAID, status=422)
    # A comment contradicts nobody: it is kept whatever happened meanwhile.
    version = None if act.chosen == "comment" else looked.cleaned_data["version"]
    try:
        decide(
            finding_id=finding_id,
            acts=[act.meant()],
            version=version,
            by=request.user,
            now=timezone.now(),
        )
    except Outdated as error:
        since = looked.cleaned_data["seen"] or 0
        return _answer(request, finding_id, problem=str(error), status=409, since=since)
    except NotPossible as error:
        return _answer(request, finding_id, problem=str(error), status=422)
    return _answer(request, finding_id)


@requires(Permission.FINDING_WORK)
@require_POST
def comment_change(request: SignedInRequest, finding_id: int) -> HttpResponse:
    """Mend or take back a comment of one's own."""
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _answer(request, finding_id, problem=NOTHING_SAID, status=422)
    data, now = form.cleaned_data, timezone.now()
    try:
        if data["delete"]:
            comments.delete(
                finding_id=finding_id, comment_id=data["comment"], by=request.user, now=now
            )
        else:
            comments.mend(
                finding_id=finding_id,
                comment_id=data["comment"],
                text=data["text"],
                by=request.user,
                now=now,
            )
    except (Finding.DoesNotExist, Comment.DoesNotExist):
        raise Http404 from None
    except NotPossible as error:
        return _answer(request, finding_id, problem=str(error), status=422)
    return _answer(request, finding_id)


def _answer(
    request: SignedInRequest,
    finding_id: int,
    *,
    problem: str = "",
    status: int = 200,
    since: int | None = None,
) -> HttpResponse:
    """The finding as it stands now: under htmx its part and its row in the list behind the
    drawer, else its page or the way back to it.
    """
    origin = request.POST.get("in", "")
    if not fragments.is_wanted(request) and not problem:
        return HttpResponseRedirect(showing.address(finding_id, origin))
    now = timezone.now()
    found = showing.finding_for(request.user, finding_id, now=now)
    if found is None:
        raise Http404
    context = showing.context(found, request.user, origin=origin, now=now)
    context |= {"problem": problem, "typed": request.POST if problem else {}}
    if since is not None:
        context["meanwhile"] = [event for event in context["events"] if event.pk > since]
    if not fragments.is_wanted(request):
        if since is None:
            toasts.failed(request, problem)
        return render(request, "findings/finding.html", context, status=status)
    context["in_drawer"] = request.POST.get("in_drawer") == "1"
    return render(request, "findings/_decided.html", context, status=status)
