"""Who gets in by what a provider says: the person it names, with the roles their groups give."""

from __future__ import annotations

import logging
import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import people
from accounts.errors import NotPossible
from accounts.models import Team, User
from accounts.roles import Role, conflict
from accounts.sso.claims import Claims, Refused
from accounts.sso.configuration import Grant, Provider
from audit import trail

log = logging.getLogger(__name__)


def admit(provider: Provider, claims: Claims) -> User:
    """The person, made at the first sign-in, their roles brought in line; or raise Refused.

    Known by provider and subject alone: an account of ours with the same name or mail address is
    somebody else's. What their groups no longer give is taken also from somebody who is refused.
    """
    try:
        return _admit(provider, claims)
    except Refused as refusal:
        _shut_out(provider, claims, refusal)
        refusal.is_recorded = True
        raise


@transaction.atomic
def _admit(provider: Provider, claims: Claims) -> User:
    given = provider.granted_to(claims.groups)
    roles = frozenset(role for grant in given for role in grant.roles)
    if not roles:
        raise Refused("no-role")
    if separation := conflict(roles):
        raise Refused("separated", f"{separation.one} and {separation.other}")
    user = _known(provider, claims)
    if user is not None and not user.is_active:
        raise Refused("disabled")
    try:
        if user is None:
            user = _welcome(provider, claims)
        return _follow(user, claims, given, roles)
    except (NotPossible, IntegrityError) as error:
        raise Refused("not-possible", str(error)) from error


def _known(provider: Provider, claims: Claims) -> User | None:
    return (
        User.objects.select_for_update()
        .filter(provider=provider.id, subject=claims.subject)
        .first()
    )


def _welcome(provider: Provider, claims: Claims) -> User:
    return people.create(
        username=_free_username(provider, claims),
        password=None,
        by=None,
        provider=provider.id,
        subject=claims.subject,
    )


def _follow(user: User, claims: Claims, given: list[Grant], roles: frozenset[Role]) -> User:
    whole = any(grant.whole_estate for grant in given)
    people.describe(
        user_id=user.pk, full_name=claims.full_name, email=_usable(claims.email), by=None
    )
    people.set_teams(user_id=user.pk, teams=_teams(given), by=None)
    people.set_scope(user_id=user.pk, scope=User.Scope.ALL if whole else User.Scope.TEAMS, by=None)
    return people.follow_provider(user_id=user.pk, roles=roles)


def _teams(given: list[Grant]) -> list[Team]:
    names = {name for grant in given for name in grant.teams}
    found = list(Team.objects.filter(name__in=names).order_by("pk"))
    if missing := names - {team.name for team in found}:
        log.warning("A provider's groups give teams that do not exist: %s", sorted(missing))
    return found


def _shut_out(provider: Provider, claims: Claims, refusal: Refused) -> None:
    """Take away what is not given any more, end what is open, and write it down."""
    with transaction.atomic():
        user = _known(provider, claims)
        if user is not None and refusal.reason in {"no-role", "separated"}:
            people.follow_provider(user_id=user.pk, roles=frozenset())
            people.end_sessions(user_id=user.pk, by=None)
        record_refusal(provider.id, refusal, user=user, subject=claims.subject)


@transaction.atomic
def record_refusal(
    provider_id: str, refusal: Refused, *, user: User | None = None, subject: str = ""
) -> None:
    """Somebody who came from a provider was not let in."""
    trail.record(
        None,
        "accounts:session:refuse-provider",
        user,
        after={
            "provider": provider_id,
            "reason": refusal.reason,
            "detail": refusal.detail[:300],
            **({"subject": subject} if subject else {}),
        },
    )


def _free_username(provider: Provider, claims: Claims) -> str:
    """Their name there and the provider's id: never a name that a local account has."""
    wanted = re.sub(r"[^\w.+-]+", "-", claims.username.partition("@")[0], flags=re.ASCII)
    base = wanted.strip("-")[:80] or "person"
    for number in range(1, 1000):
        name = f"{base}{'' if number == 1 else f'-{number}'}@{provider.id}"
        if not User.objects.filter(username__iexact=name).exists():
            return name
    raise NotPossible("There is no free username.")


def _usable(email: str) -> str:
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email
