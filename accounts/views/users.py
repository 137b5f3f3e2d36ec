"""Pages about people: who there is, what they may do, letting them in and shutting them out."""

from __future__ import annotations

from datetime import UTC, datetime

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts import open_sessions, people, second_factor, sso
from accounts.access import SignedInRequest, recently_authenticated, requires
from accounts.errors import NotPossible
from accounts.filters import PersonFilter
from accounts.forms import NewPersonForm, PersonForm
from accounts.models import Team, User
from accounts.permissions import WORDS, Permission
from accounts.roles import MEANINGS, ROLES, SEPARATED, Role


def _people() -> QuerySet[User]:
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type__in=second_factor.KINDS)
    return User.objects.prefetch_related("role_assignments", "teams").annotate(
        has_second_factor=Exists(factor)
    )


@requires(Permission.USER_READ)
def user_list(request: SignedInRequest) -> HttpResponse:
    """Everybody, filtered by name, role, team and whether they can sign in."""
    search = PersonFilter(request.GET, queryset=_people())
    everybody = User.objects.count()
    active = User.objects.filter(is_active=True).count()
    context = {
        "people": search.qs if search.is_valid() else User.objects.none(),
        "form": search.form,
        "is_filtered": any(request.GET.get(name) for name in search.filters),
        "active": active,
        "disabled": everybody - active,
        "clear_address": request.path,
        "may_manage": request.user.may(Permission.USER_MANAGE),
    }
    return render(request, "settings/user_list.html", context)


@requires(Permission.USER_READ)
def user_detail(request: SignedInRequest, user_id: int) -> HttpResponse:
    """One person: what they may do and since when, their teams and tokens."""
    person = get_object_or_404(_people(), pk=user_id)
    context = {
        "subject": person,
        "assignments": person.role_assignments.select_related("granted_by").order_by("role"),
        "meanings": {role.value: meaning for role, meaning in MEANINGS.items()},
        "tokens": person.api_tokens.all(),
        "sessions": open_sessions.of(person, now=datetime.now(UTC)),
        "signs_in_at": _provider_name(person),
        "needs_a_factor": second_factor.is_required_of(person),
        "may_manage": request.user.may(Permission.USER_MANAGE),
        "is_oneself": person.pk == request.user.pk,
    }
    return render(request, "settings/user_detail.html", context)


@requires(Permission.USER_MANAGE)
@recently_authenticated
def user_add(request: SignedInRequest) -> HttpResponse:
    """Let somebody in; their first password is shown once."""
    form = NewPersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        password = people.new_password()
        try:
            person = people.create(
                **form.cleaned_data, password=password, by=request.user, must_change_password=True
            )
        except NotPossible as error:
            form.add_error(None, str(error))
        else:
            return _password(request, person, password)
    return render(request, "settings/user_form.html", {"form": form})


@requires(Permission.USER_MANAGE)
@recently_authenticated
def user_edit(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Change what a person may do and see."""
    person = get_object_or_404(_people(), pk=user_id)
    form = PersonForm(request.POST or None, initial=_initial(person))
    if request.method == "POST" and form.is_valid():
        try:
            person = _change(person, form, by=request.user)
        except NotPossible as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{person} is changed.")
            return redirect("accounts:user-detail", user_id=person.pk)
    return render(request, "settings/user_form.html", {"form": form, "subject": person})


@requires(Permission.USER_MANAGE)
@require_POST
def user_disable(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Shut a person out at once."""
    person = get_object_or_404(User, pk=user_id)
    try:
        people.disable(user_id=person.pk, by=request.user)
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{person} is disabled: sessions ended, tokens revoked.")
    return redirect("accounts:user-detail", user_id=person.pk)


@requires(Permission.USER_MANAGE)
@require_POST
def user_enable(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Let a person in again."""
    person = get_object_or_404(User, pk=user_id)
    try:
        people.enable(user_id=person.pk, by=request.user)
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{person} can sign in again.")
    return redirect("accounts:user-detail", user_id=person.pk)


@requires(Permission.USER_MANAGE)
@recently_authenticated
def user_reset_password(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Ask, then make a new password and show it once."""
    person = get_object_or_404(User, pk=user_id)
    if request.method != "POST":
        return render(request, "settings/user_reset_password.html", {"subject": person})
    try:
        password = people.reset_password(user_id=person.pk, by=request.user)
    except NotPossible as error:
        messages.error(request, str(error))
        return redirect("accounts:user-detail", user_id=person.pk)
    return _password(request, person, password)


@requires(Permission.USER_MANAGE)
@recently_authenticated
def user_remove_factor(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Ask, then remove what somebody has lost."""
    person = get_object_or_404(User, pk=user_id)
    if request.method != "POST":
        return render(request, "settings/user_remove_factor.html", {"subject": person})
    try:
        people.remove_second_factor(user_id=person.pk, by=request.user, now=datetime.now(UTC))
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The second factor of {person} is removed and sessions ended.")
    return redirect("accounts:user-detail", user_id=person.pk)


@requires(Permission.USER_MANAGE)
@require_POST
def user_end_sessions(request: SignedInRequest, user_id: int) -> HttpResponse:
    """Sign a person out everywhere at once."""
    person = get_object_or_404(User, pk=user_id)
    try:
        people.end_sessions(user_id=person.pk, by=request.user)
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{person} is signed out everywhere.")
    return redirect("accounts:user-detail", user_id=person.pk)


@requires(Permission.USER_READ)
def permission_table(request: SignedInRequest) -> HttpResponse:
    """Which role may do what, and which roles exclude each other."""
    rows = [
        (permission, WORDS[permission], [permission in ROLES[role] for role in Role])
        for permission in Permission
    ]
    context = {
        "roles": [(role, MEANINGS[role]) for role in Role],
        "rows": rows,
        "separated": SEPARATED,
    }
    return render(request, "settings/permission_table.html", context)


def _provider_name(person: User) -> str:
    provider = sso.provider(person.provider) if person.provider else None
    return provider.name if provider else f"{person.provider} (not configured any more)"


def _initial(person: User) -> dict[str, object]:
    return {
        "full_name": person.full_name,
        "email": person.email,
        "roles": [role.value for role in person.roles],
        "scope": person.scope,
        "teams": list(person.teams.all()),
    }


@transaction.atomic
def _change(person: User, form: PersonForm, *, by: User) -> User:
    """All of the form or nothing of it."""
    data = form.cleaned_data
    people.describe(user_id=person.pk, full_name=data["full_name"], email=data["email"], by=by)
    people.set_roles(user_id=person.pk, roles=data["roles"], by=by)
    teams: list[Team] = list(data["teams"])
    people.set_teams(user_id=person.pk, teams=teams, by=by)
    return people.set_scope(user_id=person.pk, scope=User.Scope(data["scope"]), by=by)


def _password(request: HttpRequest, person: User, password: str) -> HttpResponse:
    return render(request, "settings/user_password.html", {"subject": person, "password": password})
