"""What pages about signing in ask for: the second factor and options for the browser's keys."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.urls import reverse

from accounts import second_factor, sso

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


@register.simple_tag(takes_context=True)
def sign_in_providers(context: dict[str, Any]) -> list[dict[str, str]]:
    """Where else people sign in, each with the address that leads there and back."""
    wanted = context["request"].GET.get(REDIRECT_FIELD_NAME, "")
    query = f"?{urlencode({REDIRECT_FIELD_NAME: wanted})}" if wanted else ""
    return [
        {
            "name": provider.name,
            "address": reverse("accounts:sso-start", kwargs={"provider_id": provider.id}) + query,
        }
        for provider in sso.providers()
    ]


@register.filter
def as_json(value: Any) -> str:
    """The value as JSON, for an attribute that a script reads; it is escaped like any text."""
    return json.dumps(value, cls=DjangoJSONEncoder)
