"""What pages about signing in ask for: the second factor and options for the browser's keys."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest

from accounts import second_factor

register = template.Library()


@register.simple_tag(takes_context=True)
def second_factor_missing(context: dict[str, Any]) -> bool:
    """Whether this person has to set up a second factor before anything else."""
    request: HttpRequest = context["request"]
    return second_factor.is_missing(request)


@register.simple_tag
def second_factor_optional() -> bool:
    """Whether this installation was told to ask nobody for a second factor."""
    return not settings.REQUIRE_SECOND_FACTOR


@register.filter
def as_json(value: Any) -> str:
    """The value as JSON, for an attribute that a script reads; it is escaped like any text."""
    return json.dumps(value, cls=DjangoJSONEncoder)
