"""The policy as a document, its statements, and the checks that cover them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import SignedInRequest, requires
from accounts.permissions import Permission
from inventory import facts
from inventory.models import KindChoices
from policies import coverage, registry
from policies.configuration import BadSetting, configure, departures, setting_of
from policies.forms import SettingForm, default_words
from policies.models import Area, PolicyDocument, Statement
from policies.remedies import templates
from policies.spec import Check, Outcome
from ui import fragments
from ui.exports import as_csv

RESULTS = {
    "fail": "Not met",
    "unknown": "Cannot be told",
    "pass": "Met",
    "uncovered": "Uncovered",
}


@requires(Permission.POLICY_READ)
def document(request: SignedInRequest) -> HttpResponse:
    """Every statement, by area, with what is known about it."""
    statements = list(Statement.objects.select_related("document").order_by("position"))
    every = coverage.statement_lines(request.user, statements)
    area, result = request.GET.get("area", ""), request.GET.get("result", "")
    lines = [line for line in every if _fits(line, area, result)]
    groups = [
        (label, [line for line in lines if line.statement.area == value])
        for value, label in Area.choices
    ]
    context = {
        "document": PolicyDocument.objects.order_by("pk").first(),
        "groups": [(label, members) for label, members in groups if members],
        "shown": len(lines),
        "total": len(every),
        "results": [(key, label, _count(every, key)) for key, label in RESULTS.items()],
        "areas": Area.choices,
        "area": area,
        "result": result,
        "uncovered": _count(every, "uncovered"),
        "met": _count(every, "pass"),
        "unmet": _count(every, "fail"),
        "untold": _count(every, "unknown"),
        "freshness": coverage.freshness(request.user, now=timezone.now()),
        "clear_address": request.path,
    }
    page = "policies/_statements.html" if fragments.is_wanted(request) else "policies/document.html"
    return render(request, page, context)


def _fits(line: coverage.StatementLine, area: str, result: str) -> bool:
    return (not area or line.statement.area == area) and (not result or result in _results_of(line))


def _results_of(line: coverage.StatementLine) -> set[str]:
    """An error is a way of not knowing; a statement nothing applies to is met by nobody."""
    return {{"error": "unknown", "not_applicable": "unknown"}.get(line.result, line.result)}


def _count(lines: list[coverage.StatementLine], result: str) -> int:
    return sum(result in _results_of(line) for line in lines)


@requires(Permission.POLICY_READ)
def export(request: SignedInRequest) -> HttpResponseBase:
    """The statements with what is known about them, as CSV."""
    statements = list(Statement.objects.order_by("position"))
    area, result = request.GET.get("area", ""), request.GET.get("result", "")
    lines = [
        line
        for line in coverage.statement_lines(request.user, statements)
        if _fits(line, area, result)
    ]
    return as_csv("statements", EXPORTED, map(_exported, lines), now=timezone.now())


EXPORTED = (
    "Code",
    "Area",
    "Title",
    "Severity",
    "Known by",
    "Result",
    "Checks",
    "Pass",
    "Fail",
    "Unknown",
    "Error",
    "Not applicable",
    "Open findings",
)


def _exported(line: coverage.StatementLine) -> list[object]:
    row, tally = line.statement, line.tally
    return [
        row.code,
        row.get_area_display(),
        row.title,
        row.severity,
        ", ".join(line.bases),
        line.result,
        ", ".join(each.check.id for each in line.live),
        tally.passed,
        tally.failed,
        tally.unknown,
        tally.error,
        tally.not_applicable,
        line.open_findings,
    ]


@requires(Permission.POLICY_READ)
def statement(request: SignedInRequest, code: str) -> HttpResponse:
    """One statement: its text, why it is asked for, what covers it and which assets fail."""
    row = get_object_or_404(Statement.objects.select_related("document"), code=code)
    [line] = coverage.statement_lines(request.user, [row])
    checks = [each.check.id for each in line.live]
    affected = coverage.assets_answered(request.user, checks, Outcome.FAIL)
    around = list(Statement.objects.order_by("position").values_list("code", flat=True))
    here = around.index(row.code)
    context = {
        "line": line,
        "statement": row,
        "affected": affected.select_related("source").order_by("sort_name", "pk")[:25],
        "affected_count": affected.count(),
        "previous": around[here - 1] if here else None,
        "next": around[here + 1] if here + 1 < len(around) else None,
        "freshness": coverage.freshness(request.user, now=timezone.now()),
    }
    return render(request, "policies/statement.html", context)


@requires(Permission.POLICY_READ)
def checks(request: SignedInRequest) -> HttpResponse:
    """Every check there is, failing ones first."""
    lines = sorted(
        coverage.check_lines(request.user).values(),
        key=lambda line: (not line.configured.enabled, -line.tally.failed, line.check.id),
    )
    context = {
        "lines": lines,
        "failing": sum(1 for line in lines if line.tally.failed),
        "disabled": sum(1 for line in lines if not line.configured.enabled),
        "freshness": coverage.freshness(request.user, now=timezone.now()),
    }
    return render(request, "policies/checks.html", context)


@requires(Permission.POLICY_READ)
def check(request: SignedInRequest, check_id: str) -> HttpResponse:
    """One check: what it asks and why, how a deviation is mended, and what it says now."""
    found = _registered(check_id)
    if found.id != check_id:
        return redirect("policies:check", check_id=found.id, permanent=True)
    return render(request, "policies/check.html", _check_context(request, found))


@requires(Permission.CHECK_CONFIGURE)
def configure_check(request: SignedInRequest, check_id: str) -> HttpResponse:
    """Set a check's parameters, severity and use."""
    found = _registered(check_id)
    form = SettingForm(found, setting_of(found), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            configure(
                check_id=found.id,
                by=request.user,
                now=timezone.now(),
                is_enabled=form.cleaned_data["is_enabled"],
                severity=form.cleaned_data["severity"],
                params=form.params,
            )
        except BadSetting as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved. The next evaluation asks the check this way.")
            return redirect("policies:check", check_id=found.id)
    context = {"check": found, "form": form}
    return render(request, "policies/check_form.html", context)


def _registered(check_id: str) -> Check:
    try:
        return registry.get(check_id)
    except KeyError:
        raise Http404 from None


def _check_context(request: SignedInRequest, found: Check) -> dict[str, Any]:
    user = request.user
    line = coverage.check_lines(user)[found.id]
    statements = Statement.objects.filter(code__in=found.statements)
    texts = {each.code: each for each in statements}
    affected = coverage.assets_answered(user, [found.id], Outcome.FAIL)
    reasons = coverage.reasons(user, found.id)
    return {
        "line": line,
        "check": found,
        "statements": [(code, texts.get(code)) for code in found.statements],
        "fixes": [
            (platform.value, text, templates(found, platform))
            for platform, text in found.fix.items()
        ],
        "parameters": _parameter_rows(line),
        "affected": affected.select_related("source").order_by("sort_name", "pk")[:25],
        "unknown_reasons": reasons[Outcome.UNKNOWN],
        "error_reasons": reasons[Outcome.ERROR],
        "waiting": coverage.waiting(user, found.kind),
        "answers": _answers(line.tally),
        "facts": _facts_read(found),
        "kind_label": KindChoices(found.kind.value).label,
        "may_configure": user.may(Permission.CHECK_CONFIGURE),
        "freshness": coverage.freshness(user, now=timezone.now()),
    }


def _answers(tally: coverage.Tally) -> list[tuple[str, int]]:
    return [
        ("fail", tally.failed),
        ("error", tally.error),
        ("unknown", tally.unknown),
        ("pass", tally.passed),
        ("not_applicable", tally.not_applicable),
    ]


def _facts_read(found: Check) -> list[str]:
    """The facts that decide it, its own and those of other kinds, as they are called on pages."""
    own = [facts.label_of_all(field) for field in found.facts]
    other = [
        f"{facts.label_of_all(field)} of each {KindChoices(kind).label.lower()}"
        for kind, _, field in (read.partition(".") for read in found.reads)
    ]
    return own + other


def _parameter_rows(line: coverage.CheckLine) -> list[dict[str, Any]]:
    """Each parameter with what it is now, what it is by default, and what it is for."""
    found = line.check
    form = SettingForm(found, None)  # for its words alone
    changed = departures(found, line.configured.params)
    defaults, current = found.params(), line.configured.params
    return [
        {
            "name": name,
            "label": name.replace("_", " ").capitalize(),
            "help": str(form.fields[f"param_{name}"].help_text).partition(" Default: ")[0],
            "current": default_words(getattr(current, name)),
            "default": default_words(getattr(defaults, name)),
            "is_changed": name in changed,
        }
        for name in found.params.__struct_fields__
    ]


__all__ = ["check", "checks", "configure_check", "document", "export", "statement"]
