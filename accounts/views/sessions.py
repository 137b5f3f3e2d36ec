"""Pages about where one is signed in."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts import open_sessions
from accounts.access import SignedInRequest, signed_in
from accounts.devices import described
from accounts.models import Session
from accounts.session_store import handle_of


@signed_in
def session_list(request: SignedInRequest) -> HttpResponse:
    """The browsers in which one is signed in, this one first."""
    here = handle_of(str(request.session.session_key))
    if request.session.modified:  # just signed in: this session is to be in the list as well
        request.session.save()
    sessions = list(open_sessions.of(request.user, now=datetime.now(UTC)))
    sessions.sort(key=lambda session: session.handle != here)
    context = {
        "rows": [(s, described(s.user_agent), s.handle == here) for s in sessions],
        "others": sum(session.handle != here for session in sessions),
    }
    return render(request, "settings/session_list.html", context)


@signed_in
@require_POST
def session_end(request: SignedInRequest, handle: str) -> HttpResponse:
    """End one of one's own sessions; ending this one is signing out."""
    if handle == handle_of(str(request.session.session_key)):
        logout(request)
        return redirect("account_login")
    try:
        open_sessions.end(handle=handle, user=request.user)
    except Session.DoesNotExist:
        raise Http404 from None
    messages.success(request, "That session is over.")
    return redirect("accounts:session-list")


@signed_in
@require_POST
def session_end_others(request: SignedInRequest) -> HttpResponse:
    """End every session but this one."""
    here = handle_of(str(request.session.session_key))
    ended = open_sessions.end_others(handle=here, user=request.user)
    messages.success(
        request,
        "You are signed in here only." if ended else "You were signed in nowhere else.",
    )
    return redirect("accounts:session-list")
