"""What pages of findings call things."""

from django import template

from findings import catalogue

register = template.Library()


@register.filter
def check_title(check_id: str) -> str:
    """The title of a check, or its id when it is no longer shipped."""
    return catalogue.title_of(check_id)
