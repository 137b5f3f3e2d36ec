"""What the organisation lays down about findings: for everybody to read, for some to change."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import SignedInRequest, requires
from accounts.errors import NotPossible
from accounts.permissions import Permission
from findings import rules
from findings.models import Rules
from findings.triage.forms import RulesForm, shown_rules


@require_safe
@requires(Permission.FINDING_READ)
def show(request: SignedInRequest) -> HttpResponse:
    """The rules that count now."""
    context = {
        "rules": rules.current(),
        "may_change": request.user.may(Permission.RULES_CHANGE),
    }
    return render(request, "findings/rules.html", context)


@requires(Permission.RULES_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: SignedInRequest) -> HttpResponse:
    """Lay down other rules for what opens from now on."""
    version = Rules.objects.filter(pk=1).values_list("version", flat=True).first() or 0
    initial = shown_rules(rules.current(), version)
    form = RulesForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            rules.change(rules=form.meant(), version=form.cleaned_data["version"], by=request.user)
        except NotPossible as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The rules are changed for what opens from now on.")
            return HttpResponseRedirect("/settings/rules/")
    return render(request, "findings/rules_form.html", {"form": form})
