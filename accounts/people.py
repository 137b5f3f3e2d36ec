"""What is done to people: every verb is one transaction, recorded, and never done to oneself.

`by` is the person who does it; None is somebody at the console.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import tokens
from accounts.errors import NotPossible
from accounts.models import RoleAssignment, Team, User
from accounts.roles import Role, conflict
from audit import trail

# Without letters and digits that are mistaken for one another when read aloud or copied by hand.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = 5
_GROUP_LENGTH = 5


def new_password() -> str:
    """A password nobody has chosen, of 120 bits, to be handed over once."""
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )


@transaction.atomic
def create(
    *,
    username: str,
    password: str | None,
    by: User | None,
    full_name: str = "",
    email: str = "",
    roles: Iterable[Role] = (),
    scope: str = User.Scope.TEAMS,
    teams: Iterable[Team] = (),
    must_change_password: bool = False,
    provider: str = "",
    subject: str = "",
) -> User:
    """Let somebody in, or raise NotPossible. Without a password they sign in at a provider."""
    wanted = _compatible(frozenset(roles))
    user = User(
        username=User.normalize_username(username.strip()),
        full_name=full_name,
        email=email,
        scope=scope,
        must_change_password=must_change_password,
        provider=provider,
        subject=subject,
    )
    user.set_password(password)
    user.password_set_by = by
    try:
        user.full_clean()
    except ValidationError as error:
        raise NotPossible(" ".join(error.messages)) from error
    user.save()
    user.teams.set(teams)
    for role in sorted(wanted):
        RoleAssignment.objects.create(user=user, role=role, granted_by=by)
    trail.record(by, "accounts:user:create", user, after=_facts(user))
    return user


@transaction.atomic
def describe(*, user_id: int, full_name: str, email: str, by: User | None) -> User:
    """Set how a person is called and where they are written to."""
    user = _locked(user_id)
    before = {"full_name": user.full_name, "email": user.email}
    after = {"full_name": full_name, "email": email}
    if before == after:
        return user
    user.full_name, user.email = full_name, email
    user.save(update_fields=["full_name", "email"])
    trail.record(by, "accounts:user:describe", user, before=before, after=after)
    return user


@transaction.atomic
def disable(*, user_id: int, by: User | None) -> User:
    """Shut a person out at once: sessions end, tokens stop. Or raise NotPossible."""
    user = _locked(user_id)
    _not_oneself(user, by, "disable your own account")
    if not user.is_active:
        return user
    _keep_a_user_admin(without=user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    _end_sessions(user)
    trail.record(
        by, "accounts:user:disable", user, before={"is_active": True}, after={"is_active": False}
    )
    tokens.revoke_all(user=user, by=by)
    return user


@transaction.atomic
def enable(*, user_id: int, by: User | None) -> User:
    """Let a person in again. Sessions and tokens from before stay dead."""
    user = _locked(user_id)
    _not_oneself(user, by, "enable your own account")
    if user.is_active:
        return user
    user.is_active = True
    user.save(update_fields=["is_active"])
    trail.record(
        by, "accounts:user:enable", user, before={"is_active": False}, after={"is_active": True}
    )
    return user


@transaction.atomic
def grant_role(*, user_id: int, role: Role, by: User | None) -> User:
    """Give a person a role, or raise NotPossible."""
    user = _locked(user_id)
    _not_oneself(user, by, "change your own roles")
    before = user.roles
    if role in before:
        return user
    _compatible(before | {role})
    RoleAssignment.objects.create(user=user, role=role, granted_by=by)
    return _roles_changed(user, "accounts:role:grant", by=by, before=before, after=before | {role})


@transaction.atomic
def revoke_role(*, user_id: int, role: Role, by: User | None) -> User:
    """Take a role from a person, or raise NotPossible."""
    user = _locked(user_id)
    _not_oneself(user, by, "change your own roles")
    before = user.roles
    if role not in before:
        return user
    if role == Role.USER_ADMIN:
        _keep_a_user_admin(without=user)
    user.role_assignments.filter(role=role).delete()
    return _roles_changed(user, "accounts:role:revoke", by=by, before=before, after=before - {role})


@transaction.atomic
def set_roles(*, user_id: int, roles: Iterable[Role], by: User | None) -> User:
    """Make these the person's roles: what is too much goes first, so that roles can be swapped."""
    user = _locked(user_id)
    wanted = _compatible(frozenset(roles))
    held = user.roles
    for role in sorted(held - wanted):
        user = revoke_role(user_id=user_id, role=role, by=by)
    for role in sorted(wanted - held):
        user = grant_role(user_id=user_id, role=role, by=by)
    return user


@transaction.atomic
def follow_provider(*, user_id: int, roles: frozenset[Role]) -> User:
    """Make these the roles of somebody whose provider says so, or raise NotPossible.

    Also of the last user administrator: the console can make another one.
    """
    user = _locked(user_id)
    before, wanted = user.roles, _compatible(roles)
    if before == wanted:
        return user
    user.role_assignments.exclude(role__in=wanted).delete()
    for role in sorted(wanted - before):
        RoleAssignment.objects.create(user=user, role=role)
    return _roles_changed(
        user, "accounts:role:follow-provider", by=None, before=before, after=wanted
    )


@transaction.atomic
def set_scope(*, user_id: int, scope: User.Scope, by: User | None) -> User:
    """Set whether a person sees the whole estate or their teams' machines."""
    user = _locked(user_id)
    if user.scope == scope:
        return user
    _not_oneself(user, by, "change what you see")
    before, user.scope = user.scope, scope
    user.save(update_fields=["scope"])
    trail.record(
        by, "accounts:user:scope", user, before={"scope": before}, after={"scope": str(scope)}
    )
    return user


@transaction.atomic
def set_teams(*, user_id: int, teams: Iterable[Team], by: User | None) -> User:
    """Make these the person's teams."""
    user = _locked(user_id)
    wanted = list(teams)
    before = sorted(team.name for team in user.teams.all())
    after = sorted(team.name for team in wanted)
    if before == after:
        return user
    _not_oneself(user, by, "change your own teams")
    user.teams.set(wanted)
    trail.record(by, "accounts:user:teams", user, before={"teams": before}, after={"teams": after})
    return user


@transaction.atomic
def reset_password(*, user_id: int, by: User | None) -> str:
    """Return a new password to hand over once; sessions and tokens from before end."""
    user = _locked(user_id)
    _not_oneself(user, by, "reset your own password; change it instead")
    if user.provider:
        raise NotPossible(f"{user} signs in at {user.provider} and has no password here.")
    if by is not None and user.second_factor_removed_by_id == by.pk:
        raise NotPossible(
            f"You removed the second factor of {user}, who has set up no other since. Another user "
            "administrator has to reset the password."
        )
    password = new_password()
    user.set_password(password)
    user.must_change_password = True
    user.password_set_by = by
    user.save(update_fields=["password", "must_change_password", "password_set_by"])
    _end_sessions(user)
    trail.record(by, "accounts:user:reset-password", user)
    tokens.revoke_all(user=user, by=by)
    return password


@transaction.atomic
def remove_second_factor(*, user_id: int, by: User | None, now: datetime) -> User:
    """Remove a lost app, keys and recovery codes; sessions end. Or raise NotPossible.

    The password stays the person's own, so that whoever does this cannot sign in as them, and
    they are told at each sign-in until they have set up a second factor again.
    """
    user = _locked(user_id)
    _not_oneself(user, by, "remove your own second factor")
    if by is not None and user.must_change_password and user.password_set_by_id == by.pk:
        raise NotPossible(
            f"You chose the password of {user}, who has not changed it since. Another user "
            "administrator has to remove the second factor."
        )
    factors = Authenticator.objects.select_for_update().filter(user=user)
    kinds = sorted(str(factor.type) for factor in factors)
    if not kinds:
        raise NotPossible(f"{user} has no second factor.")
    factors.delete()
    user.refresh_from_db()
    user.second_factor_removed_by, user.second_factor_removed_at = by, now
    user.save(update_fields=["second_factor_removed_by", "second_factor_removed_at"])
    _end_sessions(user)
    trail.record(by, "accounts:factor:reset", user, before={"factors": kinds})
    return user


@transaction.atomic
def end_sessions(*, user_id: int, by: User | None) -> User:
    """Sign a person out everywhere at once."""
    user = _locked(user_id)
    _not_oneself(user, by, "end your own sessions here")
    _end_sessions(user)
    trail.record(by, "accounts:session:end-all", user)
    return user


def _locked(user_id: int) -> User:
    """The person, kept from changing under us; raises User.DoesNotExist."""
    return User.objects.select_for_update().get(pk=user_id)


def _end_sessions(user: User) -> None:
    """Nothing that was signed in before is any more."""
    user.session_generation += 1
    user.save(update_fields=["session_generation"])
    user.sessions.all().delete()


def _not_oneself(user: User, by: User | None, act: str) -> None:
    if by is not None and by.pk == user.pk:
        raise NotPossible(f"You cannot {act}. Ask another user administrator.")


def _compatible(roles: frozenset[Role]) -> frozenset[Role]:
    separation = conflict(roles)
    if separation is not None:
        raise NotPossible(
            f"Nobody can be both {separation.one} and {separation.other}. {separation.because}"
        )
    return roles


def _keep_a_user_admin(*, without: User) -> None:
    """Raise NotPossible when nobody else could manage people. Locks, so that two cannot both go."""
    if Role.USER_ADMIN not in without.roles:
        return
    holders = list(
        RoleAssignment.objects.select_for_update()
        .filter(role=Role.USER_ADMIN)
        .order_by("pk")
        .values_list("user_id", flat=True)
    )
    if not User.objects.filter(pk__in=holders, is_active=True).exclude(pk=without.pk).exists():
        raise NotPossible(
            f"{without} is the last active user administrator. Give somebody else the role first."
        )


def _roles_changed(
    user: User,
    action: str,
    *,
    by: User | None,
    before: frozenset[Role],
    after: frozenset[Role],
) -> User:
    vars(user).pop("roles", None)
    vars(user).pop("permissions", None)
    trail.record(
        by,
        action,
        user,
        before={"roles": sorted(str(role) for role in before)},
        after={"roles": sorted(str(role) for role in after)},
    )
    return user


def _facts(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "full_name": user.full_name,
        "email": user.email,
        "roles": sorted(str(role) for role in user.roles),
        "scope": str(user.scope),
        "teams": sorted(team.name for team in user.teams.all()),
    }
