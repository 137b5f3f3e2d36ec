"""What `manage.py check --deploy` refuses in production."""

from importlib.util import find_spec
from typing import Any

import msgspec
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import Error as DatabaseError

from vmgov import privileges
from vmgov.env import Env

NEEDED = {"oidc": "joserfc", "saml": "onelogin"}


@register()
def providers_can_be_used(**_: Any) -> list[CheckMessage]:
    """Say which extra is missing before somebody wants to sign in."""
    kinds = {msgspec.to_builtins(provider)["kind"] for provider in settings.SSO_PROVIDERS}
    return [
        Error(
            f"SSO_PROVIDERS names a provider of the kind {kind}, which needs the extra `sso`.",
            hint="pip install --require-hashes --requirement requirements-sso.lock",
            id="vmgov.E007",
        )
        for kind in sorted(kinds)
        if find_spec(NEEDED[kind]) is None
    ]


@register(Tags.security, deploy=True)
def production_is_safe(**_: Any) -> list[CheckMessage]:
    """Name everything that is fine on one's own machine and not in production."""
    env: Env = settings.ENV
    found: list[CheckMessage] = []
    if env.is_embedded:
        found.append(
            Error(
                "The embedded database is for trying things out.",
                hint="Set DATABASE_URL to a PostgreSQL that is backed up.",
                id="vmgov.E001",
            )
        )
    if not env.redis_url:
        found.append(
            Error(
                "Messages through files reach one machine only and may be lost.",
                hint="Set REDIS_URL to a Redis or Valkey.",
                id="vmgov.E002",
            )
        )
    if not env.is_https:
        found.append(
            Error(
                "Passwords and sessions would travel in the clear.",
                hint="Put a proxy with TLS in front and set PUBLIC_URL to its https address.",
                id="vmgov.E003",
            )
        )
    if settings.SECRET_KEY in settings.SECRET_KEY_FALLBACKS:
        found.append(
            Error(
                "SECRET_KEY is one of its own SECRET_KEY_FALLBACKS.",
                hint="Name only earlier keys there.",
                id="vmgov.E004",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "Any host name is answered to.",
                hint="Name the hosts in ALLOWED_HOSTS.",
                id="vmgov.E005",
            )
        )
    if not env.require_second_factor:
        found.append(
            Error(
                "A password alone lets approvers, operators and user administrators in.",
                hint="Leave REQUIRE_SECOND_FACTOR on.",
                id="vmgov.E006",
            )
        )
    return found


@register(Tags.security, deploy=True)
def application_owns_nothing(**_: Any) -> list[CheckMessage]:
    """Ask the database whether its role could undo what constraints and triggers promise."""
    env: Env = settings.ENV
    if env.is_embedded:
        return []  # refused already, and its roles are made apart
    try:
        excess = privileges.excess()
    except DatabaseError as error:
        return [
            Error(
                "The database could not be asked what its role may do.",
                hint=f"{str(error).strip()}. Run this where the database can be reached.",
                id="vmgov.E011",
            )
        ]
    if not excess:
        return []
    return [
        Error(
            "The role of DATABASE_URL could change what must not change. " + " ".join(excess),
            hint="Set DATABASE_OWNER_URL to the role that owns the schema, run what `manage.py "
            "database_roles` prints as the database's administrator, then `manage.py migrate`.",
            id="vmgov.E010",
        )
    ]
