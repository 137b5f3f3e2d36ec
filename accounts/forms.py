"""Input rules of the pages about people, teams and tokens. The verbs decide what may be done."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import MAXIMUM_TOKEN_DAYS, Team, User
from accounts.permissions import WORDS, Permission
from accounts.roles import MEANINGS, Role, conflict


class PersonForm(forms.Form):
    """How a person is called, what they may do and whose machines they see."""

    full_name = forms.CharField(label="Name", max_length=150, required=False)
    email = forms.EmailField(label="E-mail", required=False)
    roles = forms.MultipleChoiceField(
        label="Roles",
        required=False,
        choices=[(role.value, MEANINGS[role]) for role in Role],
        widget=forms.CheckboxSelectMultiple,
    )
    scope = forms.ChoiceField(
        label="Sees", choices=User.Scope.choices, widget=forms.RadioSelect, initial=User.Scope.TEAMS
    )
    teams = forms.ModelMultipleChoiceField(
        label="Teams",
        queryset=Team.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_roles(self) -> list[Role]:
        roles = [Role(name) for name in self.cleaned_data["roles"]]
        separation = conflict(roles)
        if separation is not None:
            raise forms.ValidationError(
                f"Nobody can be both {separation.one} and {separation.other}. {separation.because}"
            )
        return roles


class NewPersonForm(PersonForm):
    field_order = ("username", "full_name", "email", "roles", "scope", "teams")

    username = forms.CharField(
        label="Username",
        max_length=150,
        help_text="What they sign in with. It cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_username(self) -> str:
        username: str = User.normalize_username(self.cleaned_data["username"])
        User._meta.get_field("username").run_validators(username)
        if User.objects.filter(username__iexact=username).exists():
            raise forms.ValidationError("Somebody already has this username.")
        return username


class TeamForm(forms.Form):
    name = forms.CharField(label="Name", max_length=100)


class TokenForm(forms.Form):
    """A token of this person: the permissions offered are those the person has."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="What uses it, so that you know which one to revoke.",
    )
    permissions = forms.MultipleChoiceField(
        label="It may", widget=forms.CheckboxSelectMultiple, choices=()
    )
    days = forms.IntegerField(
        label="Days until it expires",
        min_value=1,
        max_value=MAXIMUM_TOKEN_DAYS,
        initial=30,
        help_text=f"{MAXIMUM_TOKEN_DAYS} at most.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = sorted(user.permissions)
        self.fields["permissions"] = forms.MultipleChoiceField(
            label="It may",
            widget=forms.CheckboxSelectMultiple,
            choices=[(permission.value, WORDS[permission]) for permission in offered],
        )

    def clean_permissions(self) -> list[Permission]:
        return [Permission(name) for name in self.cleaned_data["permissions"]]
