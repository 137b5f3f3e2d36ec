"""API tokens: made once, shown once, kept as a keyed digest, checked at every request.

A token reads `vmg_`, twelve characters that find its row, forty-three that are the secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.errors import NotPossible
from accounts.models import MAXIMUM_TOKEN_DAYS, ApiToken, User
from accounts.permissions import Permission
from audit import trail

_PREFIX_LENGTH = 12
_FORM = re.compile(rf"vmg_(?P<prefix>[0-9A-Za-z]{{{_PREFIX_LENGTH}}})[0-9A-Za-z_-]{{43}}")
_USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create(
    *,
    user: User,
    name: str,
    permissions: Iterable[Permission],
    days: int,
    by: User | None,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Return a token and its text, which nobody can read again; or raise NotPossible."""
    wanted = frozenset(permissions)
    _check(user, name, wanted, days)
    prefix = "".join(
        secrets.choice(string.ascii_letters + string.digits) for _ in range(_PREFIX_LENGTH)
    )
    text = f"vmg_{prefix}{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=prefix,
        digest=_digest(text),
        permissions=sorted(str(permission) for permission in wanted),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    trail.record(
        by,
        "accounts:token:create",
        token,
        after={
            "user": user.username,
            "permissions": token.permissions,
            "expires_at": token.expires_at.isoformat(),
        },
    )
    return token, text


@transaction.atomic
def revoke(*, token_id: int, user: User, by: User | None, now: datetime) -> ApiToken:
    """End one of this person's tokens at once, or raise ApiToken.DoesNotExist."""
    token = ApiToken.objects.select_for_update().get(pk=token_id, user=user)
    if token.revoked_at is None:
        _revoke(token, by=by, now=now)
    return token


@transaction.atomic
def revoke_all(*, user: User, by: User | None) -> None:
    """End every token of this person."""
    now = datetime.now(UTC)
    for token in ApiToken.objects.select_for_update().filter(
        user=user, revoked_at=None, expires_at__gt=now
    ):
        _revoke(token, by=by, now=now)


def authenticate(text: str, *, now: datetime) -> ApiToken | None:
    """The token this text is, with its person, if it may be used now; else None."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    token = ApiToken.objects.select_related("user").filter(prefix=match["prefix"]).first()
    genuine = hmac.compare_digest(_digest(text), token.digest if token is not None else "")
    if token is None or not genuine or not token.is_valid_at(now) or not token.user.is_active:
        return None
    _note_use(token, now=now)
    return token


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer vmg_…`. `request.auth` is the token, whose `scope` bounds it."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's person and the token; None without one; raises AuthenticationFailed (401)."""
        scheme, _, text = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = authenticate(text.strip().decode("ascii", "replace"), now=datetime.now(UTC))
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _check(user: User, name: str, wanted: frozenset[Permission], days: int) -> None:
    if not name.strip():
        raise NotPossible("A token needs a name.")
    if not wanted:
        raise NotPossible("A token without a permission can do nothing: choose at least one.")
    if not 1 <= days <= MAXIMUM_TOKEN_DAYS:
        raise NotPossible(f"A token lives between 1 and {MAXIMUM_TOKEN_DAYS} days.")
    if not user.is_active:
        raise NotPossible(f"{user} is disabled.")
    beyond = sorted(wanted - user.permissions)
    if beyond:
        raise NotPossible(f"{user} may not {', '.join(beyond)}, so a token may not either.")


def _digest(text: str) -> str:
    return hmac.new(settings.TOKEN_PEPPER, text.encode(), hashlib.sha256).hexdigest()


def _revoke(token: ApiToken, *, by: User | None, now: datetime) -> None:
    token.revoked_at = now
    token.save(update_fields=["revoked_at"])
    trail.record(by, "accounts:token:revoke", token, before={"user": token.user.username})


def _note_use(token: ApiToken, *, now: datetime) -> None:
    """Remember the use, in one statement and at most once a minute: reads stay cheap."""
    if token.last_used_at is not None and now - token.last_used_at < _USED_EVERY:
        return
    ApiToken.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lte=now - _USED_EVERY), pk=token.pk
    ).update(last_used_at=now)
