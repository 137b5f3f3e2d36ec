"""`{% finding_plans finding %}`: the plans that a finding is in, and the way into one."""

from __future__ import annotations

from typing import Any

from django import template

from accounts.permissions import Permission
from findings.models import Finding
from findings.remediation.querysets import around

register = template.Library()


@register.inclusion_tag("findings/_finding_plans.html", takes_context=True)
def finding_plans(context: template.Context, finding: Finding) -> dict[str, Any]:
    """The plans of one finding, as the person who looks may know of them."""
    user = context["request"].user
    may_plan = finding.state == Finding.State.OPEN and user.may(Permission.PLAN_MANAGE)
    found = list(around(finding, user, may_plan=may_plan)) if user.may(Permission.PLAN_READ) else []
    return {
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "finding": finding,
        "plans": [plan for plan in found if plan.holds],  # type: ignore[attr-defined]
        "others": [plan for plan in found if not plan.holds],  # type: ignore[attr-defined]
        "may_plan": may_plan,
    }
