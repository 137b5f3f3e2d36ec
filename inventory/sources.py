"""Adding, changing and switching sources.

A stored password goes nowhere but where it was typed for.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from inventory import secrets
from inventory.connecting import PURPOSE, destination_of, vsphere
from inventory.connectors.base import Identity
from inventory.errors import NotPossible
from inventory.models import Credential, Source
from inventory.records import Platform

MAPPED_FIELDS = ("classification", "owner", "criticality", "team")
CHANGEABLE = frozenset(
    {
        "name",
        "url",
        "username",
        "trust",
        "trust_pem",
        "attribute_mapping",
        "interval_minutes",
        "is_watched",
    }
)
DESTINATION = frozenset({"url", "trust", "trust_pem"})


def test_connection(
    *, url: str, username: str, password: str, trust: str, trust_pem: str
) -> Identity:
    """Log in with what was typed, say who answers, change nothing; or raise CollectionFailed."""
    return vsphere(
        url=checked_url(url), username=username, password=password, trust=trust, trust_pem=trust_pem
    ).probe()


@transaction.atomic
def add(
    *,
    by: User | None,
    name: str,
    url: str,
    username: str,
    password: str,
    trust: str,
    trust_pem: str,
    attribute_mapping: dict[str, str],
    interval_minutes: int,
    now: datetime,
    is_watched: bool = True,
) -> Source:
    """A new vCenter with its password sealed; or raise NotPossible."""
    source = Source(
        name=name,
        connector=Source.Connector.VSPHERE,
        platform=Platform.VSPHERE,
        url=checked_url(url),
        username=username,
        trust=trust,
        trust_pem=trust_pem,
        attribute_mapping=checked_mapping(attribute_mapping),
        interval_minutes=interval_minutes,
        is_watched=is_watched,
    )
    _check(source)
    source.save()
    _seal(source, password, now=now)
    trail.record(by, Permission.SOURCE_MANAGE, source, after=_told(source), at=now)
    return source


@transaction.atomic
def change(
    *, source_id: int, by: User | None, now: datetime, password: str = "", **fields: Any
) -> Source:
    """Change a source, or raise NotPossible.

    A change of host, port, trust or certificate needs the password again: the stored one is sealed
    for the old destination and is thrown away.
    """
    unknown = set(fields) - CHANGEABLE
    if unknown:
        raise NotPossible(f"{', '.join(sorted(unknown))} cannot be changed.")
    source = Source.objects.select_for_update().get(pk=source_id)
    before, bound_to = _told(source), destination_of(source)
    for name, value in fields.items():
        setattr(source, name, value)
    source.url = checked_url(source.url)
    source.attribute_mapping = checked_mapping(source.attribute_mapping)
    _check(source)
    if destination_of(source) != bound_to and not password:
        raise NotPossible(
            "The address or its certificate changes, so the password has to be typed again. "
            "The stored one stays bound to the old destination."
        )
    source.save()
    if password:
        _seal(source, password, now=now)
    after = _told(source) | ({"password": "typed again"} if password else {})
    changed = {key for key in after if after[key] != before.get(key)}
    if changed:
        trail.record(
            by,
            Permission.SOURCE_MANAGE,
            source,
            before={key: before.get(key) for key in sorted(changed)},
            after={key: after[key] for key in sorted(changed)},
            at=now,
        )
    return source


@transaction.atomic
def set_enabled(*, source_id: int, by: User | None, now: datetime, enabled: bool) -> Source:
    """Switch a source on or off. Its facts and findings stay; they grow old."""
    source = Source.objects.select_for_update().get(pk=source_id)
    if source.is_enabled != enabled:
        source.is_enabled = enabled
        source.save(update_fields=["is_enabled"])
        trail.record(
            by,
            Permission.SOURCE_MANAGE,
            source,
            before={"is_enabled": not enabled},
            after={"is_enabled": enabled},
            at=now,
        )
    return source


def disable(*, source_id: int, by: User | None, now: datetime) -> Source:
    return set_enabled(source_id=source_id, by=by, now=now, enabled=False)


def enable(*, source_id: int, by: User | None, now: datetime) -> Source:
    return set_enabled(source_id=source_id, by=by, now=now, enabled=True)


def checked_url(url: str) -> str:
    """The address in one form, or raise NotPossible. https only; the path is /sdk unless given."""
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        raise NotPossible("The port in the address is not a number from 1 to 65535.") from None
    if parts.scheme != "https" or not parts.hostname:
        raise NotPossible("The address has to look like https://vcenter.example.org/sdk.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise NotPossible("The address may hold a host, a port and a path, nothing else.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}{f':{port}' if port else ''}{parts.path.rstrip('/') or '/sdk'}"


def checked_mapping(mapping: dict[str, str]) -> dict[str, str]:
    """The mapping without empty entries, or raise NotPossible."""
    unknown = set(mapping) - set(MAPPED_FIELDS)
    if unknown:
        raise NotPossible(f"{', '.join(sorted(unknown))} cannot come from a custom attribute.")
    return {field: name.strip() for field, name in mapping.items() if name.strip()}


def _check(source: Source) -> None:
    if source.trust != Source.Trust.SYSTEM and "BEGIN CERTIFICATE" not in source.trust_pem:
        raise NotPossible("A certificate in PEM form is needed for this way of trust.")
    if source.trust == Source.Trust.SYSTEM:
        source.trust_pem = ""
    try:
        source.full_clean(exclude={field.name for field in Source._meta.fields} - CHANGEABLE)
    except ValidationError as error:
        raise NotPossible(" ".join(error.messages)) from error


def _seal(source: Source, password: str, *, now: datetime) -> None:
    if not password:
        raise NotPossible("A password is needed.")
    sealed = secrets.seal(password, purpose=PURPOSE, row_id=source.pk, to=destination_of(source))
    Credential.objects.update_or_create(
        source=source,
        defaults={
            "key_id": sealed.key_id,
            "nonce": sealed.nonce,
            "ciphertext": sealed.ciphertext,
            "sealed_at": now,
        },
    )


def _told(source: Source) -> dict[str, Any]:
    """What the audit log says of a source: everything but secrets."""
    return {field: getattr(source, field) for field in sorted(CHANGEABLE)}
