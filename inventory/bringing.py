"""Adding and changing sources whose facts are brought as files: no address and no secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from inventory.connectors import signing
from inventory.errors import NotPossible
from inventory.models import Source
from inventory.records import Platform
from inventory.sources import checked_mapping

EXPECTED_EVERY = 24 * 60  # minutes
CHANGEABLE = frozenset({"name", "trusted_key", "attribute_mapping", "interval_minutes"})


@transaction.atomic
def add(
    *,
    by: User | None,
    connector: str,
    name: str,
    trusted_key: str,
    attribute_mapping: dict[str, str],
    interval_minutes: int,
    now: datetime,
) -> Source:
    """A new source for signed bundles or for workbooks; or raise NotPossible."""
    source = Source(
        name=name,
        connector=connector,
        platform=Platform.VSPHERE,
        trusted_key=trusted_key,
        attribute_mapping=attribute_mapping,
        interval_minutes=interval_minutes,
    )
    _check(source)
    source.save()
    trail.record(by, Permission.SOURCE_MANAGE, source, after=_told(source), at=now)
    return source


@transaction.atomic
def change(*, source_id: int, by: User | None, now: datetime, **fields: Any) -> Source:
    """Change such a source, or raise NotPossible. Another key makes older bundles worthless."""
    unknown = set(fields) - CHANGEABLE
    if unknown:
        raise NotPossible(f"{', '.join(sorted(unknown))} cannot be changed.")
    source = Source.objects.select_for_update().get(pk=source_id)
    before = _told(source)
    for name, value in fields.items():
        setattr(source, name, value)
    _check(source)
    source.save()
    after = _told(source)
    changed = sorted(key for key in after if after[key] != before[key])
    if changed:
        trail.record(
            by,
            Permission.SOURCE_MANAGE,
            source,
            before={key: before[key] for key in changed},
            after={key: after[key] for key in changed},
            at=now,
        )
    return source


def _check(source: Source) -> None:
    if not source.takes_files:
        raise NotPossible(f"{source.name} is collected from its address.")
    source.attribute_mapping = checked_mapping(source.attribute_mapping)
    if source.connector == Source.Connector.BUNDLE:
        try:
            source.trusted_key = signing.public_pem(signing.read_public(source.trusted_key))
        except ValueError as error:
            raise NotPossible(f"The key cannot be trusted. {error}") from error
    try:
        source.full_clean(exclude={field.name for field in Source._meta.fields} - CHANGEABLE)
    except ValidationError as error:
        raise NotPossible(" ".join(error.messages)) from error


def _told(source: Source) -> dict[str, Any]:
    return {field: getattr(source, field) for field in sorted(CHANGEABLE)}
