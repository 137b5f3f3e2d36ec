"""`{% field form.name %}`: a form's field with its label, hint and errors, everywhere alike."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField

register = template.Library()


@register.inclusion_tag("ui/field.html")
def field(
    bound: BoundField, label: str = "", hint: str | None = None, *, autofocus: bool = False
) -> dict[str, Any]:
    """The field as one block. A label or hint given here stands in for the form's own."""
    widget = bound.field.widget
    name = bound.auto_id
    hint = str(bound.help_text) if hint is None else hint
    described = " ".join(
        part
        for part, is_there in ((f"{name}-hint", hint), (f"{name}-error", bound.errors))
        if is_there
    )
    attributes: dict[str, Any] = {"class": _classes(widget, is_invalid=bool(bound.errors))}
    if described:
        attributes["aria-describedby"] = described
    if bound.errors:
        attributes["aria-invalid"] = "true"
    if autofocus:
        attributes["autofocus"] = True
    widget.attrs.pop("placeholder", None)  # a label that vanishes while one types
    return {
        "field": bound,
        "label": label or bound.label,
        "hint": hint,
        "name": name,
        "shape": _shape(widget),
        "control": "" if _shape(widget) == "choices" else bound.as_widget(attrs=attributes),
    }


def _shape(widget: forms.Widget) -> str:
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "choices"
    return "check" if isinstance(widget, forms.CheckboxInput) else "line"


def _classes(widget: forms.Widget, *, is_invalid: bool) -> str:
    if isinstance(widget, forms.CheckboxInput):
        base = "form-check-input"
    elif isinstance(widget, forms.Select):
        base = "form-select"
    else:
        base = "form-control"
    return f"{base} is-invalid" if is_invalid else base
