"""Input rules of the pages about plans. The verbs decide what may be done."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from django import forms

from accounts.models import Team, User
from findings.models import Plan
from findings.remediation import choosing, plans

_END_OF_DAY = time(23, 59, 59)


class _Answering(forms.Form):
    """Who answers for it, and by when. `user` is who says so."""

    owner = forms.CharField(label="Owner", max_length=150, required=False)
    team = forms.ModelChoiceField(
        label="Team", queryset=Team.objects.none(), required=False, empty_label="No team"
    )
    due_on = forms.DateField(
        label="Due on",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="The end of that day, UTC.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, user: User, keeps: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.keeps = keeps  # who has it already stays, whoever else may be chosen
        self.fields["team"].queryset = plans.teams_for(user)  # type: ignore[attr-defined]

    def clean_owner(self) -> User | None:
        username = self.cleaned_data["owner"].strip()
        if not username:
            return None
        if self.keeps is not None and self.keeps.username == username:
            return self.keeps
        found = plans.people_for(self.user).filter(username__iexact=username).first()
        if found is None:
            raise forms.ValidationError("Nobody of that name can be given the work.")
        return found

    def clean_due_on(self) -> datetime | None:
        day: date | None = self.cleaned_data["due_on"]
        return datetime.combine(day, _END_OF_DAY, tzinfo=UTC) if day else None


class PlanForm(_Answering):
    """What a plan is for."""

    field_order: tuple[str, ...] = ("title", "goal", "owner", "team", "due_on")

    title = forms.CharField(label="Title", max_length=plans.LONGEST_TITLE)
    goal = forms.CharField(
        label="Goal",
        max_length=plans.LONGEST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Everybody with a finding in the plan reads title and goal: name no machines.",
    )

    def wish(self) -> plans.Wish:
        said = self.cleaned_data
        return plans.Wish(
            title=said["title"],
            goal=said["goal"],
            owner=said["owner"],
            team=said["team"],
            due_at=said["due_on"],
        )


class NewPlanForm(PlanForm):
    """A plan, and what it is made of."""

    field_order = ("title", "goal", "grouping", "follow", "owner", "team", "due_on")

    grouping = forms.ChoiceField(
        label="Tasks",
        choices=Plan.Grouping.choices,
        initial=Plan.Grouping.CHECK,
        widget=forms.RadioSelect,
    )
    follow = forms.BooleanField(
        label="Make it a campaign",
        required=False,
        help_text="Findings that come to match the filter join by themselves.",
    )
    query = forms.CharField(
        max_length=choosing.LONGEST_QUERY, required=False, widget=forms.HiddenInput
    )


class TaskForm(_Answering):
    """Whose a task is."""

    field_order = ("title", "owner", "team", "due_on", "note")

    title = forms.CharField(
        label="Title",
        max_length=200,
        required=False,
        help_text="Empty: what its check or its machine is called.",
    )
    note = forms.CharField(
        label="Note",
        max_length=plans.LONGEST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class WhyForm(forms.Form):
    """A reason, and the version that it is about."""

    why = forms.CharField(
        label="Reason", max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
