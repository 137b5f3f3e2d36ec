"""Pages about what one was told, and how one wants to be told."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from findings.announcing import notices, preferences
from findings.announcing.preferences import Kind, Mail, Wish
from findings.announcing.words import told
from findings.models import Notice
from ui import pages


@require_safe
@requires(Permission.FINDING_READ)
def notice_list(request: SignedInRequest) -> HttpResponse:
    """What one was told, newest first; unread ones, or all."""
    mine = Notice.objects.visible_to(request.user)
    unread = mine.unread().count()
    shows_all = request.GET.get("show") == "all"
    page = pages.page(
        (mine if shows_all else mine.unread()).select_related(
            "announcement__by", "waiver__requested_by"
        ),
        order=("-id",),
        query=request.GET,
        total=None if shows_all else unread,
        one="notification",
        many="notifications",
    )
    lines = told(page.rows, user=request.user)
    context = {"page": page, "lines": lines, "unread": unread, "shows_all": shows_all}
    return render(request, "findings/notices/list.html", context)


@require_POST
@requires(Permission.FINDING_READ)
def notice_open(request: SignedInRequest, notice_id: int) -> HttpResponse:
    """Mark a notice as read and go to what it is about."""
    found = Notice.objects.visible_to(request.user).filter(pk=notice_id)
    lines = told(found.select_related("announcement__by"), user=request.user)
    if not lines:
        raise Http404
    notices.read(user=request.user, notice_id=notice_id, now=timezone.now())
    return redirect(lines[0].address)


@require_POST
@requires(Permission.FINDING_READ)
def notices_read(request: SignedInRequest) -> HttpResponse:
    """Mark everything as read."""
    notices.read(user=request.user, now=timezone.now())
    return redirect("findings:notices")


@requires(Permission.FINDING_READ)
def notice_settings(request: SignedInRequest) -> HttpResponse:
    """How one wants to be told of what."""
    if request.method == "POST":
        wanted = {
            kind: Wish(f"{kind}-product" in request.POST, _mail(request.POST.get(f"{kind}-mail")))
            for kind in Kind.values
        }
        preferences.choose(user=request.user, wanted=wanted)
        messages.success(request, "You will be told as you chose.")
        return redirect("findings:notice-settings")
    wishes = preferences.wishes([request.user])
    rows = [(kind, kind.label, wishes[request.user.pk, kind.value]) for kind in Kind]
    context = {
        "rows": rows,
        "mails": Mail.choices,
        "mail_is_set_up": settings.MAIL_IS_SET_UP,
        "hour": preferences.DIGEST_HOUR,
    }
    return render(request, "findings/notices/settings.html", context)


def _mail(value: str | None) -> str:
    return value if value in Mail.values else Mail.OFF
