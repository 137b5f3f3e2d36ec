"""The form that adds or changes a source: input rules only; the verbs decide the rest."""

from __future__ import annotations

from typing import Any

from django import forms

from inventory.connectors.vsphere import tls
from inventory.models import Source

MAPPED = {
    "classification": "How sensitive a machine is",
    "owner": "Who answers for it",
    "criticality": "How bad its loss would be",
    "team": "The team that sees it; matched with a team here by name",
}
MOST_MINUTES = 7 * 24 * 60


class SourceForm(forms.Form):
    """Four fields, and behind them what most people leave as it is."""

    name = forms.CharField(max_length=100, label="Name", help_text="As your people call it.")
    url = forms.CharField(
        max_length=500,
        label="Address",
        help_text="https://vcenter.example.org, with a port when it is not 443.",
        widget=forms.TextInput(
            attrs={
                "placeholder": "https://vcenter.example.org",
                "spellcheck": "false",
                "inputmode": "url",
                "autocapitalize": "off",
            }
        ),
    )
    username = forms.CharField(
        max_length=200,
        label="User name",
        help_text="A read-only account is enough and best.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password = forms.CharField(
        max_length=1000,
        strip=False,
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    trust = forms.ChoiceField(
        choices=Source.Trust, initial=Source.Trust.SYSTEM, label="Whom to trust"
    )
    trust_pem = forms.CharField(
        required=False,
        max_length=100_000,
        label="Certificate",
        help_text="PEM text. Needed unless the system's authorities are trusted.",
        widget=forms.Textarea(
            attrs={
                "rows": 6,
                "spellcheck": "false",
                "placeholder": "-----BEGIN CERTIFICATE-----",
            }
        ),
    )
    interval_minutes = forms.IntegerField(
        min_value=1, max_value=MOST_MINUTES, initial=60, label="Collect every … minutes"
    )
    is_watched = forms.BooleanField(
        required=False,
        initial=True,
        label="Watch for changes in between",
        help_text="Changes reach the findings within seconds. It keeps one session open.",
    )

    def __init__(self, *args: Any, source: Source | None = None, **kwargs: Any) -> None:
        self.source = source
        if source is not None:
            kwargs.setdefault("initial", _initial(source))
        super().__init__(*args, **kwargs)
        for field, help_text in MAPPED.items():
            self.fields[f"map_{field}"] = forms.CharField(
                required=False, max_length=200, label=field.capitalize(), help_text=help_text
            )
        if source is not None:
            self.fields["password"].required = False
            self.fields[
                "password"
            ].help_text = (
                "Leave it empty to keep the stored one. Changing the address or the trust needs it."
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        trust, pem = cleaned.get("trust"), str(cleaned.get("trust_pem") or "")
        if trust == Source.Trust.PIN:
            try:
                tls.single_certificate(pem)
            except ValueError:
                self.add_error("trust_pem", "Paste exactly one certificate in PEM form.")
        elif trust == Source.Trust.CA and "BEGIN CERTIFICATE" not in pem:
            self.add_error("trust_pem", "Paste the authority's certificate in PEM form.")
        return cleaned

    @property
    def fields_of_source(self) -> dict[str, Any]:
        """What the verbs take, without the password."""
        cleaned = self.cleaned_data
        trusted = cleaned["trust"] != Source.Trust.SYSTEM
        return {
            "name": cleaned["name"],
            "url": cleaned["url"],
            "username": cleaned["username"],
            "trust": cleaned["trust"],
            "trust_pem": cleaned["trust_pem"] if trusted else "",
            "attribute_mapping": {field: cleaned[f"map_{field}"] for field in MAPPED},
            "interval_minutes": cleaned["interval_minutes"],
            "is_watched": cleaned["is_watched"],
        }

    @property
    def mapping_fields(self) -> list[forms.BoundField]:
        return [self[f"map_{field}"] for field in MAPPED]


def _initial(source: Source) -> dict[str, Any]:
    return {
        **{
            field: getattr(source, field)
            for field in (
                "name",
                "url",
                "username",
                "trust",
                "trust_pem",
                "interval_minutes",
                "is_watched",
            )
        },
        **{f"map_{field}": source.attribute_mapping.get(field, "") for field in MAPPED},
    }
