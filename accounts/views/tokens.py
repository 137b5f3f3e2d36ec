"""Pages about one's own API tokens."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import tokens
from accounts.access import SignedInRequest, recently_authenticated, requires
from accounts.errors import NotPossible
from accounts.forms import TokenForm
from accounts.models import ApiToken
from accounts.permissions import Permission


@requires(Permission.TOKEN_MANAGE)
def token_list(request: SignedInRequest) -> HttpResponse:
    """One's own tokens, those that work first."""
    now = datetime.now(UTC)
    rows = [(token, token.is_valid_at(now)) for token in request.user.api_tokens.all()]
    rows.sort(key=lambda row: not row[1])
    working = sum(1 for _, is_valid in rows if is_valid)
    context = {"rows": rows, "working": working, "add_address": reverse("accounts:token-add")}
    return render(request, "settings/token_list.html", context)


@requires(Permission.TOKEN_MANAGE)
@recently_authenticated
def token_add(request: SignedInRequest) -> HttpResponse:
    """Make a token and show it, this once."""
    form = TokenForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            token, text = tokens.create(
                user=request.user,
                **form.cleaned_data,
                by=request.user,
                now=datetime.now(UTC),
            )
        except NotPossible as error:
            form.add_error(None, str(error))
        else:
            return render(request, "settings/token_made.html", {"token": token, "text": text})
    return render(request, "settings/token_form.html", {"form": form})


@requires(Permission.TOKEN_MANAGE)
@require_POST
def token_revoke(request: SignedInRequest, token_id: int) -> HttpResponse:
    """End one of one's own tokens at once."""
    token = get_object_or_404(ApiToken, pk=token_id, user=request.user)
    tokens.revoke(token_id=token.pk, user=request.user, by=request.user, now=datetime.now(UTC))
    messages.success(request, f"{token} is revoked and works no more.")
    return redirect("accounts:token-list")
