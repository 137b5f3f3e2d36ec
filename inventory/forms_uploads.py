"""Forms about files that are brought: input rules only; the verbs decide the rest."""

from __future__ import annotations

from typing import Any

from django import forms

from inventory.bringing import EXPECTED_EVERY
from inventory.connectors import signing
from inventory.forms import MAPPED, MOST_MINUTES
from inventory.models import Source

KINDS = [
    (Source.Connector.BUNDLE.value, "Signed bundles that manage.py collect has written"),
    (Source.Connector.RVTOOLS.value, "Workbooks that RVTools has exported"),
]


class UploadForm(forms.Form):
    file = forms.FileField(allow_empty_file=True, label="File")
    collected_at = forms.DateTimeField(required=False, label="Exported at (UTC)")

    @property
    def first_error(self) -> str:
        if "file" in self.errors:
            return "Choose a file first."
        return "The moment has to look like 2026-01-31 12:00."


class FilesSourceForm(forms.Form):
    """What a source needs whose facts are brought as files."""

    name = forms.CharField(max_length=100, label="Name", help_text="As your people call it.")
    connector = forms.ChoiceField(
        choices=KINDS,
        initial=Source.Connector.BUNDLE.value,
        label="What is brought",
        widget=forms.RadioSelect,
    )
    trusted_key = forms.CharField(
        required=False,
        max_length=2_000,
        label="Public key",
        help_text="For bundles: the .pub file that manage.py collect --new-key made. Bundles that "
        "its other half has not signed are refused.",
        widget=forms.Textarea(
            attrs={"rows": 4, "spellcheck": "false", "placeholder": "-----BEGIN PUBLIC KEY-----"}
        ),
    )
    interval_minutes = forms.IntegerField(
        min_value=1,
        max_value=MOST_MINUTES,
        initial=EXPECTED_EVERY,
        label="A file is expected every … minutes",
        help_text="Facts older than two of these are shown as stale.",
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
            del self.fields["connector"]
        if self._is_for(Source.Connector.RVTOOLS):
            del self.fields["trusted_key"]
        if self._is_for(Source.Connector.BUNDLE):
            for field in MAPPED:
                del self.fields[f"map_{field}"]

    def _is_for(self, connector: str) -> bool:
        return self.source is not None and self.source.connector == connector

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "trusted_key" in self.fields and self._connector(cleaned) == Source.Connector.BUNDLE:
            try:
                signing.read_public(str(cleaned.get("trusted_key") or ""))
            except ValueError as problem:
                self.add_error("trusted_key", f"Paste the collector's public key. {problem}")
        return cleaned

    def _connector(self, cleaned: dict[str, Any]) -> str:
        return self.source.connector if self.source else str(cleaned.get("connector"))

    @property
    def fields_of_source(self) -> dict[str, Any]:
        """What the verbs take."""
        cleaned = self.cleaned_data
        connector = self._connector(cleaned)
        is_bundle = connector == Source.Connector.BUNDLE
        return {
            "connector": connector,
            "name": cleaned["name"],
            "trusted_key": cleaned["trusted_key"] if is_bundle else "",
            "attribute_mapping": {}
            if is_bundle
            else {field: cleaned[f"map_{field}"] for field in MAPPED},
            "interval_minutes": cleaned["interval_minutes"],
        }

    @property
    def mapping_fields(self) -> list[forms.BoundField]:
        return [self[f"map_{field}"] for field in MAPPED if f"map_{field}" in self.fields]


def _initial(source: Source) -> dict[str, Any]:
    return {
        **{field: getattr(source, field) for field in ("name", "trusted_key", "interval_minutes")},
        **{f"map_{field}": source.attribute_mapping.get(field, "") for field in MAPPED},
    }
