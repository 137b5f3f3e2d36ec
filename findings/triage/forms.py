"""Input rules of the pages of triage. The verbs decide what may be done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.http import QueryDict

from findings.models import Finding, SavedView
from findings.rules import RuleSet
from findings.triage import acts
from findings.triage.acts import Act
from policies.models import SeverityChoices

LONGEST_QUERY = 4_000
_STEPS = [(value, label) for value, label in Finding.Triage.choices]
ACTS = {
    "status": "Set the status",
    "assign": "Assign",
    "take": "Assign to me",
    "give_back": "Give back",
    "team": "Assign to a team",
    "due": "Set the due date",
    "label": "Add a label",
    "unlabel": "Remove a label",
    "ticket": "Link a ticket",
    "comment": "Comment",
}
# What a form of each act asks for.
FIELDS = {
    "status": ("to", "why"),
    "assign": ("assignee", "why"),
    "give_back": ("why",),
    "team": ("assigned_team", "why"),
    "due": ("due_on", "why"),
    "label": ("label",),
    "unlabel": ("label",),
    "ticket": ("ticket",),
    "comment": ("text",),
}


# What is said in full by its name.
COMPLETE = frozenset({"take", "give_back"})


class ActForm(forms.Form):
    """One act with what it takes. A status may stand in place of the act: `act=triaged`. What was
    not asked yet is not complained of: such a form is unbound.
    """

    act = forms.ChoiceField(choices=list(ACTS.items()))
    to = forms.ChoiceField(label="Status", choices=_STEPS, required=False)
    assignee = forms.CharField(
        label="Assign to", required=False, max_length=150, help_text="A username; empty: nobody."
    )
    assigned_team = forms.IntegerField(label="Team", required=False, min_value=1)
    due_on = forms.DateField(
        label="Due on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: as the rules say.",
    )
    label = forms.CharField(label="Label", required=False, max_length=50)
    ticket = forms.CharField(
        label="Ticket",
        required=False,
        max_length=500,
        help_text="An https address, or a number such as SEC-123; empty takes it away.",
    )
    text = forms.CharField(
        label="Comment",
        required=False,
        max_length=acts.LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="@username tells that person.",
    )
    why = forms.CharField(label="Why", required=False, max_length=acts.LONGEST_WHY)

    def __init__(self, data: QueryDict) -> None:
        named = str(data.get("act", ""))
        if named in Finding.Triage.values:
            data = data.copy()
            data["act"], data["to"] = "status", named
            named = "status"
        self.chosen = named if named in ACTS else ""
        is_said = self.chosen in COMPLETE or any(
            name in data for name in FIELDS.get(self.chosen, ())
        )
        super().__init__(data if is_said else None)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("act") == "status" and not data.get("to") and "to" not in self.errors:
            self.add_error("to", "Choose a status.")
        if data.get("act") == "due" and not data.get("why"):
            self.add_error("why", "Say why the due date is another.")
        for name, kind in (("label", ("label", "unlabel")), ("text", ("comment",))):
            if data.get("act") in kind and not data.get(name) and name not in self.errors:
                self.add_error(name, "Write something first.")
        return data

    def meant(self) -> Act:
        """The act of a valid form."""
        data = self.cleaned_data
        makers: dict[str, Callable[[], Act]] = {
            "status": lambda: acts.SetStatus(to=data["to"], why=data["why"]),
            "assign": lambda: acts.Assign(to=data["assignee"].strip() or None, why=data["why"]),
            "take": lambda: acts.Take(),
            "give_back": lambda: acts.GiveBack(why=data["why"]),
            "team": lambda: acts.AssignTeam(to=data["assigned_team"], why=data["why"]),
            "due": lambda: acts.SetDue(at=end_of(data["due_on"]), why=data["why"]),
            "label": lambda: acts.AddLabel(label=data["label"]),
            "unlabel": lambda: acts.RemoveLabel(label=data["label"]),
            "ticket": lambda: acts.LinkTicket(ticket=data["ticket"]),
            "comment": lambda: acts.Say(text=data["text"]),
        }
        return makers[data["act"]]()

    def asked(self) -> list[Any]:
        """The fields that the chosen act takes."""
        return [self[name] for name in FIELDS.get(self.chosen, ())]


def end_of(day: date | None) -> datetime | None:
    """The last minute of a day, in UTC."""
    return None if day is None else datetime.combine(day, time(23, 59), tzinfo=UTC)


class DecisionForm(forms.Form):
    """What comes with every act on one finding."""

    version = forms.IntegerField(min_value=0)
    seen = forms.IntegerField(min_value=0, required=False)  # the newest event they were shown


class CommentForm(forms.Form):
    comment = forms.IntegerField(min_value=1)
    text = forms.CharField(max_length=acts.LONGEST_TEXT, required=False)
    delete = forms.BooleanField(required=False)


class ChoiceForm(forms.Form):
    """Which findings: ids, or a query; how many the person was shown; and where they came from."""

    all = forms.CharField(required=False, max_length=LONGEST_QUERY, strip=False)
    shown = forms.IntegerField(required=False, min_value=0)
    back = forms.CharField(required=False, max_length=LONGEST_QUERY)


class ViewForm(forms.Form):
    name = forms.CharField(label="Name", max_length=60)
    query = forms.CharField(required=False, max_length=LONGEST_QUERY, strip=False)
    shared = forms.ChoiceField(
        label="Who sees it",
        choices=SavedView.Shared.choices,
        required=False,
        initial=SavedView.Shared.NOBODY,
    )
    team = forms.IntegerField(required=False, min_value=1)
    is_pinned = forms.BooleanField(label="As a tab over the list", required=False)

    def clean_shared(self) -> str:
        return str(self.cleaned_data["shared"] or SavedView.Shared.NOBODY)


class ViewActForm(forms.Form):
    view = forms.IntegerField(min_value=1, required=False)
    act = forms.ChoiceField(
        choices=[(name, name) for name in ("change", "remove", "default", "no-default")]
    )


class RulesForm(forms.Form):
    """The rules for findings, a field each; tiers as lines of “label: tier”."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    warn_days = forms.IntegerField(
        label="Warn before a due date", min_value=0, max_value=90, help_text="Days."
    )
    exception_warn_days = forms.IntegerField(
        label="Warn before an exception ends", min_value=1, max_value=90, help_text="Days."
    )
    due_after_exception = forms.ChoiceField(
        label="After an exception, the due date",
        choices=[("keep", "Stays as it was"), ("restart", "Starts anew")],
    )
    exception_growth_percent = forms.IntegerField(
        label="An exception may grow by",
        min_value=0,
        max_value=100,
        help_text="Percent of the findings it was approved for.",
    )
    classification_tiers = forms.CharField(
        label="Risk tier by classification",
        widget=forms.Textarea(attrs={"rows": 7}),
        help_text="One a line, such as “confidential: 1”. 1 is high, 2 ordinary, 3 low.",
        required=False,
    )
    criticality_tiers = forms.CharField(
        label="Risk tier by criticality",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="The riskier of the two counts.",
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for level in range(1, 6):
            self.fields[f"due_{level}"] = forms.IntegerField(
                label=f"P{level}", required=False, min_value=1, max_value=366
            )
        for severity, label in SeverityChoices.choices:
            self.fields[f"exception_{severity}"] = forms.IntegerField(
                label=str(label), min_value=1, max_value=366
            )

    def due_fields(self) -> list[Any]:
        return [self[f"due_{level}"] for level in range(1, 6)]

    def exception_fields(self) -> list[Any]:
        return [self[f"exception_{severity}"] for severity in SeverityChoices.values]

    def clean_classification_tiers(self) -> dict[str, int]:
        return _tiers(self.cleaned_data["classification_tiers"])

    def clean_criticality_tiers(self) -> dict[str, int]:
        return _tiers(self.cleaned_data["criticality_tiers"])

    def meant(self) -> RuleSet:
        """The rules of a valid form."""
        data = self.cleaned_data
        return RuleSet(
            due_days={str(level): data[f"due_{level}"] for level in range(1, 6)},
            warn_days=data["warn_days"],
            exception_days={name: data[f"exception_{name}"] for name in SeverityChoices.values},
            exception_warn_days=data["exception_warn_days"],
            due_after_exception=data["due_after_exception"],
            exception_growth_percent=data["exception_growth_percent"],
            classification_tiers=data["classification_tiers"],
            criticality_tiers=data["criticality_tiers"],
        )


def shown_rules(rules: RuleSet, version: int) -> dict[str, Any]:
    """The rules as what `RulesForm` begins with."""
    return {
        "version": version,
        "warn_days": rules.warn_days,
        "exception_warn_days": rules.exception_warn_days,
        "due_after_exception": rules.due_after_exception,
        "exception_growth_percent": rules.exception_growth_percent,
        "classification_tiers": _lines(rules.classification_tiers),
        "criticality_tiers": _lines(rules.criticality_tiers),
        **{f"due_{level}": days for level, days in rules.due_days.items()},
        **{f"exception_{severity}": days for severity, days in rules.exception_days.items()},
    }


def _lines(tiers: dict[str, int]) -> str:
    return "\n".join(f"{label}: {tier}" for label, tier in tiers.items())


def _tiers(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in filter(str.strip, text.splitlines()):
        label, _, tier = line.rpartition(":")
        if not label.strip() or tier.strip() not in ("1", "2", "3"):
            raise forms.ValidationError(f"“{line.strip()[:60]}” is not a label and a tier.")
        found[label.strip().lower()] = int(tier)
    return found
