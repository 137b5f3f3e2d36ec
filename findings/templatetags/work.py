"""Where what lies on a desk is found."""

from __future__ import annotations

from django import template
from django.urls import NoReverseMatch, reverse

from findings.models import Waiver

register = template.Library()


@register.filter
def waiver_address(waiver: Waiver) -> str:
    """The page of an exception; empty while there is none."""
    try:
        return reverse("findings:waiver", args=[waiver.pk])
    except NoReverseMatch:
        return ""
