"""`{% finding_waivers finding %}`: what excepts a finding, and the way to ask for an exception."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from findings.models import Finding
from findings.waivers import on_finding

register = template.Library()


@register.inclusion_tag("findings/_finding_waivers.html", takes_context=True)
def finding_waivers(context: template.Context, finding: Finding) -> dict[str, Any]:
    """The exceptions of one finding, as the person who looks may know of them."""
    return on_finding.context(finding, user=context["request"].user, now=timezone.now())
