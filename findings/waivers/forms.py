"""What people type about exceptions. What may be asked for and decided is said by the verbs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from django import forms

from findings.models import Waiver

LONGEST_TEXT = 4_000


def moment_of(day: date) -> datetime:
    """The first moment of a day: what ends on it covers nothing from then on."""
    return datetime.combine(day, time(), tzinfo=UTC)


def _lines(rows: int = 4) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class _Ending(forms.Form):
    ground = forms.ChoiceField(choices=Waiver.Ground.choices, label="Ground")
    reason = forms.CharField(
        max_length=LONGEST_TEXT,
        widget=_lines(),
        label="Reason",
        help_text="Why the risk can be borne for this time. Whoever decides reads this first.",
    )
    controls_said = forms.CharField(
        max_length=LONGEST_TEXT,
        required=False,
        widget=_lines(3),
        label="Compensating controls",
        help_text="What keeps the risk small meanwhile.",
    )
    control_check_id = forms.ChoiceField(
        required=False,
        label="A check that has to pass",
        help_text="The exception counts only while this check passes on every machine it covers.",
    )
    evidence = forms.CharField(
        max_length=LONGEST_TEXT,
        required=False,
        widget=_lines(2),
        label="Evidence",
        help_text="Where the proof is: a ticket, a contract, a document.",
    )
    ends_on = forms.DateField(
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        label="Ends on",
        help_text="When this day begins (00:00 UTC) the exception counts no more.",
    )

    def __init__(
        self,
        *args: Any,
        checks: list[tuple[str, str]],
        latest: date | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        control: Any = self.fields["control_check_id"]
        control.choices = [("", "None"), *checks]
        if latest is not None:
            self.fields["ends_on"].widget.attrs["max"] = latest.isoformat()


class AskForm(_Ending):
    starts_on = forms.DateField(
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        label="Begins on",
        help_text="Leave it empty to begin at once.",
    )
    field_order = ("ground", "reason", "controls_said", "control_check_id", "evidence", "starts_on")


class ExtendForm(_Ending):
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class ActForm(forms.Form):
    """An act on an exception as the person saw it."""

    version = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=LONGEST_TEXT, required=False, widget=_lines(3), label="Reason"
    )


class ApproveForm(ActForm):
    count = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
    ends_on = forms.DateField(
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        label="Ends on",
        help_text="You may bring the end forward, not put it off.",
    )
