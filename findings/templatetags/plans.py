"""`{% finding_plans finding %}`: the plans that a finding is in, and the way into one."""

from __future__ import annotations

from typing import Any

from django import template

from accounts.permissions import Permission
from findings.models import Finding
from findings.remediation.plans import of_finding
from findings.remediation.querysets import holding

register = template.Library()
OFFERED = 50


@register.inclusion_tag("findings/_finding_plans.html", takes_context=True)
def finding_plans(context: template.Context, finding: Finding) -> dict[str, Any]:
    """The plans of one finding, as the person who looks may know of them."""
    user = context["request"].user
    may_plan = finding.state == Finding.State.OPEN and user.may(Permission.PLAN_MANAGE)
    reads = user.may(Permission.PLAN_READ)
    return {
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "finding": finding,
        "plans": list(holding(finding, user).order_by("-created_at")) if reads else [],
        "others": list(of_finding(finding, user)[:OFFERED]) if may_plan else [],
        "may_plan": may_plan,
    }
