"""What the list of people is searched by."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from accounts.models import Team, User
from accounts.roles import Role


class PersonFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(
        method="on_words", max_length=200, label="Name, e-mail or team", strip=True
    )
    role = django_filters.ChoiceFilter(
        field_name="role_assignments__role",
        choices=[(role.value, role.value) for role in Role],
        label="Role",
        empty_label="Any",
    )
    team = django_filters.ModelChoiceFilter(
        field_name="teams", queryset=Team.objects.all(), label="Team", empty_label="Any"
    )
    state = django_filters.ChoiceFilter(
        method="on_state",
        choices=[("active", "Active"), ("disabled", "Disabled")],
        label="Sign-in",
        empty_label="Any",
    )

    class Meta:
        model = User
        fields = ("q", "role", "team", "state")

    def on_words(self, people: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        return people.filter(
            Q(username__icontains=value)
            | Q(full_name__icontains=value)
            | Q(email__icontains=value)
            | Q(pk__in=User.objects.filter(teams__name__icontains=value).values("pk"))
        )

    def on_state(self, people: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        return people.filter(is_active=value == "active")
